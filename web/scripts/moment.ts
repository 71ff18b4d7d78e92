// Says where the browser is, so that the server tells times in the reader's own zone.

const COOKIE = "sickbay-zone";
const BROWSERS = "here:";
const YEAR_S = 31_536_000;

/**
 * Starts it. The page that is open was made before; the next one, and each part that comes anew, is in the zone. A zone that was chosen
 * on a page stays: its cookie is kept from scripts, so that this one is not taken in its place.
 */
export function startMoments(): void {
  const here = `${COOKIE}=${BROWSERS}${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  if (document.cookie.split("; ").includes(here)) return;
  document.cookie = `${here}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
}
