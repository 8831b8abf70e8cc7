// Trunk's last step, run over the staged page (Trunk.toml, `post_build`): bundles the JavaScript modules, cuts the
// worker in two and lets it start itself and, in a release, names every file by its content and compresses it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { withoutExports } from "./module.mjs";
import { outlineModule } from "./outline.mjs";
import { firstMarks, prove } from "./profile.mjs";
import { split } from "./split.mjs";

const staging = process.env.TRUNK_STAGING_DIR;
if (!staging) {
  console.error("scripts/page.mjs is run by Trunk: use `make build`.");
  process.exit(2);
}
const release = process.env.TRUNK_PROFILE === "release";
const at = (name) => join(staging, name);
const edit = async (name, change) => writeFile(at(name), change(await readFile(at(name), "utf8")));

// Modules that the page loads later.
await build({
  entryPoints: ["frontend/js/editor.js", "frontend/js/map.js", "frontend/js/room.js", "frontend/js/terminal.js"],
  loader: { ".css": "text" },
  outdir: staging,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: release,
  legalComments: "none",
});

if (release) for (const name of ["app_bg.wasm", "worker_bg.wasm"]) await optimise(name);
const glue = await readFile(at("worker.js"), "utf8");
await splitWorker();

if (release) {
  await nameByContent();
  await compress();
}

/** Makes a program small. Streams, whose classes a library exports to JavaScript, are used by nobody here. */
async function optimise(name) {
  await writeFile(at(name), withoutExports(await readFile(at(name)), /intounderlying/));
  const features = ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];
  const passes = ["-Oz", "--flatten", "--rereloop", "-Oz", "-Oz", "--strip-debug", "--strip-producers"];
  execFileSync("wasm-opt", [...features.map((feature) => `--enable-${feature}`), ...passes, at(name), "-o", at(name)]);
}

/**
 * Leaves in `worker_bg.wasm` what the first screen needs, and puts the rest into `worker_later.wasm`. A development build is
 * not worth the time: there the later part is empty.
 */
async function splitWorker() {
  const whole = await readFile(at("worker_bg.wasm"));
  const [wasm, isLater] = release ? outlineModule(whole, firstMarks(glue, whole)) : [whole, () => false];
  const parts = split(wasm, isLater, release ? await linkerMap() : undefined);
  if (release) prove(glue, whole, parts);
  await writeFile(at("worker_bg.wasm"), parts[0]);
  await writeFile(at("worker_later.wasm"), parts[1]);
  await writeFile(at("worker.js"), `${glue}\n${await readFile("scripts/worker-start.js", "utf8")}`);
}

/** What the linker says of the worker: frontend/build.rs has it written. */
async function linkerMap() {
  const metadata = execFileSync("cargo", ["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]);
  const name = join(JSON.parse(metadata).target_directory, "wasm32-unknown-unknown/wasm-release/worker.map");
  return readFile(name, "utf8").catch(() => {
    throw new Error(`the linker has left no ${name}: see frontend/build.rs`);
  });
}

/** Renames `app.js` to `app-<hash>.js` and so on. A file comes after those it names, so that a change spreads upwards. */
async function nameByContent() {
  const order = [/\.wasm$/, /\.(svg|css)$/, /\.js$/];
  const names = (await readdir(staging)).filter((name) => order.some((kind) => kind.test(name)));
  const rank = (name) => order.findIndex((kind) => kind.test(name));
  for (const name of names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))) {
    const hash = createHash("sha256").update(await readFile(at(name))).digest("hex").slice(0, 16);
    const hashed = name.replace(/(?=\.\w+$)/, `-${hash}`);
    await rename(at(name), at(hashed));
    const users = (await readdir(staging)).filter((user) => /\.(html|js)$/.test(user));
    const mention = new RegExp(`(?<![\\w-])${name.replaceAll(".", "\\.")}(?!\\w)`, "g");
    for (const user of users) await edit(user, (text) => text.replace(mention, hashed));
  }
}

/** Leaves `x.br` and `x.gz` beside every text and program, so that the server never compresses anything itself. */
async function compress() {
  const files = (await readdir(staging, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(html|js|css|wasm|svg|json|ya?ml|md|txt)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  await Promise.all(files.map(async (file) => {
    const content = await readFile(file);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    await writeFile(`${file}.br`, await promisify(brotliCompress)(content, { params }));
    await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
  }));
}
