// Finds out which functions of the worker the first minute of a visit needs: plays the first screen and its story in
// Node, with an instrumented copy of the program. The cluster is deterministic, so the answer is the same everywhere.

import { instrument } from "./split.mjs";
import { startWorker } from "./worker-host.mjs";

/** How long a story may take, in milliseconds of the visitor's time. */
const STORY_MS = 60_000;

/** The numbers of the functions (among the module's own) that were called. */
export function firstFunctions(glue, wasm) {
  const program = instrument(wasm);
  const worker = startWorker(glue, program.bytes);
  worker.say({ open: "default" });
  worker.run(3000);
  worker.say({ command: { id: 1, command: { fault: { target: "node/node-2", kind: "PowerOff" } } } });
  if (!worker.run(STORY_MS, (reply) => reply.frame?.verdict)) throw new Error("the story of the first screen has no end");
  return Array.from({ length: program.functions }, (_, index) => index)
    .filter((index) => worker.exports[`$hit${index}`].value === 1);
}
