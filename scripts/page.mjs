// Trunk's last step, run over the staged page (Trunk.toml, `post_build`): bundles the JavaScript modules, lets the worker
// start itself and, in a release, cuts both programs in two, names every file by its content and compresses it.

import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, transform } from "esbuild";
import { describe, functionNames, withNames, withoutExports } from "./module.mjs";
import { outlineModule } from "./outline.mjs";
import { prepared } from "./prepare.mjs";
import { appMarks, proveApp, provePrepared, proveWorker, workerMarks } from "./profile.mjs";
import { split } from "./split.mjs";
import { startWorker } from "./worker-host.mjs";

const staging = process.env.TRUNK_STAGING_DIR;
if (!staging) {
  console.error("scripts/page.mjs is run by Trunk: use `make build`.");
  process.exit(2);
}
/**
 * The page, unlike its worker, must not wait: what is smaller than this stays in its first part even where no profile came, and
 * loops stay whole. Browsers are less predictable than the cluster.
 */
const CAREFUL = { worth: 16, steady: true };
/** What takes memory and gives it back does so another way each time. */
const BY_CHANCE = /dlmalloc|__rdl_\w*alloc\b/;
const release = process.env.TRUNK_PROFILE === "release";
const at = (name) => join(staging, name);
const edit = async (name, change) => writeFile(at(name), change(await readFile(at(name), "utf8")));

// Modules that the page loads later.
await build({
  entryPoints: ["beside", "charts", "closer", "desk", "editor", "map", "picture", "reader", "room", "share", "terminal", "together", "tree"]
    .map((name) => `frontend/js/${name}.js`),
  loader: { ".css": "text" },
  outdir: staging,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: release,
  legalComments: "none",
});

// What stands in other sites' pages is a script of its own.
await build({
  entryPoints: ["public/embed/kubarium-cluster.js"],
  outfile: at("embed/kubarium-cluster.js"),
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: release,
});

await copyFieldDocs();
if (release) {
  await joinStyles();
  await Promise.all(["app", "worker"].map((name) => optimise(`${name}_bg.wasm`)));
}
const worker = await program("worker");
if (release) {
  const ready = prepared(worker.wasm, await namesOf("worker"));
  provePrepared(worker, ready);
  worker.wasm = ready;
  proveWorker(worker, await cut(worker, workerMarks(worker)));
  const names = await namesOf("app");
  if (![...names.values()].some((name) => BY_CHANCE.test(name))) throw new Error("the page's functions have no names any more");
  const app = await program("app");
  const page = { ...app, html: await readFile(at("index.html"), "utf8"), engine: () => startWorker(worker.glue, worker.wasm) };
  await proveApp(page, await cut(app, await appMarks(page), { ...CAREFUL, whole: (index) => BY_CHANCE.test(names.get(index)) }));
  await nameByContent();
  await writeOffline();
  await compress();
} else {
  // Not worth the time: the later part is empty.
  await save(worker, split(worker.wasm, () => false));
}

/** A program of the page and the bindings that start it. */
async function program(name) {
  const whole = { name, glue: await readFile(at(`${name}.js`), "utf8"), wasm: await readFile(at(`${name}_bg.wasm`)) };
  return release ? shortened(whole) : whole;
}

/** Both with short names for what they give each other: those of the bindings end with a hash each, which nothing compresses. */
function shortened({ name, glue, wasm }) {
  const { imports, exports } = describe(wasm);
  const long = [...imports, ...exports].map((item) => item.name).filter((text) => /^\w+[0-9a-f]{16}(_\d+)?$/.test(text));
  const short = new Map([...new Set(long)].map((text, index) => [text, `$_${index.toString(36)}`]));
  if (/\$\w/.test(glue)) throw new Error(`the bindings of ${name} have names with $ themselves`);
  return {
    name,
    glue: glue.replace(/\w+/g, (word) => short.get(word) ?? word),
    wasm: withNames(wasm, (text) => short.get(text) ?? text),
  };
}

/** Makes a program small. Streams, whose classes a library exports to JavaScript, are used by nobody here. */
async function optimise(name) {
  await writeFile(at(name), withoutExports(await readFile(at(name)), /intounderlying/, { named: true }));
  const features = ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];
  const passes = ["-Oz", "--flatten", "--rereloop", "-Oz", "-Oz", "--strip-producers"];
  await promisify(execFile)("wasm-opt", ["-g", ...features.map((feature) => `--enable-${feature}`), ...passes, at(name), "-o", at(name)]);
}

/** What a program's functions are called, by their numbers. */
async function namesOf(name) {
  return functionNames(await readFile(at(`${name}_bg.wasm`)));
}

/** Leaves in `<name>_bg.wasm` what was reached, and puts the rest into `<name>_later.wasm`. */
async function cut(program, hits, care) {
  const [wasm, isLater] = outlineModule(program.wasm, hits, care);
  const parts = split(wasm, isLater, await linkerMap(program.name));
  await save(program, parts);
  return parts;
}

/** Where Cargo leaves what it builds for the browser. */
async function targetDirectory() {
  const metadata = execFileSync("cargo", ["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]);
  return join(JSON.parse(metadata).target_directory, "wasm32-unknown-unknown");
}

/** What the API's fields are for: shared/build.rs writes it, the editor loads it when somebody asks. */
async function copyFieldDocs() {
  const builds = join(await targetDirectory(), release ? "wasm-release" : "debug", "build");
  const made = (await readdir(builds)).filter((name) => name.startsWith("shared-")).map((name) => join(builds, name, "out/fields.json"));
  const found = await Promise.all(made.map(async (name) => ({ name, time: (await stat(name).catch(() => ({ mtimeMs: 0 }))).mtimeMs })));
  const newest = found.reduce((one, other) => (other.time > one.time ? other : one));
  await copyFile(newest.name, at("fields.json"));
}

async function save({ name, glue }, [first, later]) {
  await writeFile(at(`${name}_bg.wasm`), first);
  await writeFile(at(`${name}_later.wasm`), later);
  const { code } = await transform(await readFile(`scripts/${name}-start.js`, "utf8"), { minify: release });
  await writeFile(at(`${name}.js`), `${glue}\n// ${name}-start.js\n${code}`);
}

/** Makes one of all style sheets: together they are smaller, and come at once. */
async function joinStyles() {
  const html = await readFile(at("index.html"), "utf8");
  const links = [...html.matchAll(/<link\b[^>]*\brel="?stylesheet\b[^>]*>/g)].map(([link]) => link);
  const names = links.map((link) => link.match(/\bhref="?(?:\.?\/)?([\w-]+\.css)\b/)[1]);
  await writeFile(at("style.css"), (await Promise.all(names.map((name) => readFile(at(name))))).join(""));
  await Promise.all(names.map((name) => rm(at(name))));
  const joined = links.reduce((text, link, index) => text.replace(link, index === 0 ? link.replace(names[0], "style.css") : ""), html);
  await writeFile(at("index.html"), joined);
}

/** What the linker says of a program: frontend/build.rs has it written. */
async function linkerMap(program) {
  const name = join(await targetDirectory(), `wasm-release/${program}.map`);
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

/** The service worker, with the list of all files; its version is what they are. The server's answer to `.` is the page. */
async function writeOffline() {
  const entries = await readdir(staging, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
    .map((entry) => relative(staging, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/")).sort();
  const hash = createHash("sha256");
  for (const name of files) hash.update(name).update(await readFile(at(name)));
  const list = ["./", ...files.filter((name) => name !== "index.html")];
  const source = await readFile("scripts/offline.js", "utf8");
  await writeFile(at("offline.js"), source.replace("{version}", hash.digest("hex").slice(0, 16)).replace('"{files}"', JSON.stringify(list)));
  await edit("index.html", (text) => {
    if (!text.includes("</title>")) throw new Error("index.html has no title to put the address of the service worker behind");
    return text.replace("</title>", '</title><meta name="asset:offline" content="offline.js">');
  });
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
