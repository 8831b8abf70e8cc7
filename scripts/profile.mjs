// Finds out which code a visit begins with: plays the first screen in Node, with instrumented copies of the worker and the
// page's program. The cluster is deterministic, so the result is the same everywhere.

import { sequence, startApp } from "./app-host.mjs";
import { hits, instrument } from "./module.mjs";
import { startWorker } from "./worker-host.mjs";

/** How long the first screen, and then what a click does, is looked at, in milliseconds. */
const LOOK_MS = 12_000;
/** Wall time for which the worker and then the page's display are looked at in turn, in milliseconds. */
const TURN_MS = 33;

/** Of so many turns one finds a machine that has other things to do. */
const BUSY_TURN = 40;

/** Those who come: app-start.js knows who is like one of them. */
const PEOPLE = [
  { languages: ["en-US", "en"], width: 1280, height: 800, media: /dark/, kept: {} },
  { languages: ["ja-JP"], width: 1920, height: 1080, media: /^$/, kept: {} },
  { languages: ["ja", "en-US", "en"], width: 390, height: 800, media: /max-width|reduce/, kept: { theme: "light", language: "en" } },
  { languages: ["en-US"], width: 1280, height: 800, media: /^$/, kept: { language: "ja" } },
  { languages: ["fr-FR", "fr"], width: 800, height: 1200, media: /max-width/, kept: {} },
];
/** How often each comes: what is a matter of chance is another each time. */
const TIMES = 40;
/** All of them, that often each. */
const visits = (times) => Array.from({ length: times * PEOPLE.length }, (_, index) => ({ ...PEOPLE[index % PEOPLE.length], seed: 1 + index }));
/** For how long the first screen is looked at by those who have been there, in milliseconds. */
const GLANCE_MS = 2_000;
/** So many frames of the display pass at most between two words of the worker: now and then all turns of the page, mostly one or two. */
const MOST_FRAMES = 40;
/** What pointer and focus do in passing. */
const PASSING = ["pointerenter", "pointerover", "mouseenter", "mouseover", "focusin", "focus", "pointermove",
  "pointerleave", "pointerout", "mouseleave", "mouseout", "focusout", "blur"];

/** For each mark of the worker's code (code.mjs), in order, whether it was reached. */
export function workerMarks({ glue, wasm }) {
  const program = instrument(wasm);
  const worker = startWorker(glue, program.bytes);
  look(worker);
  return hits(worker.exports, program.marks);
}

/** The same for the page's program; beside it `page` has the `html`, and `engine()` starts a worker. */
export async function appMarks(page) {
  const program = instrument(page.wasm);
  const all = new Array(program.marks).fill(false);
  for (const visit of visits(TIMES)) {
    const played = await open(page, program.bytes, visit);
    await lookAtPage(played, visit.seed > PEOPLE.length ? GLANCE_MS : LOOK_MS);
    hits(played.app.exports, program.marks).forEach((hit, mark) => (all[mark] ||= hit));
    await played.app.close();
  }
  return all;
}

/** What a visit begins with: all that the worker says until then. */
function look(worker) {
  const said = [];
  worker.say({ open: "default" });
  said.push(...worker.heard().map((reply) => JSON.stringify(reply)));
  const hear = (reply) => void said.push(JSON.stringify(reply));
  worker.run(LOOK_MS, hear);
  worker.run(TURN_MS, hear, true);
  worker.run(LOOK_MS, hear);
  return said;
}

/** What comes after it. */
function click(worker) {
  const said = [];
  worker.say({ command: { id: 1, command: { fault: { target: "node/node-2", kind: "PowerOff" } } } });
  worker.run(LOOK_MS, (reply) => void said.push(JSON.stringify(reply)));
  return said;
}

/** The page's program with a worker of its own; `pass` lets time pass, and gives what the page shows at each moment. */
async function open({ html, glue, engine }, wasm, visit, cut = {}) {
  const worker = engine();
  const requests = [];
  const random = sequence(visit.seed);
  const app = await startApp({ html, glue, wasm, visit, tell: (text) => requests.push(text), ...cut });
  let turns = 0;
  const pass = async (length) => {
    const shown = [];
    for (let time = 0; time < length; time += TURN_MS) {
      const said = [];
      for (const request of requests.splice(0)) {
        worker.say(JSON.parse(request));
        said.push(...worker.heard());
      }
      worker.run(TURN_MS, (reply) => void said.push(reply), ++turns % BUSY_TURN === 0);
      for (const reply of said) {
        await app.hear(JSON.stringify(reply));
        // Displays are fast or slow, and miss a frame now and then.
        for (let frames = Math.floor(random() ** 3 * MOST_FRAMES); frames > 0; frames--) await app.draw(TURN_MS / 2 + random());
      }
      shown.push(app.document.documentElement.outerHTML);
    }
    return shown;
  };
  return { app, pass };
}

/** The first screen, and a pointer that passes over it. */
async function lookAtPage({ app, pass }, length = LOOK_MS) {
  // The page may be drawn before the worker says anything.
  await app.resize();
  await app.draw(TURN_MS);
  const shown = await pass(length);
  await app.resize();
  shown.push(...(await pass(TURN_MS)));
  for (const element of app.document.querySelectorAll("*")) {
    for (const kind of PASSING) element.dispatchEvent(new app.window.PointerEvent(kind));
  }
  // On a pod it rests: what belongs to that lights up.
  const pod = app.document.querySelector(".pod");
  pod?.dispatchEvent(new app.window.PointerEvent("pointerenter"));
  shown.push(...(await pass(TURN_MS)));
  pod?.dispatchEvent(new app.window.PointerEvent("pointerleave"));
  return [...shown, ...(await pass(TURN_MS))];
}

/** What comes after it: everything that can be pressed is, and the panels that open stay for a moment. */
async function press({ app, pass }) {
  const shown = [];
  for (const button of app.document.querySelectorAll(".page:not(#frame) button")) {
    button.click();
    shown.push(...(await pass(TURN_MS)));
  }
  return shown;
}

/**
 * Parts as they are given to a host: the later one is refused until `mayLoad`, and memory is filled with rubbish where its
 * constants will be.
 */
function parted([, later, holes], what) {
  const cut = {
    mayLoad: false,
    later() {
      if (!cut.mayLoad) throw new Error(`the first screen asks for the ${what}'s later part: the profile missed something`);
      return later;
    },
    prepare({ $memory }) {
      for (const { from, to } of holes) new Uint8Array($memory.buffer, from, to - from).fill(0xa5);
    },
  };
  return cut;
}

function same(what, expected, found) {
  const at = expected.findIndex((text, index) => text !== found[index]);
  if (at < 0 && expected.length === found.length && expected.length > 0) return;
  const [one, two] = [expected[at] ?? "", found[at] ?? ""];
  let from = 0;
  while (from < one.length && one[from] === two[from]) from++;
  const near = (text) => text.slice(Math.max(0, from - 100), from + 100);
  throw new Error(`${what} (${at} of ${expected.length}): ${near(two)} instead of ${near(one)}`);
}

/** Fails unless the worker begins with the cluster that it would make itself. */
export function provePrepared({ glue, wasm }, prepared) {
  same("prepared, the worker says something else", look(startWorker(glue, wasm)), look(startWorker(glue, prepared)));
}

/** Fails unless the two parts say what the whole worker says: the first screen by the first part alone, then a click with both. */
export function proveWorker({ glue, wasm }, parts) {
  const cut = parted(parts, "engine");
  const one = startWorker(glue, wasm);
  const two = startWorker(glue, parts[0], cut.later, cut.prepare);
  same("cut in two, the worker says something else at the first screen", look(one), look(two));
  cut.mayLoad = true;
  same("cut in two, the worker says something else at the first click", click(one), click(two));
}

/** Fails unless the two parts show what the whole program shows, to everybody. */
export async function proveApp(page, parts) {
  for (const visit of visits(1)) {
    const cut = parted(parts, "page");
    const one = await open(page, page.wasm, visit);
    const two = await open(page, parts[0], visit, cut);
    same("cut in two, the page shows something else at first", await lookAtPage(one), await lookAtPage(two));
    cut.mayLoad = true;
    same("cut in two, the page shows something else after a click", await press(one), await press(two));
    await one.app.close();
    await two.app.close();
  }
}
