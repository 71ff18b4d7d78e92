// The list follows while a filter is typed, and "f" leads to the filter box.
import { regions, takeOver } from "./page";
import { leadsTo } from "./keys";

const TYPING_MS = 300;

function addressOf(form: HTMLFormElement): string {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value.trim() !== "") address.searchParams.set(name, value);
  }
  return address.href;
}

async function apply(form: HTMLFormElement): Promise<void> {
  const address = addressOf(form);
  if (address === location.href) return;
  if (await takeOver(address, regions())) history.replaceState(null, "", address);
}

/** Starts both. */
export function startFiltering(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-filter]");
  const box = form?.querySelector<HTMLInputElement>("input[type=search]");
  if (!form || !box) return;
  let timer: number | undefined;
  box.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void apply(form), TYPING_MS);
  });
  leadsTo("f", box);
}
