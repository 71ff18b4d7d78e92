// Text of devices that is longer than its box scrolls in there. The keyboard can reach such a box, in every browser: some do so by
// themselves, some only where it is said.

/** Every box of the style sheet that may scroll by itself; a test compares. */
const BOXES = ".causes li, .feed p, td bdi, .raw, .group-label, .hits .hit-title, .hits .sub, .identity dd, .verdict .summary";

function reach(box: Element): void {
  const scrolls = box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth;
  // What holds a link is come to by that.
  if (scrolls && getComputedStyle(box).overflowY === "auto" && !box.querySelector("a, button")) box.setAttribute("tabindex", "0");
  else box.removeAttribute("tabindex");
}

/** Starts it, also for boxes that come with a later change of the page, that grow, or that are opened. */
export function startReaching(): void {
  const sizes = new ResizeObserver((changes) => changes.forEach((change) => reach(change.target)));
  const look = () => {
    sizes.disconnect();
    // Each is told once as soon as it is watched.
    for (const box of document.querySelectorAll(BOXES)) sizes.observe(box);
  };
  look();
  document.addEventListener("sickbay:shown", look);
}
