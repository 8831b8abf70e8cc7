// Finds out which functions of the worker the first minutes of a visit need: plays the first screen and its story in
// Node, with an instrumented copy of the program. The cluster is deterministic, so the answer is the same everywhere.

import { instrument } from "./split.mjs";
import { startWorker } from "./worker-host.mjs";

/** How long a story may take, in milliseconds of the visitor's time. */
const STORY_MS = 60_000;

/** The numbers of the functions (among the module's own) that were called. */
export function firstFunctions(glue, wasm) {
  const program = instrument(wasm);
  const worker = startWorker(glue, program.bytes);
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
