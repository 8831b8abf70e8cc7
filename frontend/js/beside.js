// What stands beside the things on the stage once the page is alive: what nodes use, by which doors visitors come in, and
// words that are explained.

import { create as explain } from "./stage/glossary.js";
import { create as predict } from "./stage/predict.js";
import { ask, follow, h, number, t } from "./stage/base.js";

const stage = () => document.querySelector(".stages > .stage");

/** A mark on each node's bars: what is used of what there is. */
function showUsage(told) {
  for (const { node, cpu, memory, pulls, asked: requested, all: there } of told.nodes) {
    const card = document.querySelector(`.stages > .stage .node[data-place="${CSS.escape(`node/${node}`)}"]`);
    if (!card) continue;
    const part = (used, all) => (all > 0 ? Math.min(1, used / all) : 0);
    const levels = card.querySelectorAll(".level");
    [cpu ?? 0, memory].forEach((used, index) => {
      const [asked, all] = [requested[index], there[index]];
      const level = levels[index];
      if (!level) return;
      level.style.setProperty("--used", String(Math.round(part(used, all) * 1000) / 1000));
      level.title = t("level_says", { used: number(part(used, all) * 100), asked: number(part(asked, all) * 100) });
    });
    card.toggleAttribute("data-pulling", pulls.length > 0);
  }
}

/** Ingresses beside the Services, named sources of traffic beside the visitors. */
const doors = h("div", { class: "edge-doors" });
const sources = h("div", { class: "edge-sources" });
let drawn = "";
function showEdge({ ingresses, sources: all, controller }) {
  const key = JSON.stringify([ingresses, all, document.documentElement.lang]);
  const pane = stage()?.querySelector(".services .pane");
  const visitors = stage()?.querySelector(".layer.visitors");
  if (!pane || !visitors) return;
  if (doors.parentNode !== pane) pane.append(doors);
  if (sources.parentNode !== visitors) visitors.append(sources);
  if (key === drawn) return;
  drawn = key;
  doors.hidden = !ingresses.length;
  // Messages to and from the controller travel to where it stands.
  if (controller) doors.dataset.place = "ingress-nginx";
  else delete doors.dataset.place;
  doors.replaceChildren(...[...ingresses.slice(0, 3).map(({ namespace, name, hosts, rules }) => h("button", { type: "button", class: "edge-door", title: rules.map(({ host, path, service }) => `${host ?? "*"}${path ?? "/"} → ${service}`).join("\n"), "data-object": `Ingress/${namespace}/${name}` },
    h("code", {}, "Ingress"), " ", h("b", {}, name), " ", h("span", {}, `${hosts || "*"} → ${[...new Set(rules.map(({ service }) => service))].join(", ")}`), controller ? undefined : h("small", {}, t("no_controller")))),
  ingresses.length > 3 ? h("span", { class: "said" }, `+${ingresses.length - 3}`) : undefined].filter(Boolean));
  sources.hidden = !all.length;
  sources.replaceChildren(...[...all.slice(0, 4).map(({ name, from, to, rate, ok, failed }) => h("span", { class: `edge-source${failed ? " short" : ""}`, title: `${from || t("outside")} → ${to}` },
    h("b", {}, name), " ", h("span", {}, t("source_rate", { rate })), " ", h("span", {}, t(failed ? "source_failed" : "source_ok", { ok: number(ok), failed: number(failed) })))),
  all.length > 4 ? h("span", { class: "said" }, `+${all.length - 4}`) : undefined].filter(Boolean));
}

/** The timeline's own edge, which lies on what is above it (desk.css), in pixels. */
const DOCK_EDGE = 8;

/** Where the stage ends below the timeline, its visitors and their doors are held above that (halted.css). */
function hold() {
  const [own, dock] = [stage(), document.querySelector(".page:not(#frame) .dock, .desk .dock")];
  if (!own || !dock || own.parentNode.classList.contains("two")) return void own?.classList.remove("held");
  const ends = [".services", ".visitors"].map((name) => own.querySelector(`.layer${name}`)).filter(Boolean);
  const hidden = own.querySelector(".layer.far") ? 0 : own.getBoundingClientRect().bottom - dock.getBoundingClientRect().top - DOCK_EDGE;
  const held = hidden > 1 && getComputedStyle(dock).position === "sticky";
  const lengths = { "--dock": dock.offsetHeight - DOCK_EDGE, "--door": (ends.at(-1)?.offsetHeight ?? 0) + 10 };
  // Measured first and written last, and on these two alone: what the stage were told would be inherited by every pod.
  own.classList.toggle("held", held);
  // Nearer than that they only come closer to the nodes, and cover none.
  own.classList.toggle("covers", held && hidden > 20);
  for (const end of held ? ends : []) for (const [name, length] of Object.entries(lengths)) end.style.setProperty(name, `${length}px`);
  return undefined;
}
const sized = new ResizeObserver(hold);
function holdOn() {
  const found = [stage(), document.querySelector(".desk .dock")];
  if (found.includes(null)) return void setTimeout(holdOn, 500);
  // What is told above the stage moves it, and makes the page taller.
  for (const one of [...found, document.body]) sized.observe(one);
  return undefined;
}
for (const name of ["scroll", "resize"]) addEventListener(name, hold, { passive: true });
holdOn();

follow(document.documentElement, 1000, async () => {
  if (!stage()) return;
  const near = stage().querySelector(".nodes:not([hidden]) .node");
  const [told, edge] = await Promise.all([near ? ask({ ask: "nodes" }) : undefined, ask({ ask: "edge" })]);
  if (told) showUsage(told);
  if (edge) showEdge(edge);
});
explain();
if (!document.documentElement.dataset.embed) predict();
