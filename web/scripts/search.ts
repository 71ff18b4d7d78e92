// The search box: "/" leads to it from anywhere, and while a text is typed the server suggests what it could mean. A combobox with a
// listbox, by the pattern of the ARIA Authoring Practices: the focus stays in the box, the arrow keys choose, Enter follows, Escape closes.
// Without it, the box is a plain form.
import { leadsTo } from "./keys";
import * as words from "./words";

const TYPING_MS = 150;

class Suggestions {
  private timer: number | undefined;
  private running: AbortController | undefined;
  private chosen = -1;

  constructor(
    private readonly box: HTMLInputElement,
    private readonly place: HTMLElement,
    private readonly status: HTMLElement | null,
    private readonly address: string,
  ) {}

  private options(): HTMLAnchorElement[] {
    return [...this.place.querySelectorAll<HTMLAnchorElement>("[role=option]")];
  }

  get isOpen(): boolean {
    return !this.place.hidden;
  }

  typed(): void {
    window.clearTimeout(this.timer);
    this.running?.abort();
    // What was suggested for another text is not followed by accident.
    this.choose(-1);
    if (this.box.value.trim() === "") return this.close();
    this.timer = window.setTimeout(() => void this.ask(), TYPING_MS);
  }

  private async ask(): Promise<void> {
    const mine = (this.running = new AbortController());
    const address = new URL(this.address, location.href);
    address.searchParams.set("q", this.box.value);
    try {
      const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" }, cache: "no-store" });
      const text = await answer.text();
      if (mine.signal.aborted) return;
      const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[role=listbox]");
      // Signed out, or an error: submitting the form tells of it.
      if (!answer.ok || !fresh || document.activeElement !== this.box) return this.close();
      this.place.replaceChildren(document.importNode(fresh, true));
      this.chosen = -1;
      this.place.hidden = false;
      this.box.setAttribute("aria-expanded", "true");
      this.say();
    } catch {
      // The network is away, or more was typed.
    }
  }

  private say(): void {
    const found = this.options().length - 1;
    if (this.status) this.status.textContent = words.suggestions(found);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.running?.abort();
    this.choose(-1);
    this.place.hidden = true;
    this.place.replaceChildren();
    this.box.setAttribute("aria-expanded", "false");
    if (this.status) this.status.textContent = "";
  }

  /** Moves the choice; past either end it is in the box again. */
  move(by: 1 | -1): void {
    const places = this.options().length + 1;
    this.choose(((this.chosen + 1 + by + places) % places) - 1);
  }

  private choose(place: number): void {
    const options = this.options();
    this.chosen = place;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    const option = options[place];
    if (!option) return this.box.removeAttribute("aria-activedescendant");
    this.box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  /** Follows the chosen one; `false` where none is, and the form is to be sent. */
  follow(): boolean {
    const option = this.options()[this.chosen];
    option?.click();
    return option !== undefined;
  }
}

function startSuggesting(form: HTMLFormElement, box: HTMLInputElement): void {
  const place = form.querySelector<HTMLElement>("[data-suggestions]");
  const address = form.dataset.search;
  if (!place || !address) return;
  const suggestions = new Suggestions(box, place, form.querySelector("[data-search-status]"), address);
  place.id = "search-suggestions";
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-expanded", "false");
  box.setAttribute("aria-controls", "search-options");
  box.addEventListener("input", () => suggestions.typed());
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!suggestions.isOpen) suggestions.typed();
      else suggestions.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      if (!suggestions.follow()) return;
    } else if (event.key === "Escape" && suggestions.isOpen) {
      suggestions.close();
    } else {
      return;
    }
    event.preventDefault();
  });
  // A click into the list leaves the focus in the box, so that the list is still there when the click comes.
  place.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("blur", () => suggestions.close());
  // Whoever comes back to a page that the browser kept finds it as if it were new.
  window.addEventListener("pagehide", () => suggestions.close());
}

/** Starts it. */
export function startSearching(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-search]");
  const box = form?.querySelector<HTMLInputElement>("input[type=search]");
  if (!form || !box) return;
  startSuggesting(form, box);
  leadsTo("/", box);
}
