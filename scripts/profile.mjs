// Finds out which functions of the worker the first minutes of a visit need: plays the first screen and its story in
// Node, with an instrumented copy of the program. The cluster is deterministic, so the answer is the same everywhere.

import { createContext, runInContext } from "node:vm";
import { instrument } from "./split.mjs";

/** Wall time between two ticks of the worker, in milliseconds. */
const TICK_MS = 33;
/** How long a story may take, in milliseconds of the visitor's time. */
const STORY_MS = 60_000;

/** The numbers of the functions (among the module's own) that were called. */
export function firstFunctions(glue, wasm) {
  const program = instrument(wasm);
  const worker = start(glue, program.bytes);
  const powerOff = (node) => ({ fault: { target: `node/${node}`, kind: "PowerOff" } });
  const stop = { fault: { target: "component/kube-scheduler", kind: "Stop" } };
  const story = (request) => {
    worker.say(request);
    if (!worker.run(STORY_MS, (reply) => reply.frame?.verdict)) throw new Error("the story of the first screen has no end");
  };
  worker.say({ open: "default" });
  worker.run(3000);
  story({ command: { id: 1, command: powerOff("node-2") } });
  worker.say({ command: { id: 2, command: { repair: { target: "node/node-2" } } } });
  worker.run(5000);
  for (const pace of ["pause", "step", "play", { speed: { milli: 60_000 } }, { skip: null }]) {
    worker.say({ pace });
    worker.run(2000);
  }
  worker.say({ pace: { speed: "story" } });
  story({ rewind: { then: [powerOff("node-1")] } });
  worker.say({ rewind: { then: [stop, powerOff("node-2")] } });
  worker.run(10_000);
  return Array.from({ length: program.functions }, (_, index) => index)
    .filter((index) => worker.exports[`$hit${index}`].value === 1);
}

/** The worker in a scope that is like a Web Worker's, with a clock of its own. */
function start(glue, wasm) {
  let now = 0;
  let tick;
  let replies = [];
  const scope = createContext({
    console, TextDecoder, TextEncoder, WebAssembly, queueMicrotask, URL, setTimeout,
    performance: { now: () => now },
    setInterval: (work) => void (tick = work),
    postMessage: (text) => replies.push(JSON.parse(text)),
    module: new WebAssembly.Module(wasm),
  });
  runInContext("var self = globalThis;", scope);
  const exports = runInContext(`${glue}\nwasm_bindgen.initSync({ module });`, scope);
  return {
    exports,
    say: (request) => scope.onmessage({ data: JSON.stringify(request) }),
    /** Lets time pass, until a reply is what is waited for. */
    run(length, found = () => false) {
      replies = [];
      for (const end = now + length; now < end; now += TICK_MS) {
        tick();
        if (replies.splice(0).some(found)) return true;
      }
      return false;
    },
  };
}
