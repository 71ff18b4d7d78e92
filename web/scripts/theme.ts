// The switch between the system's colours, light and dark. The choice is a cookie, so that the server can send the next page right.

const COOKIE = "sickbay-theme";
const CHOICES = ["system", "light", "dark"] as const;
const LABELS = { system: "Auto", light: "Light", dark: "Dark" };
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
    button.textContent = LABELS[choice];
    // The word on the button stands in its name, so that speaking it finds it.
    button.setAttribute("aria-label", `Theme: ${LABELS[choice]}`);
    button.title = "Colours: as the system says, light, or dark";
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
