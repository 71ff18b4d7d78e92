// The switch between the system's colours, light and dark. The choice is a cookie, so that the server can send the next page right.

import * as words from "./words";

const COOKIE = "sickbay-theme";
const CHOICES = ["system", "light", "dark"] as const;
const YEAR_S = 31_536_000;
type Choice = (typeof CHOICES)[number];

/** The choice kept in the cookie; without one, what the server sent. */
function kept(): Choice {
  const cookie = document.cookie.split("; ").find((c) => c.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  const value = cookie ?? document.documentElement.dataset.theme;
  return CHOICES.find((choice) => choice === value) ?? "system";
}

/** Starts it. */
export function startThemeSwitch(): void {
  const button = document.querySelector<HTMLButtonElement>("[data-theme-switch]");
  const show = (choice: Choice) => {
    document.documentElement.dataset.theme = choice;
    if (!button) return;
    const shown = words.THEMES[choice];
    button.textContent = shown;
    button.setAttribute("aria-label", words.theme(shown));
    button.title = words.THEME_MEANING;
  };
  show(kept());
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = CHOICES[(CHOICES.indexOf(kept()) + 1) % CHOICES.length];
    document.cookie = `${COOKIE}=${next}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
    show(next);
  });
}
