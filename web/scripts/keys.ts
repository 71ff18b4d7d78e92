// Single keys that lead somewhere, and the switch that turns them off: whoever speaks to the machine, or hits keys by chance, would be led
// away (WCAG 2.1.4). The choice stays in this browser.

import * as words from "./words";

const KEPT = "sickbay-keys";

function areOn(): boolean {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    // Where nothing may be kept, nothing was switched off.
    return true;
  }
}

function isTyped(event: KeyboardEvent): boolean {
  const at = event.target;
  const types = at instanceof HTMLElement && (at.isContentEditable || at.closest("input, textarea, select") !== null);
  return types || event.ctrlKey || event.metaKey || event.altKey;
}

/** Has a key lead to a box, unless keys are switched off or it is typed into something. */
export function leadsTo(key: string, box: HTMLInputElement): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== key || isTyped(event) || !areOn()) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

/** Starts the switch. */
export function startKeysSwitch(): void {
  const button = document.querySelector<HTMLButtonElement>("[data-keys-switch]");
  if (!button) return;
  const show = () => (button.textContent = areOn() ? words.KEYS_OFF : words.KEYS_ON);
  show();
  button.hidden = false;
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEPT, areOn() ? "off" : "on");
    } catch {
      button.textContent = words.KEYS_NOT_KEPT;
      return;
    }
    show();
  });
}
