// What goes on beside the page's own program: the kubectl command that does what the mouse did, the cluster kept in this
// browser, the options of an address. Loaded once the page is alive (index.html), so that it weighs nothing before.

import { followFingers } from "./stage/finger.js";
import { fit } from "./stage/fit.js";
import { copyButton } from "./workbench/clipboard.js";
import { download } from "./workbench/download.js";
import { follow as followFocus } from "./workbench/focus.js";
import { kubectl, objects, parsed, scenario } from "./workbench/line.js";
import { create as openings } from "./workbench/opening.js";
import { CLUSTER, forget, keepEarlier, load, PAGE, save } from "./workbench/playgrounds.js";
import { Deeds } from "./workbench/rescue.js";
import { secretsOf, tick } from "./workbench/secrets.js";
import { readingOf, watchChange } from "./workbench/undo.js";
import { inWords } from "./workbench/told.js";
import { element, say } from "./workbench/words.js";

/** How long after something was done the cluster is kept, in milliseconds. */
const KEEP_MS = 1200;
/** How long the page is left alone before its files are kept, in milliseconds. */
const REST_MS = 4000;
/** Who was not seen for so long after it began is off the screen, in milliseconds. */
const UNSEEN_MS = 1000;
/** How long a command stands at the foot, and how long what can be taken back stays beside others, in milliseconds. */
const SHOWN_MS = 20_000;
const UNDO_MS = 60_000;
/** When the cluster of the first screen is first seen (public/examples/opening.yaml). */
const OPENING_MS = 30_000;
/** Objects whose namespace need not be said. */
const PLAIN = ["", "default"];

const { kubarium } = window;
const { engine } = kubarium;
kubarium.inWords = inWords;
const post = engine.postMessage.bind(engine);
const ask = (request) => post(JSON.stringify(request));
const opening = openings(engine);
const root = document.documentElement;
const foot = () => document.querySelector(".page .foot, .desk .foot");

const strip = element("div", { class: "doing", role: "status" });
let until;
/** The cluster before this one, and the one of last time: they go on being offered beside what is shown later. */
let former;
let last;
const still = (offered) => offered?.until > Date.now() && element("button", { class: "quiet", onclick: offered.back }, offered.words);
/** Shows something at the foot, where the legend is otherwise; parts may be missing. */
function show(...parts) {
  put(...parts, still(former) || still(last));
}
function put(...parts) {
  const legend = document.querySelector(".foot .legend");
  if (!legend || !foot()) return;
  if (strip.parentNode !== foot()) foot().append(strip);
  if (!legend.hidden) strip.style.minHeight = `${legend.offsetHeight}px`;
  strip.replaceChildren(...parts.filter(Boolean), element("button", { class: "quiet", label: "close", onclick: hide }, "×"));
  strip.hidden = false;
  legend.hidden = true;
  clearTimeout(until);
  until = setTimeout(hide, Math.max(SHOWN_MS, (former?.until ?? 0) - Date.now()));
}
function hide() {
  former = last = undefined;
  strip.hidden = true;
  const legend = document.querySelector(".foot .legend");
  if (legend) legend.hidden = false;
}

/** What the worker's frames say: virtual time, and whether it passes; and what one may do in a live session. */
const known = { now: 0, running: true, mayAct: true };
const FRAME = /^\{"frame":\{"reset":(true|false),"now":(\d+)/;
let onReset;
engine.addEventListener("message", ({ data }) => {
  if (typeof data !== "string") return;
  const frame = data.match(FRAME);
  if (frame) {
    known.now = Number(frame[2]);
    known.running = data.includes('"clock":{"running":true');
    if (frame[1] === "true") onReset?.();
  } else if (data.startsWith('{"badLink":') && parsed(data).badLink.kept) stayed();
  else if (data.startsWith('{"link":')) tellOfSecrets();
  else if (data.startsWith('{"live":')) known.mayAct = parsed(data).live.mayAct;
});

/** How many frames the sheet with a link may take to be there. */
const FRAMES = 60;
/** Whoever sends a link of a cluster with Secrets decides whether it carries their values. */
async function tellOfSecrets() {
  const names = secretsOf(await scenario());
  if (!names.length) return;
  for (let frame = 0; frame < FRAMES; frame++) {
    const link = document.querySelector(".menu > .sheet > input");
    const told = link?.parentNode.querySelector(".carries");
    if (told) return;
    // The page shows and copies each link that comes.
    link?.after(element("div", { class: "carries" }, ...tick({ element, say }, names, (empty) => (empty ? ask("share") : post([JSON.stringify({ whole: true })])))));
    if (link) return;
    await new Promise(requestAnimationFrame);
  }
}

const where = (namespace) => (PLAIN.includes(namespace) ? "" : ` -n ${namespace}`);

/** The kubectl command that does the same as a request of the page's; `undefined` where there is none. */
export function commandOf(request) {
  const subject = request.inspect?.object;
  if (subject) return `kubectl describe ${subject.kind.toLowerCase()} ${subject.name}${where(subject.namespace)}`;
  const { command } = request.command ?? {};
  if (!command) return undefined;
  if (command.apply !== undefined) return `kubectl apply -f ${kubarium.files?.nameOf(command.apply) ?? "editor.yaml"}`;
  if (command.kubectl) return `kubectl ${command.kubectl}`;
  const object = command.delete?.object;
  if (object) return `kubectl delete ${object.kind.toLowerCase()} ${object.name}${where(object.namespace)}`;
  return undefined;
}

function tell(request) {
  if (request.command && isRefused()) return;
  const command = commandOf(request);
  const undoes = (back) => element("button", { class: "quiet", text: "undo", onclick: () => { hide(); back(); } });
  const back = undoOf(request);
  const undo = back && undoes(back);
  if (command) show(element("span", { text: "same" }), element("code", { title: undefined }, command), copyButton({ element, say }, () => command), undo);
  else if (request.command?.command.fault) show(element("span", { text: "no_command" }), undo);
  else if (undo) whenDone(request, () => show(element("span", { text: "is_deleted" }), undo));
  const changed = isLive() && !undo && changeOf(request);
  if (!changed) return;
  const shown = strip.firstChild;
  whenDone(request, async () => {
    const back = await changed();
    if (!back) return;
    if (command && shown === strip.firstChild) strip.lastChild?.before(undoes(back));
    else show(element("span", { text: "is_changed" }), undoes(back));
  });
}

/** What others may go on with is not gone back to: it is known what one changed oneself. */
function changeOf(request) {
  const { apply, kubectl: line } = request.command?.command ?? {};
  if (apply !== undefined) return watchChange(["get", "-f", "-"], apply);
  const run = request.terminal?.run;
  // The tools' own programs, what takes things back among them, are not a person's.
  const args = line?.split(/\s+/) ?? (run?.id < 1 << 24 ? run.args : []);
  const reading = readingOf(args);
  return reading && watchChange(reading, run?.stdin);
}

/** Calls `then` once a command of the page's, or a program of the terminal's, has done what it was asked. */
function whenDone(request, then) {
  const { command, terminal } = request;
  const answer = command ? `{"outcome":{"id":${command.id},` : `{"terminal":{"done":{"id":${terminal.run.id},`;
  const hear = ({ data }) => {
    if (typeof data !== "string" || !data.startsWith(answer)) return;
    engine.removeEventListener("message", hear);
    const reply = parsed(data);
    if (command ? reply.outcome.outcome.ok : reply.terminal.done.code === 0) then();
  };
  engine.addEventListener("message", hear);
}

/** The words of a kubectl command that deletes something; `undefined` for all others. */
function deletes(request) {
  const { command } = request.command ?? {};
  const object = command?.delete?.object;
  if (object) return ["delete", object.kind, object.name, ...(object.namespace ? ["-n", object.namespace] : [])];
  const args = command?.kubectl?.split(/\s+/) ?? request.terminal?.run?.args ?? [];
  return args.find((word) => !word.startsWith("-")) === "delete" && !args.some((word) => /^(--dry-run(?!=none)|--help|-h$)/.test(word)) ? args : undefined;
}

/**
 * How what a request deletes comes back: alone, by going on from just before, so that nothing is missing; where others are,
 * the objects are made again.
 */
function undoOf(request) {
  const { fault } = request.command?.command ?? {};
  // Alone one goes back to before it (*Rewind*).
  if (fault && isLive()) return () => engine.postMessage(JSON.stringify({ command: { id: 0, command: { repair: { target: fault.target } } } }));
  const args = deletes(request);
  if (!args) return undefined;
  const at = Math.max(known.now - 1, 0);
  if (!isLive()) return () => goOnFrom(at);
  const flags = /^(--(all|now|force|wait|cascade|grace-period|ignore-not-found|timeout)(=.*)?|-i|--interactive)$/;
  const reading = args.filter((word) => !flags.test(word));
  reading[reading.indexOf("delete")] = "get";
  const before = objects(reading, request.terminal?.run?.stdin);
  return async () => {
    const found = await before;
    const list = (found?.items ?? [found]).filter((object) => object && !object.metadata.ownerReferences?.some(({ controller }) => controller));
    for (const object of list) await kubectl(["create", "-f", "-"], JSON.stringify(anew(object)));
  };
}

/** The object without what the server gives. */
function anew({ status: _, ...object }) {
  const { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Goes on from a moment in a branch of its own; what came after it is kept on the other. */
function goOnFrom(at) {
  onReset = () => {
    onReset = undefined;
    ask({ past: { fork: { repeat: false } } });
    ask({ pace: "play" });
  };
  ask({ past: { look: at } });
}

/** Whether nothing can be done here, and says so. */
function isRefused() {
  if (root.dataset.readonly !== undefined) {
    const mine = () => {
      delete root.dataset.readonly;
      post([JSON.stringify({ readOnly: false })]);
      const rest = location.search.slice(1).split("&").filter((option) => option && option.split("=")[0] !== "readonly").join("&");
      history.replaceState(null, "", `${location.pathname}${rest && `?${rest}`}${location.hash}`);
      hide();
    };
    show(element("span", { text: "looks_only" }), element("button", { class: "quiet", text: "make_mine", onclick: mine }));
    return true;
  }
  if (isLive() && !known.mayAct) show(element("span", { text: "guest_looks" }));
  return isLive() && !known.mayAct;
}

/** `1m30.5s` in milliseconds. */
function milliseconds(duration) {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return [...String(duration).matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + count * units[unit], 0);
}

/** Tells what was done before this module came: only of the cluster of the first screen it is known what it began with. */
async function catchUp() {
  if (location.hash || location.search) return;
  const steps = parsed(await deeds.known(scenario()))?.spec?.steps ?? [];
  const last = steps.findLast(({ at }) => milliseconds(at) > OPENING_MS);
  if (!last) return;
  mine.acted = true;
  keepSoon();
  const { apply, kubectl: line, fault } = last;
  tell({ command: { command: { apply, kubectl: line, fault } } });
}

const deeds = new Deeds();
let keeping;
/** Whether a person did something in the open cluster, or in any since the page began; whether what is kept is this page's. */
const mine = { acted: false, any: false, kept: false };
/** Whether others are in the cluster, too: in a session, or in a workshop's. */
const isLive = () => /^#(s|room)=/.test(location.hash);
async function keep() {
  // Who only looked has nothing to keep, and may have something that is kept.
  if (isLive() || !mine.any) return;
  const now = await deeds.known(scenario());
  if (!mine.kept) {
    mine.kept = true;
    const kept = await load(CLUSTER);
    if (kept?.scenario && kept.scenario !== now) await keepEarlier(kept);
  }
  save({ name: CLUSTER, scenario: now, page: PAGE });
}
const keepSoon = () => {
  mine.any = true;
  clearTimeout(keeping);
  keeping = setTimeout(keep, KEEP_MS);
};

/** Opens a cluster again that was a person's; what was done in the one that is open is not lost. */
async function reopen(text) {
  hide();
  const leaving = mine.acted && scenario();
  ask({ open: { scenario: text } });
  mine.acted = true;
  keepSoon();
  if (leaving) keepEarlier({ scenario: await leaving });
}

/** Puts another cluster away that was not asked to be kept: it can come back, with the files that `leaving` has of it. */
async function putAway(leaving) {
  const { acted } = mine;
  const before = await scenario();
  if (!before || isLive()) return;
  if (acted || leaving?.files) keepEarlier({ scenario: before, ...leaving?.files });
  const back = () => {
    reopen(before);
    leaving?.restore();
  };
  former = { back, words: say("to_former"), until: Date.now() + UNDO_MS };
  put(element("span", { text: "put_away" }), element("button", { class: "quiet", text: "undo", onclick: back }));
}

/** What was to come in place of the cluster did not open: it is here as it was. */
let stays;
function stayed() {
  mine.acted ||= Boolean(stays?.acted);
  // Files that came with it are there all the same.
  if (former && stays && !stays.leaving?.files) hide();
  stays = undefined;
}

// Everything that the page asks of the worker passes here, and goes on as it is.
engine.postMessage = (message, ...rest) => {
  if (typeof message !== "string") return post(message, ...rest);
  const request = /^\{"(command|inspect|open|terminal)"/.test(message) ? JSON.parse(message) : undefined;
  // The worker answers in order: what it is asked first is about the cluster that is still there.
  // The editor has something to say of what it leaves.
  if (request?.open?.scenario && !isLive()) dispatchEvent(new Event("opening"));
  if (request?.open) stays = { acted: mine.acted, leaving: kubarium.leaving };
  if (request?.open?.scenario) putAway(kubarium.leaving);
  kubarium.leaving = undefined;
  if (request?.open) mine.acted = false;
  if (request?.open) deeds.forget();
  if (request?.open) opening();
  const sent = post(message, ...rest);
  const acts = root.dataset.readonly === undefined && (request?.command || request?.terminal?.run?.id < 1 << 24);
  if (acts) mine.acted = true;
  if (acts) deeds.add(request, known.now);
  if (acts || request?.open) keepSoon();
  if (request) tell(request);
  return sent;
};

/** The engine has stopped: it answers nobody any more. */
engine.addEventListener("error", () => {
  clearTimeout(keeping);
  const { whole } = deeds;
  if (!mine.any || !whole) return;
  put(element("button", { class: "quiet", text: "export_scenario", onclick: () => download("scenario.json", whole, "application/json") }));
  clearTimeout(until);
});

/** Offers the cluster that was here last time. */
async function offer() {
  if (location.hash || location.search) return;
  const kept = await load(CLUSTER);
  if (kept?.scenario) offerKept(kept);
}
function offerKept(kept) {
  const time = new Date(kept.saved).toLocaleString(root.lang, { dateStyle: "short", timeStyle: "short" });
  const goOn = () => {
    mine.kept = true;
    save({ ...kept, page: PAGE });
    reopen(kept.scenario);
  };
  const drop = async () => {
    const was = await forget(CLUSTER);
    const back = async () => {
      await save(was);
      offerKept(was);
    };
    last = undefined;
    show(element("span", {}, say("forgotten_of", { time })), was && element("button", { class: "quiet", text: "undo", onclick: back }));
  };
  // A command that was told meanwhile stays.
  const told = !strip.hidden && strip.querySelector("code");
  if (!told) {
    show(element("span", {}, say("kept_from", { time })),
      element("button", { class: "quiet", text: "go_on", onclick: goOn }),
      element("button", { class: "quiet", text: "forget", onclick: drop }));
  }
  last = { back: goOn, words: say("to_kept", { time }), until: Date.now() + SHOWN_MS };
  if (told) strip.lastChild.before(still(last));
}

/** Options of the address: `?paused`, `?at=90` (seconds), `?readonly`, `?hide=tabs,story`. */
function options() {
  const asked = new URLSearchParams(location.search);
  if (asked.has("hide")) root.dataset.hide = asked.get("hide").replaceAll(",", " ");
  if (asked.has("paused")) ask({ pace: "pause" });
  const at = Number(asked.get("at") || NaN);
  if (at >= 0) post([JSON.stringify({ look: Math.round(at * 1000) })]);
  if (!asked.has("readonly")) return;
  root.dataset.readonly = "";
  post([JSON.stringify({ readOnly: true })]);
}

/** The page works without a network from now on; only a release has something to keep. */
function keepPage() {
  const file = document.querySelector("meta[name='asset:offline']")?.content;
  // In somebody else's page it needs none, and often may have none.
  if (file && !root.dataset.embed && "serviceWorker" in navigator) navigator.serviceWorker.register(new URL(file, location.href)).catch(() => {});
}

/** In a page of somebody else's: the YAML beside where it is wanted, and time stands still while nobody sees it. */
function embedded() {
  const show = root.dataset.embed;
  if (!show) return;
  // The still frame has a stage and tabs, too, until the cluster of a link is open.
  const open = () => {
    if (document.getElementById("frame")) return void requestAnimationFrame(open);
    if (show !== "yaml") fit();
    if (show === "yaml" || show === "both") document.querySelector(".tabs button.tab")?.click();
    return undefined;
  };
  open();
  addEventListener("message", ({ source, data }) => {
    const theme = data?.kubarium?.theme;
    if (source === parent && ["dark", "light"].includes(theme)) root.dataset.theme = theme;
  });
  // It may have changed before anybody listened (public/embed/kubarium-cluster.js).
  if (parent !== window) parent.postMessage({ kubarium: { asks: "theme" } }, "*");
  let halted = false;
  let seen = false;
  const look = () => {
    if (seen ? !halted : halted || !known.running) return;
    halted = !seen;
    ask({ pace: halted ? "pause" : "play" });
  };
  new IntersectionObserver((entries) => {
    // A slow machine tells of several changes at once.
    seen = entries.at(-1).isIntersecting;
    look();
  }).observe(root);
  // A frame that is off the screen already may be told nothing at all.
  setInterval(look, UNSEEN_MS);
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
catchUp();
followFocus();
followFingers();
setTimeout(keepPage, REST_MS);
addEventListener("pagehide", keep);
