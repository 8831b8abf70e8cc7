// Finds out which functions of the worker a visit begins with: plays the first screen and the answer to the first click
// in Node, with an instrumented copy of the program. The cluster is deterministic, so the result is the same everywhere.

import { instrument } from "./split.mjs";
import { startWorker } from "./worker-host.mjs";

/** How long the first screen is looked at, before and after the click, in milliseconds. */
const LOOK_MS = 3000;

/** The numbers of the functions (among the module's own) that were called. */
export function firstFunctions(glue, wasm) {
  const program = instrument(wasm);
  const worker = startWorker(glue, program.bytes);
  worker.say({ open: "default" });
  worker.run(LOOK_MS);
  worker.say({ command: { id: 1, command: { fault: { target: "node/node-2", kind: "PowerOff" } } } });
  worker.run(LOOK_MS);
  return Array.from({ length: program.functions }, (_, index) => index)
    .filter((index) => worker.exports[`$hit${index}`].value === 1);
}
