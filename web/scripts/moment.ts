// Says where the browser is, so that the server tells times in the reader's own zone. A zone that was chosen on a page stays.

const COOKIE = "sickbay-zone";
const BROWSERS = "here:";
const YEAR_S = 31_536_000;

/** Starts it. The page that is open was made before; the next one, and each part that comes anew, is in the zone. */
export function startMoments(): void {
  const kept = document.cookie.split("; ").find((c) => c.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  const here = BROWSERS + Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (kept === here || (kept && !kept.startsWith(BROWSERS))) return;
  document.cookie = `${COOKIE}=${here}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
}
