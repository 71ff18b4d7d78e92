// English words that scripts put into pages: all of them, so that another language is another file like this one. Numbers are written as the
// page's own language writes them.

/** Shown on a copy button, and for a while after it was used. */
export const COPY = "Copy";
export const COPIED = "Copied";
export const NOT_COPIED = "Not copied";

/** What the switch of the keys does. */
export const KEYS_OFF = "Switch the keys / and f off";
export const KEYS_ON = "Switch the keys / and f on";
export const KEYS_NOT_KEPT = "This browser keeps no such choice";

/** Whether the page follows changes. */
export const LIVE = "Live";
export const NOT_LIVE = "Not live";
export const RECONNECTING = "Reconnecting";

/** The colours that the switch stands at. */
export const THEMES = { system: "Auto", light: "Light", dark: "Dark" };
export const THEME_MEANING = "Colours: as the system says, light, or dark";

/** The name of that switch. The word on the button stands in it, so that speaking it finds it. */
export function theme(shown: string): string {
  return `Theme: ${shown}`;
}

/** How many suggestions there are. */
export function suggestions(found: number): string {
  return found === 1 ? "1 suggestion" : `${found} suggestions`;
}

/** Beside the box that chooses every device that is shown. */
export function chosen(devices: number): string {
  return devices === 0 ? "Choose all shown" : `${devices} chosen`;
}

/** What can be done with a chart. */
export const CHART_HINT = "Hover for the figures, draw across to zoom, double-click for all days.";

/** The last days of a chart. */
export function days(number: number): string {
  return `${number} days`;
}

/** A day of a chart that was not counted. */
export function notCounted(date: string): string {
  return `${date}: not counted`;
}

/** A day of a chart, with each number and what it counts. */
export function counted(date: string, figures: [number | null, string][]): string {
  const language = document.documentElement.lang;
  return `${date}: ${figures.map(([number, label]) => `${number?.toLocaleString(language)} ${label.toLowerCase()}`).join(", ")}`;
}
