// Browser tests that failed, once more and each alone: a machine that is busy with others may have kept a page waiting for
// longer than any test waits. `node scripts/again.mjs LOG ...` with what the spec reporter wrote; fails with who fails again.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const logs = process.argv.slice(2).map((name) => readFileSync(name, "utf8"));
const failed = logs.flatMap((log) => [...log.matchAll(/^test at (\S+):\d+:\d+\n✖ (.+) \([\d.]+ms\)$/gm)].map(([, file, name]) => ({ file, name })));
// Who fails without a name is not tried again.
if (!failed.length) process.exit(1);
const literally = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const again = failed.filter(({ file, name }) => {
  console.log(`\n==> Once more, alone: ${name}`);
  const only = name === file ? [] : ["--test-name-pattern", `/^${literally(name)}$/`];
  const { status, stdout } = spawnSync(process.execPath, ["--test", "--test-force-exit", "--test-reporter=spec", ...only, file], { stdio: ["ignore", "pipe", "inherit"] });
  console.log(stdout.toString().replace(/^﹣.*\n/gm, ""));
  // A name that none has would pass.
  return status !== 0 || !/^ℹ pass [1-9]/m.test(stdout);
});
for (const { file, name } of failed.filter((one) => !again.includes(one))) console.log(`Failed beside others, passed alone: ${name} (${file})`);
process.exitCode = again.length ? 1 : 0;
