// Copy buttons beside commands. They are hidden until here, and stay so where the browser cannot copy (plain HTTP to a far host).

import * as words from "./words";

const SHOWN_MS = 2_000;

function reveal(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) button.hidden = false;
}

/** Starts them, also for those that come with a later change of the page. */
export function startCopying(): void {
  if (!navigator.clipboard) return;
  reveal();
  document.addEventListener("sickbay:shown", reveal);
  document.addEventListener("click", async (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-copy]");
    const text = button?.parentElement?.querySelector("code")?.textContent;
    if (!button || text == null) return;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = words.COPIED;
    } catch {
      button.textContent = words.NOT_COPIED;
    }
    window.setTimeout(() => (button.textContent = words.COPY), SHOWN_MS);
  });
}
