// Runs the targets one after the other, or some at a time, and tells how far they are: `make fuzz`. What each has found out is
// kept in corpus/ and built upon the next time; an input that fails is kept in artifacts/.
//
// node run.mjs [TARGET…], with SECONDS_EACH, SEED, JOBS; with INPUT=FILE that input is tried once more.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const built = join(root, "target/fuzz");

const { SECONDS_EACH: seconds = 60, SEED: seed = 1, JOBS: jobs = 1, INPUT: input } = process.env;

/** The largest inputs, and the longest that one may take by the clock: a target itself looks at the processor's. */
const MOST_BYTES = 20_000;
const MOST_SECONDS = 20;
/** Threads of the server have so much, in KiB. */
const STACK = 2048;
/** The whole program, in MiB; a target's own bound is lower. */
const MEMORY = 2048;
/** How often it is told how far a target is, in milliseconds. */
const TOLD_MS = 10_000;

/** Files of the project that are good inputs, beside those in seeds/. */
const FILES = {
  apply: ["public/examples/*.yaml"],
  manifests: ["public/examples/*.yaml", "public/examples/clusters/*.yaml"],
  scenarios: ["public/examples/clusters/*.yaml", "public/examples/workshops/*.yaml", "tests/scenarios/*.yaml"],
};
/** Files whose lines that begin with `$ kubectl` are command lines. */
const SESSIONS = "tests/tests/kubectl/*.txt";
/** Targets that know the words of another. */
const DICTIONARIES = { apply: "manifests", scenarios: "manifests", requests: "requests", queries: "requests", client_frames: "requests" };

const fail = (why) => {
  console.error(`kubarium: ${why}`);
  process.exit(1);
};

const matching = (pattern) => {
  const [directory, ending] = pattern.split("*");
  const names = readdirSync(join(root, directory)).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(root, directory, name));
};

const read = (file) => {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
};

/** What a target begins with: seeds/NAME.txt, parted by lines of `====`; seeds/NAME.hex, a line each; files of the project. */
function seedsOf(target) {
  const texts = read(join(here, "seeds", `${target}.txt`))?.toString().split(/^====\n/m) ?? [];
  const bytes = read(join(here, "seeds", `${target}.hex`))?.toString().trim().split("\n") ?? [];
  const lines = target === "kubectl" ? matching(SESSIONS).flatMap((file) => readFileSync(file, "utf8").match(/(?<=^\$ kubectl ).*/gm) ?? []) : [];
  return [
    ...texts.map((text) => text.replace(/\n$/, "")),
    ...bytes.map((line) => Buffer.from(line, "hex")),
    ...(FILES[target] ?? []).flatMap(matching).map((file) => readFileSync(file)),
    ...lines,
  ];
}

function dictionaryOf(target) {
  const file = join(here, "dictionaries", `${DICTIONARIES[target] ?? target}.dict`);
  return read(file) ? [`-dict=${file}`] : [];
}

/** A target's program, with what a thread of the server has of a stack. */
const start = (target, options) =>
  spawn("sh", ["-c", `ulimit -s ${STACK}; exec "$0" "$@"`, join(built, host, "release", target), ...options], { stdio: ["ignore", "ignore", "pipe"] });

const host = spawnSync("rustc", ["-vV"]).stdout.toString().match(/^host: (.*)$/m)?.[1];
const number = (count) => Number(count).toLocaleString("en");
const shown = (path) => relative(root, path);

/** What a target says of itself: inputs, coverage, the slowest input in milliseconds. */
function reader() {
  const told = { inputs: 0, coverage: 0, slowest: 0, last: [] };
  return [told, (line) => {
    const pulse = line.match(/^#(\d+)\s.*\bcov: (\d+)/);
    const slowest = line.match(/^slowest: (\d+) us/);
    if (pulse) [told.inputs, told.coverage] = [Number(pulse[1]), Number(pulse[2])];
    else if (slowest) told.slowest = Number(slowest[1]) / 1000;
    else if (line.startsWith("stat::number_of_executed_units:")) told.inputs = Number(line.split(":").at(-1));
    else told.last = [...told.last, line].slice(-60);
  }];
}

const saying = ({ inputs, coverage, slowest }) => `${number(inputs)} inputs, coverage ${number(coverage)}, slowest ${slowest.toFixed(1)} ms`;

async function run(target) {
  const [corpus, artifacts, seeds] = [join(here, "corpus", target), join(here, "artifacts", target), join(built, "seeds", target)];
  rmSync(seeds, { recursive: true, force: true });
  for (const directory of [corpus, artifacts, seeds]) mkdirSync(directory, { recursive: true });
  seedsOf(target).forEach((seed, index) => writeFileSync(join(seeds, String(index)), seed));
  const options = [
    `-artifact_prefix=${artifacts}/`, `-max_total_time=${seconds}`, `-seed=${seed}`, `-max_len=${MOST_BYTES}`, `-timeout=${MOST_SECONDS}`,
    `-rss_limit_mb=${MEMORY}`, "-reload=0", "-print_final_stats=1", ...dictionaryOf(target), corpus, seeds,
  ];
  const program = start(target, options);
  const [told, take] = reader();
  const begun = Date.now();
  const clock = () => `${Math.round((Date.now() - begun) / 1000)}/${seconds} s`;
  const ticking = setInterval(() => console.log(`    ${target} ${clock()}: ${saying(told)}`), TOLD_MS);
  let rest = "";
  program.stderr.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(take);
  });
  const code = await new Promise((resolve) => program.on("close", resolve));
  clearInterval(ticking);
  console.log(`  ${code ? "✗" : "✓"} ${target} ${clock()}: ${saying(told)}`);
  if (!code) return true;
  const file = told.last.map((line) => line.match(/Test unit written to (.*)/)?.[1]).find(Boolean);
  console.log(told.last.map((line) => `      ${line}`).join("\n"));
  console.log(`    It failed. ${file ? `Try it again: make fuzz TARGET=${target} INPUT=${shown(file)}` : "There is no input that it failed by."}`);
  return false;
}

async function tryAgain(target) {
  const program = start(target, [`-timeout=${MOST_SECONDS}`, `-rss_limit_mb=${MEMORY}`, input]);
  program.stderr.pipe(process.stderr);
  process.exit((await new Promise((resolve) => program.on("close", resolve))) ? 1 : 0);
}

const all = readFileSync(join(here, "Cargo.toml"), "utf8").match(/(?<=\[\[bin\]\]\nname = ").*(?=")/g);
const targets = process.argv.slice(2).length ? process.argv.slice(2) : all;
for (const target of targets) if (!all.includes(target)) fail(`there is no target ${target}, only ${all.join(", ")}`);
if (input && targets.length !== 1) fail("say by TARGET=NAME for which target the input is");

// Nothing of the standard library or of C is looked at by sanitizers, so a stable compiler does.
const build = ["fuzz", "build", "--fuzz-dir", here, "--sanitizer", "none", "--target-dir", built, "--codegen-units", "64"];
if (spawnSync("cargo", [...build, ...(targets.length === 1 ? targets : [])], { cwd: root, stdio: "inherit" }).status) fail("the targets could not be built");
if (input) await tryAgain(targets[0]);
console.log(`${targets.length} targets, ${seconds} s each, ${jobs} at a time, SEED=${seed}`);
const failed = [];
const waiting = [...targets];
const worker = async () => {
  for (let target = waiting.shift(); target; target = waiting.shift()) if (!(await run(target))) failed.push(target);
};
await Promise.all(Array.from({ length: Number(jobs) }, worker));
if (failed.length) fail(`failed: ${failed.join(", ")}`);
