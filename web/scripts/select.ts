// Boxes before devices: one that chooses all that are shown, and how many are chosen.

import * as words from "./words";

function boxes(form: HTMLFormElement): HTMLInputElement[] {
  return [...form.querySelectorAll<HTMLInputElement>("input[name=device]")];
}

function show(form: HTMLFormElement): void {
  const all = form.querySelector<HTMLInputElement>("[data-select-all]");
  const said = form.querySelector<HTMLElement>("[data-selected]");
  if (!all || !said) return;
  const shown = boxes(form);
  const chosen = shown.filter((box) => box.checked).length;
  all.hidden = false;
  all.checked = chosen > 0 && chosen === shown.length;
  all.indeterminate = chosen > 0 && chosen < shown.length;
  said.textContent = words.chosen(chosen);
}

/** Starts them, also in lists that come with a later change of the page. */
export function startSelecting(): void {
  const showAll = () => document.querySelectorAll<HTMLFormElement>("form[data-selection]").forEach(show);
  showAll();
  document.addEventListener("sickbay:shown", showAll);
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    const form = box.closest<HTMLFormElement>("form[data-selection]");
    if (!form) return;
    if (box.matches("[data-select-all]")) for (const one of boxes(form)) one.checked = box.checked;
    show(form);
  });
}
