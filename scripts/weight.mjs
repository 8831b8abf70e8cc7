// Prints what a browser fetches, brotli-compressed, and fails when the first load is too heavy:
// node scripts/weight.mjs dist 700

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const [directory, limitKb] = process.argv.slice(2);
const files = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".br"));
const page = readFileSync(join(directory, "index.html"), "utf8");
// `<meta name=asset:…>` lists what the page loads later; so do both programs with their later parts.
const later = new Set([...page.matchAll(/<meta\b[^>]*>/g)].filter(([tag]) => tag.includes("asset:")).flatMap(
  ([tag]) => files.filter((name) => tag.includes(name.slice(0, -3)))));
for (const name of files) if (/^(app|worker)_later-\w+\.wasm\.br$/.test(name)) later.add(name);
// What only frames fetch.
for (const name of files) if (name.startsWith("embed/")) later.add(name);

const texts = [page];
const first = new Set(["index.html.br"]);
for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
  for (const name of files) {
    if (first.has(name) || later.has(name) || !text.includes(name.slice(0, -3))) continue;
    first.add(name);
    if (name.endsWith(".js.br")) texts.push(readFileSync(join(directory, name.slice(0, -3)), "utf8"));
  }
}

const size = (name) => statSync(join(directory, name)).size;
const kb = (bytes) => `${(bytes / 1000).toFixed(1).padStart(8)} kB`;
const list = (title, names) => {
  const total = names.reduce((sum, name) => sum + size(name), 0);
  console.log(`${title}, brotli`);
  for (const name of names.sort((a, b) => size(b) - size(a))) console.log(`${kb(size(name))}  ${name.slice(0, -3)}`);
  console.log(`${kb(total)}  in all`);
  return total;
};
const total = list("First load", [...first]);
list("Later", files.filter((name) => !first.has(name)));
if (total > limitKb * 1000) {
  console.error(`The first load weighs ${(total / 1000).toFixed(1)} kB; the limit is ${limitKb} kB.`);
  process.exit(1);
}
