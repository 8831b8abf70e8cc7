// Same engine, same scenario, same bytes of state: natively and in WebAssembly. Needs the built program and the
// bindings that the Makefile makes; takes the scenario files as arguments.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const [program, bindings, ...files] = process.argv.slice(2);
const { play } = createRequire(import.meta.url)(bindings);

let passed = 0;
let failed = 0;
for (const file of files) {
  const run = (() => {
    try {
      return execFileSync(program, ["run", file, "--output", "json"], { maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      // Status 1 says only that an expectation was not met; the state counts all the same.
      if (error.status === 1) return error.stdout;
      throw error;
    }
  })();
  const native = JSON.parse(run).stateHash;
  const wasm = play(readFileSync(file, "utf8"));
  if (native === wasm) {
    passed += 1;
    console.log(`ok   ${basename(file)} ${native}`);
  } else {
    failed += 1;
    console.log(`DIFF ${basename(file)} native ${native} wasm ${wasm}`);
  }
}
console.log(`parity: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
