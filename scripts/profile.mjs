// Finds out which code of the worker a visit begins with: plays the first screen in Node, with an instrumented copy of the
// program. The cluster is deterministic, so the result is the same everywhere.

import { instrument } from "./module.mjs";
import { startWorker } from "./worker-host.mjs";

/** How long the first screen, and then what a click does, is looked at, in milliseconds. */
const LOOK_MS = 12_000;

/** For each mark of the program's code (code.mjs), in order, whether it was reached. */
export function firstMarks(glue, wasm) {
  const program = instrument(wasm);
  const worker = startWorker(glue, program.bytes);
  look(worker);
  return Array.from({ length: program.marks }, (_, index) => worker.exports[`$hit${index}`].value === 1);
}

/** What a visit begins with: all that the worker says until then. */
function look(worker) {
  const said = [];
  worker.say({ open: "default" });
  said.push(...worker.heard().map((reply) => JSON.stringify(reply)));
  worker.run(LOOK_MS, (reply) => void said.push(JSON.stringify(reply)));
  return said;
}

/** What comes after it. */
function click(worker) {
  const said = [];
  worker.say({ command: { id: 1, command: { fault: { target: "node/node-2", kind: "PowerOff" } } } });
  worker.run(LOOK_MS, (reply) => void said.push(JSON.stringify(reply)));
  return said;
}

/**
 * Fails unless the two parts say what the whole program says: the first screen by the first part alone, whose memory is
 * filled with rubbish where the later part's constants will be, and then a click with both.
 */
export function prove(glue, whole, [first, later, holes]) {
  let mayLoad = false;
  const load = () => {
    if (!mayLoad) throw new Error("the first screen asks for the engine's later part: the profile missed something");
    return later;
  };
  const spoil = ({ $memory }) => {
    for (const { from, to } of holes) new Uint8Array($memory.buffer, from, to - from).fill(0xa5);
  };
  const one = startWorker(glue, whole);
  const two = startWorker(glue, first, load, spoil);
  const same = (what, play) => {
    const [expected, found] = [play(one), play(two)];
    const at = expected.findIndex((text, index) => text !== found[index]);
    if (at >= 0 || expected.length !== found.length || expected.length === 0) {
      throw new Error(`cut in two, the worker says something else at ${what}: ${found[at]} instead of ${expected[at]}`);
    }
  };
  same("the first screen", look);
  mayLoad = true;
  same("the first click", click);
}
