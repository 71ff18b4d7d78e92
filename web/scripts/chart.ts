// Charts that one can hover and zoom, in the place of the drawn ones. Their numbers are those of the table below each.
import uPlot from "uplot";
import look from "uplot/dist/uPlot.min.css";
import * as words from "./words";

const DAY_S = 86_400;
/** How high a chart is, in pixels. */
const HIGH = 210;
/** Ranges that buttons lead to, in days. */
const RANGES = [7, 30, 90];

type Figures = { days: number[]; bands: { label: string; tone: string; values: (number | null)[] }[] };
type Drawn = { plot: uPlot; root: HTMLElement; said: HTMLElement; watch: ResizeObserver; of: string };

const drawn = new Map<string, Drawn>();

/** The numbers of a table, the oldest day first; a day that the table leaves out is a gap. */
function figures(table: HTMLTableElement): Figures {
  const heads = [...table.tHead!.rows[0].cells].slice(1);
  const bands = heads.map((head) => ({ label: head.textContent ?? "", tone: head.dataset.tone ?? "quiet", values: [] as (number | null)[] }));
  const days: number[] = [];
  for (const row of [...table.tBodies[0].rows].reverse()) {
    const day = Date.parse(`${row.cells[0].textContent?.trim()}T00:00:00Z`) / 1000;
    for (let missing = (days.at(-1) ?? day) + DAY_S; missing < day; missing += DAY_S) {
      days.push(missing);
      for (const band of bands) band.values.push(null);
    }
    days.push(day);
    bands.forEach((band, place) => band.values.push(Number(row.cells[place + 1].dataset.value)));
  }
  return { days, bands };
}

/** Each band upon those before it. */
function stacked(of: Figures): (number | null)[][] {
  const sums: (number | null)[] = of.days.map(() => 0);
  return of.bands.map((band) =>
    band.values.map((value, day) => (sums[day] = value === null ? null : (sums[day] ?? 0) + value)),
  );
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function inWords(of: Figures, day: number): string {
  const date = new Date(of.days[day] * 1000).toISOString().slice(0, 10);
  if (of.bands[0].values[day] === null) return words.notCounted(date);
  return words.counted(
    date,
    of.bands.map((band) => [band.values[day], band.label]),
  );
}

function draw(place: HTMLElement, table: HTMLTableElement): void {
  const id = place.dataset.chart ?? "";
  const of = table.textContent ?? "";
  const before = drawn.get(id);
  const plain = place.querySelector<HTMLElement>(".chart-drawn");
  if (plain) plain.hidden = true;
  if (before && before.of === of && before.root.isConnected) return;
  before?.watch.disconnect();
  before?.plot.destroy();
  before?.root.remove();

  const told = figures(table);
  const root = document.createElement("div");
  // Whatever takes over a newer page leaves this alone.
  root.dataset.kept = "";
  root.className = "chart-live";
  const ranges = document.createElement("div");
  ranges.className = "chart-ranges";
  const area = document.createElement("div");
  const said = document.createElement("p");
  said.className = "chart-said";
  said.textContent = words.CHART_HINT;
  root.append(area, said, ranges);
  place.append(root);

  const tops = stacked(told);
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--muted"), grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const options: uPlot.Options = {
    width: place.clientWidth - 36,
    height: HIGH,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [
      { ...axis, size: 28, values: [[7 * DAY_S, "{MMM} {D}", null, null, null, null, null, null, 0], [DAY_S, "{MMM} {D}", null, null, null, null, null, null, 0]] },
      { ...axis, size: 52, values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? n.toLocaleString("en") : "")) },
    ],
    // The uppermost first, so that the ones below are painted over it.
    series: [
      {},
      ...told.bands
        .map((band) => ({
          label: band.label,
          fill: colour(`--fill-${band.tone}`),
          stroke: colour("--surface"),
          width: 1,
          points: { show: false },
          spanGaps: false,
        }))
        .reverse(),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const day = plot.cursor.idx;
          said.textContent = day == null ? words.CHART_HINT : inWords(told, day);
        },
      ],
    },
  };
  const plot = new uPlot(options, [told.days, ...tops.reverse()] as uPlot.AlignedData, area);
  for (const days of RANGES.filter((days) => days <= told.days.length)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet-button";
    button.textContent = words.days(days);
    button.addEventListener("click", () => {
      const last = told.days[told.days.length - 1];
      plot.setScale("x", { min: last - (days - 1) * DAY_S, max: last });
    });
    ranges.append(button);
  }
  const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth - 36, height: HIGH }));
  watch.observe(place);
  drawn.set(id, { plot, root, said, watch, of });
}

function drawAll(): void {
  for (const place of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    const table = document.getElementById(place.dataset.chart ?? "");
    if (table instanceof HTMLTableElement) draw(place, table);
  }
}

function drawAnew(): void {
  for (const one of drawn.values()) one.of = "";
  drawAll();
}

/** Starts them, and draws them again where numbers or colours change. */
export function startCharts(): void {
  if (!document.querySelector("[data-chart]")) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(look);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  drawAll();
  document.addEventListener("sickbay:shown", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
  new MutationObserver(drawAnew).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
