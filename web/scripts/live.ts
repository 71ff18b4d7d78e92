// Listens to the server's stream of changes and shows them. One stream per visible page: a hidden one lets go of its connection,
// because browsers allow few of them, and catches up when it is looked at again.
import { isBusy, regions, takeOver } from "./page";
import * as words from "./words";

/** A burst of changes becomes one fetch. In milliseconds. */
const GATHER_MS = 250;
/** At least this long between two fetches, however busy the fleet is. In milliseconds. */
const PAUSE_MS = 2_000;
/** Times are told as "3 min ago" and grow old without any change. In milliseconds. */
const AGE_MS = 60_000;

const changed = new Set<string>();
let everything = false;
let timer: number | undefined;
let lastFetch = 0;
let stream: EventSource | undefined;

function say(state: "on" | "waiting" | "off", text: string): void {
  const place = document.querySelector<HTMLElement>("[data-live]");
  if (!place || place.dataset.live === state) return;
  place.hidden = false;
  place.dataset.live = state;
  place.textContent = text;
}

function schedule(): void {
  if (timer !== undefined || document.hidden) return;
  const wait = Math.max(GATHER_MS, lastFetch + PAUSE_MS - Date.now());
  timer = window.setTimeout(show, wait);
}

async function show(): Promise<void> {
  timer = undefined;
  // A filter that is just being applied shows the newest state anyway.
  if (isBusy()) return schedule();
  const concerned = regions().filter(
    (part) => everything || (part.dataset.region ?? "").split(" ").some((name) => changed.has(name)),
  );
  changed.clear();
  everything = false;
  if (concerned.length === 0) return;
  lastFetch = Date.now();
  await takeOver(location.href, concerned);
}

function catchUp(): void {
  everything = true;
  schedule();
}

function open(address: string): void {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  const mine = (stream = new EventSource(address));
  let lost = false;
  mine.onopen = () => {
    say("on", words.LIVE);
    // What is under way may have ended before anybody listened.
    if (lost || document.querySelector("[data-region] progress")) catchUp();
    lost = false;
  };
  mine.onerror = () => {
    lost = true;
    if (mine.readyState === EventSource.CLOSED) say("off", words.NOT_LIVE);
    else say("waiting", words.RECONNECTING);
  };
  mine.addEventListener("change", (event) => {
    try {
      for (const name of JSON.parse((event as MessageEvent<string>).data).regions) changed.add(name);
      schedule();
    } catch {
      catchUp();
    }
  });
}

/** Starts listening where the page says that there is a stream. */
export function startListening(): void {
  const address = document.body.dataset.events;
  if (!address) return;
  if (!document.hidden) open(address);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = undefined;
    } else {
      open(address);
      catchUp();
    }
  });
  window.setInterval(() => {
    if (document.hidden) return;
    // A stream that the server refused for a moment (restart, proxy) is not given up.
    open(address);
    catchUp();
  }, AGE_MS);
}
