// Small charts under the timeline: pods by phase, requests, what is used, the API server's answers. They have the timeline's
// ends and its handle; a press or a drag on one goes to that moment. The same numbers are a table for those who cannot see.

import { ask, clock, follow, h, number, t } from "./stage/base.js";

/** A moment's rate is measured over so many virtual milliseconds at least, or over this part of the whole. */
const WINDOW_MS = 8000;
const WINDOW_PART = 1 / 60;
/** Rows of the table. */
const ROWS = 12;
const [WIDE, HIGH] = [1000, 100];
const SVG = "http://www.w3.org/2000/svg";

// Columns of a sample (frontend/src/worker/numbers.rs).
const [AT, PENDING, STARTING, RUNNING, READY, , FAILED, TERMINATING, UNKNOWN, VISITORS, LOST, ASKED, REFUSED, TOOK, CPU_SPENT, CPU_ASKED, CPU, MEMORY_USED, MEMORY_ASKED, MEMORY] = Array(21).keys();

const rate = (column) => (now, then) => ((now[column] - then[column]) * 1000) / Math.max(1, now[AT] - then[AT]);
const share = (part, whole) => (whole > 0 ? (part / whole) * 100 : 0);
const each = (part, whole) => (now, then) => (now[whole] > then[whole] ? (now[part] - then[part]) / (now[whole] - then[whole]) : undefined);

/** A line has a name, the word that the style sheet knows, and its value from a sample and one a little before. */
const CHARTS = [
  { name: "pods", stacked: true, lines: [
    ["ready", "good", (now) => now[READY]],
    ["starting", "traffic", (now) => now[STARTING] + now[RUNNING]],
    ["pending", "quiet", (now) => now[PENDING] + now[TERMINATING]],
    ["failed", "bad", (now) => now[FAILED] + now[UNKNOWN]],
  ] },
  { name: "requests", unit: "per_second", least: 1, digits: 1, lines: [
    ["answered", "traffic", (now, then) => rate(VISITORS)(now, then) - rate(LOST)(now, then)],
    ["lost", "bad", rate(LOST)],
  ] },
  { name: "used", unit: "percent", least: 20, lines: [
    ["cpu_used", "traffic", (now, then) => share(rate(CPU_SPENT)(now, then), now[CPU])],
    ["cpu_asked", "traffic thin", (now) => share(now[CPU_ASKED], now[CPU])],
    ["memory_used", "good", (now) => share(now[MEMORY_USED], now[MEMORY])],
    ["memory_asked", "good thin", (now) => share(now[MEMORY_ASKED], now[MEMORY])],
  ] },
  { name: "api", unit: "millis", least: 10, digits: 1, lines: [
    ["latency", "accent", each(TOOK, ASKED)],
  ], beside: [
    ["api_requests", rate(ASKED)],
    ["api_refused", rate(REFUSED)],
  ] },
];

/** The values of a chart's lines at each sample. */
export function valuesOf(chart, samples) {
  const length = samples.length ? samples.at(-1)[AT] - samples[0][AT] : 0;
  const apart = Math.max(WINDOW_MS, length * WINDOW_PART);
  let first = 0;
  return samples.map((now) => {
    while (now[AT] - samples[first + 1]?.[AT] >= apart) first++;
    const then = samples[first];
    const of = (line) => Math.max(0, line.at(-1)(now, then) ?? Number.NaN);
    return [...chart.lines, ...(chart.beside ?? [])].map(of);
  });
}

/** The sample that tells how it was at a moment. */
export const indexAt = (samples, at) => Math.max(0, samples.findLastIndex((sample) => sample[AT] <= at));

const shape = (name, values) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
};

/** One chart: its words and its drawing. */
function createChart(chart, look) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const cursor = h("i", { class: "chart-cursor", "aria-hidden": "true" });
  const plot = h("div", { class: "chart-plot" }, svg, cursor);
  const title = h("h2", {});
  const top = h("span", { class: "chart-top", "aria-hidden": "true" });
  const legend = h("p", { class: "chart-legend" });
  const unit = h("small", {});
  const element = h("section", { class: "chart", "data-chart": chart.name }, h("div", { class: "chart-head" }, title, unit, top), plot, legend);
  const state = { hover: undefined };
  const part = (event) => {
    const rect = plot.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - rect.left) / Math.max(1, rect.width)));
  };
  let held = false;
  plot.addEventListener("pointerdown", (event) => {
    held = true;
    plot.setPointerCapture(event.pointerId);
    look(part(event));
  });
  plot.addEventListener("pointermove", (event) => {
    state.hover = part(event);
    if (held) look(state.hover);
    tell();
  });
  for (const kind of ["pointerup", "pointercancel"]) plot.addEventListener(kind, () => (held = false));
  plot.addEventListener("pointerleave", () => {
    state.hover = undefined;
    tell();
  });
  const words = (value) => (Number.isNaN(value) ? "–" : number(value, chart.digits ?? 0));
  const measured = (value) => (chart.unit && !Number.isNaN(value) ? t(`unit_${chart.unit}`, { count: words(value) }) : words(value));
  let known = { samples: [], values: [], from: 0, head: 1, now: 0 };
  const said = (values) => chart.lines.map(([name], line) => `${t(`line_${name}`)} ${measured(values[line])}`)
    .concat((chart.beside ?? []).map(([name], line) => t(`line_${name}`, { count: words(values[chart.lines.length + line]) }))).join(", ");
  function tell() {
    const at = state.hover === undefined ? known.now : known.from + (known.head - known.from) * state.hover;
    const values = known.values[indexAt(known.samples, at)];
    if (!values) return;
    title.textContent = t(`chart_${chart.name}`);
    unit.textContent = t(`of_${chart.name}`);
    const one = ([name, look], line) => h("span", { class: `key ${look}` }, h("i", {}), `${t(`line_${name}`)} `, h("b", {}, measured(values[line])));
    const more = ([name], line) => h("span", {}, t(`line_${name}`, { count: words(values[chart.lines.length + line]) }));
    legend.replaceChildren(...chart.lines.map(one), ...(chart.beside ?? []).map(more));
    svg.setAttribute("aria-label", `${t(`chart_${chart.name}`)}: ${said(values)}`);
  }
  /** Draws anew; `at` are the places of the samples, from 0 to 1. */
  function draw(next) {
    known = next;
    const { samples, values, from, head } = next;
    const places = samples.map((sample) => ((sample[AT] - from) / Math.max(1, head - from)) * WIDE);
    const sums = values.map((row) => row.slice(0, chart.lines.length).reduce((sum, value) => sum + (value || 0), 0));
    const highest = Math.max(chart.least ?? 1, ...(chart.stacked ? sums : values.flatMap((row) => row.slice(0, chart.lines.length).filter((value) => !Number.isNaN(value)))));
    const y = (value) => Math.round((HIGH - (value / highest) * (HIGH - 8)) * 10) / 10;
    const floor = values.map(() => 0);
    const drawn = chart.lines.map(([, look], line) => {
      const tops = values.map((row, index) => (chart.stacked ? (floor[index] += row[line]) : row[line]));
      const path = [];
      let before;
      tops.forEach((value, index) => {
        if (Number.isNaN(value)) return;
        const x = Math.round(places[index] * 10) / 10;
        // What is counted changes at once; what is measured goes from point to point.
        if (chart.stacked && before !== undefined) path.push(`H${x}`);
        path.push(before === undefined ? `M${x} ${y(value)}` : chart.stacked ? `V${y(value)}` : `L${x} ${y(value)}`);
        before = value;
      });
      if (chart.stacked && before !== undefined) path.push(`H${Math.min(WIDE, Math.max(places.at(-1), 0)).toFixed(1)}`);
      const first = places[tops.findIndex((value) => !Number.isNaN(value))];
      const area = path.length && (chart.stacked || !look.includes("thin")) ? shape("path", { class: `area ${look}`, d: `${path.join("")}V${HIGH}H${first.toFixed(1)}Z` }) : undefined;
      return [area, shape("path", { class: `line ${look}`, d: path.join("") })];
    });
    // The upper parts of a stack lie behind the lower ones.
    svg.replaceChildren(...(chart.stacked ? drawn.reverse() : drawn).flat().filter(Boolean));
    top.textContent = chart.unit ? t(`unit_${chart.unit}`, { count: number(highest, highest < 10 ? 1 : 0) }) : number(highest);
    tell();
  }
  function place(now) {
    known.now = now;
    tell();
  }
  return { element, draw, place, cursor, said, known: () => known };
}

/** All charts, and the table that says the same. */
export function create(element, { look }) {
  let [from, head] = [0, 1];
  const to = (part) => look(from + (head - from) * part);
  const charts = CHARTS.map((chart) => ({ chart, ...createChart(chart, to) }));
  const body = h("tbody", {});
  const heads = h("tr", {});
  const caption = h("caption", { class: "visually-hidden" });
  const summary = h("summary", {});
  const table = h("details", { class: "chart-table" }, summary, h("div", { class: "scroll", tabindex: "0" }, h("table", {}, caption, h("thead", {}, heads), body)));
  element.replaceChildren(h("div", { class: "chart-grid" }, ...charts.map((one) => one.element)), table);
  table.addEventListener("toggle", () => tabulate());
  function tabulate() {
    if (!table.open) return;
    const { samples } = charts[0].known();
    const step = Math.max(1, Math.ceil(samples.length / ROWS));
    const rows = samples.map((_, index) => index).filter((index) => (samples.length - 1 - index) % step === 0);
    const cell = (text) => h("th", { scope: "col" }, text);
    heads.replaceChildren(cell(t("table_time")), ...charts.map(({ chart }) => cell(t(`chart_${chart.name}`))));
    body.replaceChildren(...rows.map((index) => h("tr", {}, h("th", { scope: "row" }, clock(samples[index][AT])),
      ...charts.map((one) => h("td", {}, one.said(one.known().values[index]))))));
  }
  // The handle of the timeline is where the charts' line is.
  const handle = document.querySelector(".track .handle-way");
  const moved = () => charts.forEach(({ cursor }) => (cursor.style.left = handle?.style.transform.match(/[\d.]+%/)?.[0] ?? "100%"));
  const held = new MutationObserver(() => (element.isConnected ? moved() : held.disconnect()));
  if (handle) held.observe(handle, { attributes: true, attributeFilter: ["style"] });
  let drawn = "";
  follow(element, 500, async () => {
    const told = await ask({ ask: "numbers" });
    if (!told?.samples.length || !element.isConnected) return;
    [from, head] = [told.from, told.head];
    summary.textContent = t("table");
    caption.textContent = t("charts");
    const key = `${told.samples.length} ${told.samples.at(-1)?.[AT]} ${from} ${head} ${document.documentElement.lang}`;
    // Between the last count and now nothing is known to have changed.
    const samples = [...told.samples, Object.assign([...told.samples.at(-1)], { [AT]: Math.max(head, told.samples.at(-1)[AT]) })];
    for (const { chart, draw, place } of charts) {
      const values = key === drawn ? [] : valuesOf(chart, told.samples);
      if (key === drawn) place(told.now);
      else draw({ samples, values: [...values, values.at(-1)], from, head, now: told.now });
    }
    if (key !== drawn) tabulate();
    // Who opened the timeline on a small screen would not see that there is more below.
    if (!drawn) element.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    drawn = key;
    moved();
  });
}
