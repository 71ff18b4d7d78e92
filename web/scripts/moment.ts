// Exact times on hover, in the reader's own time zone beside UTC.

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function show(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime()) || time.title.includes("·")) continue;
    time.title = `${format.format(at)} · ${time.title}`;
  }
}

/** Starts it, also for times that come with a later change of the page. */
export function startMoments(): void {
  show();
  document.addEventListener("sickbay:shown", show);
}
