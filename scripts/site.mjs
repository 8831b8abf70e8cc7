// `make site`: the page for any file host, under any path, without a server: node scripts/site.mjs dist site

import { createHash } from "node:crypto";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [from, to] = process.argv.slice(2);
await rm(to, { recursive: true, force: true });
// File hosts compress by themselves.
await cp(from, to, { recursive: true, filter: (name) => !/\.(br|gz)$/.test(name) });

// What the server says in a header (backend/src/page.rs) stands in the page itself: its own files, and nothing else.
const file = join(to, "index.html");
const html = await readFile(file, "utf8");
const scripts = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)];
const hashes = scripts.map(([, source]) => `'sha256-${createHash("sha256").update(source).digest("base64")}'`);
const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' ${hashes.join(" ")}; worker-src 'self' blob:; style-src 'self'; `
  + "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'";
await writeFile(file, html.replace("<head>", `<head><meta http-equiv="Content-Security-Policy" content="${policy}">`));
// A frame without an origin of its own (`sandbox="allow-scripts"`) gets modules only where this is said. Netlify and Cloudflare
// Pages read it here, GitHub Pages says it by itself.
await writeFile(join(to, "_headers"), "/*\n  Access-Control-Allow-Origin: *\n");
console.log(`${to}/ is ready for any file host, under any path.`);
