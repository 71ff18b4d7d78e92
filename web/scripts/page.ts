// Takes over parts of a page as the server now shows them. What the person did to it (focus, typed text, chosen boxes, opened
// details, scroll position, selection) stays, because unchanged nodes stay.
import { Idiomorph } from "idiomorph";

/** Attributes in which a person's own choices live, by element. */
const CHOICES: Record<string, string[]> = {
  DETAILS: ["open"],
  INPUT: ["checked"],
};

/** Kinds of inputs into which a person types. */
const TYPED = ["text", "date"];

const callbacks = {
  // What a script put there is no part of any page that the server sends.
  beforeNodeRemoved(node: Node): boolean {
    return !(node instanceof HTMLElement && "kept" in node.dataset);
  },
  beforeAttributeUpdated(name: string, node: Element): boolean {
    if (name === "value" && node instanceof HTMLInputElement && TYPED.includes(node.type)) return false;
    return !(CHOICES[node.nodeName] ?? []).includes(name);
  },
};

let running: AbortController | undefined;

/** Every part of the page that may change. */
export function regions(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-region]")];
}

/**
 * Fetches `url` and takes over `parts` from it. A later call ends an earlier one, so an old answer never replaces a newer one.
 * Answers whether it happened.
 */
export async function takeOver(url: string, parts: HTMLElement[]): Promise<boolean> {
  running?.abort();
  const mine = (running = new AbortController());
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" }, cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine.signal.aborted) return false;
    // Signed out, or a server of another version whose parts may not fit these: a whole new page is right.
    if (answer.status === 401 || answer.status === 403 || fresh.body.dataset.version !== document.body.dataset.version) {
      location.reload();
      return false;
    }
    if (answer.status >= 500) return false;
    for (const part of parts) {
      const replacement = fresh.getElementById(part.id);
      if (replacement) Idiomorph.morph(part, replacement, { morphStyle: "outerHTML", ignoreActiveValue: true, callbacks });
    }
    document.dispatchEvent(new CustomEvent("sickbay:shown"));
    return true;
  } catch {
    // The network is away or a newer call took over; the next change or the next minute tries again.
    return false;
  } finally {
    if (running === mine) running = undefined;
  }
}

/** Whether an answer is awaited. */
export function isBusy(): boolean {
  return running !== undefined;
}
