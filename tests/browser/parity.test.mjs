// The same scenario ends in the same state natively and in the worker that the page ships.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { askWorker, openPage, program, root, startServer } from "./harness.mjs";

const directory = `${root}/tests/scenarios/`;

/** How `kubarium run` ends: when, and in what state. */
function runNatively(file) {
  try {
    return JSON.parse(execFileSync(program, ["run", file, "--output", "json"], { maxBuffer: 1 << 30 }));
  } catch (error) {
    // Status 1 says only that an expectation was not met; the state counts all the same.
    if (error.status === 1) return JSON.parse(error.stdout);
    throw error;
  }
}

test("native and WebAssembly agree on every scenario", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  for (const name of readdirSync(directory).filter((name) => name.endsWith(".yaml"))) {
    const { stateHash, until } = runNatively(directory + name);
    const text = readFileSync(directory + name, "utf8");
    // A viewer first sees the moment at which the run ended.
    const scenario = text.replace(/^ {2}opening:.*\n/m, "").replace(/^spec:\n/m, `spec:\n  opening: ${until}\n`);
    const { hash } = await askWorker(page, { open: { scenario } });
    assert.equal(hash, stateHash, `${name} at ${until}`);
    t.diagnostic(`${name} at ${until}: ${hash}`);
  }
});
