// What goes on beside the page's own program: the kubectl command that does what the mouse did, the cluster kept in this
// browser, the options of an address. Loaded once the page is alive (index.html), so that it weighs nothing before.

import { scenario } from "./workbench/line.js";
import { CLUSTER, forget, load, save } from "./workbench/playgrounds.js";
import { element, say } from "./workbench/words.js";

/** How long after something was done the cluster is kept, in milliseconds. */
const KEEP_MS = 1200;
/** How long the page is left alone before its files are kept, in milliseconds. */
const REST_MS = 4000;
/** How long a command stands at the foot, in milliseconds. */
const SHOWN_MS = 20_000;
/** Objects whose namespace need not be said. */
const PLAIN = ["", "default"];

const { kubarium } = window;
const { engine } = kubarium;
const post = engine.postMessage.bind(engine);
const foot = () => document.querySelector(".page .foot, .desk .foot");

const strip = element("div", { class: "doing", role: "status" });
let until;
/** Shows something at the foot, where the legend is otherwise. */
function show(...parts) {
  const legend = document.querySelector(".foot .legend");
  if (!legend || !foot()) return;
  if (strip.parentNode !== foot()) foot().append(strip);
  if (!legend.hidden) strip.style.minHeight = `${legend.offsetHeight}px`;
  strip.replaceChildren(...parts, element("button", { class: "quiet", label: "close", onclick: hide }, "×"));
  strip.hidden = false;
  legend.hidden = true;
  clearTimeout(until);
  until = setTimeout(hide, SHOWN_MS);
}
function hide() {
  strip.hidden = true;
  const legend = document.querySelector(".foot .legend");
  if (legend) legend.hidden = false;
}

const where = (namespace) => (PLAIN.includes(namespace) ? "" : ` -n ${namespace}`);

/** The kubectl command that does the same as a request of the page's; `undefined` where there is none. */
export function commandOf(request) {
  const subject = request.inspect?.object;
  if (subject) return `kubectl describe ${subject.kind.toLowerCase()} ${subject.name}${where(subject.namespace)}`;
  const { command } = request.command ?? {};
  if (!command) return undefined;
  if (command.apply !== undefined) return "kubectl apply -f editor.yaml";
  if (command.kubectl) return `kubectl ${command.kubectl}`;
  const object = command.delete?.object;
  if (object) return `kubectl delete ${object.kind.toLowerCase()} ${object.name}${where(object.namespace)}`;
  return undefined;
}

function tell(request) {
  const command = commandOf(request);
  if (command) {
    const copy = element("button", { class: "quiet", text: "copy", onclick: () => navigator.clipboard?.writeText(command) });
    show(element("span", { text: "same" }), element("code", { title: undefined }, command), copy);
  } else if (request.command?.command.fault) show(element("span", { text: "no_command" }));
}

let keeping;
const isLive = () => location.hash.startsWith("#s=");
async function keep() {
  if (isLive()) return;
  save({ name: CLUSTER, scenario: await scenario() });
}
const keepSoon = () => {
  clearTimeout(keeping);
  keeping = setTimeout(keep, KEEP_MS);
};

/** Puts another cluster away that was not asked to be kept: it can come back. */
async function putAway() {
  const before = await scenario();
  if (!before || isLive()) return;
  const back = element("button", { class: "quiet", text: "undo", onclick: () => { hide(); post(JSON.stringify({ open: { scenario: before } })); } });
  show(element("span", { text: "put_away" }), back);
}

// Everything that the page asks of the worker passes here, and goes on as it is.
engine.postMessage = (message, ...rest) => {
  if (typeof message !== "string") return post(message, ...rest);
  const request = /^\{"(command|inspect|open|terminal)"/.test(message) ? JSON.parse(message) : undefined;
  // The worker answers in order: what it is asked first is about the cluster that is still there.
  if (request?.open?.scenario) putAway();
  const sent = post(message, ...rest);
  if (request?.command || request?.open || request?.terminal?.run?.id < 1 << 24) keepSoon();
  if (request) tell(request);
  return sent;
};

/** Offers the cluster that was here last time. */
async function offer() {
  if (location.hash || location.search) return;
  const kept = await load(CLUSTER);
  if (!kept?.scenario) return;
  const time = new Date(kept.saved).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  show(element("span", {}, say("kept_from", { time })),
    element("button", { class: "quiet", text: "go_on", onclick: () => { hide(); post(JSON.stringify({ open: { scenario: kept.scenario } })); } }),
    element("button", { class: "quiet", text: "forget", onclick: () => { hide(); forget(CLUSTER); } }));
}

/** Options of the address: `?paused`, `?at=90` (seconds), `?hide=tabs,story`. */
function options() {
  const asked = new URLSearchParams(location.search);
  if (asked.has("hide")) document.documentElement.dataset.hide = asked.get("hide").replaceAll(",", " ");
  if (asked.has("paused")) post(JSON.stringify({ pace: "pause" }));
}

/** The page works without a network from now on; only a release has something to keep. */
function keepPage() {
  const file = document.querySelector("meta[name='asset:offline']")?.content;
  // Frames without an origin of their own have no service workers, and need none.
  if (file && "serviceWorker" in navigator) navigator.serviceWorker.register(new URL(file, location.href)).catch(() => {});
}

/** In a page of somebody else's: the YAML beside where it is wanted, and time stands still while nobody sees it. */
function embedded() {
  const show = document.documentElement.dataset.embed;
  if (!show) return;
  if (show === "yaml" || show === "both") document.querySelector(".tabs button.tab")?.click();
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !["play", "pause"].includes(data?.kubarium)) return;
    post(JSON.stringify({ pace: data.kubarium }));
  });
  // What it was told before nobody heard.
  parent.postMessage({ kubarium: "ready" }, "*");
}

/** What stands beside the things on the stage. */
function standBeside() {
  const file = document.querySelector("meta[name='asset:beside']")?.content;
  if (file) kubarium.load(file);
}

options();
embedded();
standBeside();
offer();
setTimeout(keepPage, REST_MS);
addEventListener("pagehide", keep);
