// What the editor says of a text while one types, and what the API server says when it is applied, are the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, startServer } from "./harness.mjs";
import { MANIFESTS } from "./manifests.mjs";
import { paste } from "./paste.mjs";

/** kubectl takes the last of equal keys without a word; who writes a text here has most likely forgotten a `---`. */
const ONLY_HERE = ["a key twice"];

/** Asks the worker for a kubectl program's end, past the page. */
const kubectl = (page, args, stdin) => page.evaluate(([args, stdin]) => new Promise((resolve) => {
  const { kubarium } = window;
  const id = (kubarium.asked = (kubarium.asked ?? 1 << 24) + 1);
  let stderr = "";
  kubarium.engine.addEventListener("message", function hear({ data }) {
    if (!Array.isArray(data)) return;
    const [kind, of] = Object.entries(JSON.parse(data[0]).terminal ?? {})[0] ?? [];
    if (of?.id !== id) return;
    stderr += of.stderr ?? "";
    if (kind !== "done") return;
    kubarium.engine.removeEventListener("message", hear);
    resolve({ code: of.code, stderr });
  });
  kubarium.engine.postMessage(JSON.stringify({ terminal: { run: { id, args, stdin } } }));
}), [args, stdin]);

test(`${MANIFESTS.length} manifests: the editor and the API server agree`, async (t) => {
  assert.ok(MANIFESTS.length >= 60);
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "YAML" }).click();
  const content = page.locator("#drawer .cm-content").first();
  const state = page.locator("#drawer .state");
  await content.waitFor();
  const wrong = [];
  for (const [what, text] of MANIFESTS) {
    await content.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.waitForFunction((state) => state.textContent === "", await state.elementHandle());
    await paste(content, text);
    const { code, stderr } = await kubectl(page, ["apply", "--dry-run=server", "-f", "-"], text);
    // Of what is no object at all nothing is said: there is nothing to apply yet.
    const expected = code === 0 && !ONLY_HERE.includes(what) ? "good" : "bad";
    const shown = state.locator(`.${expected}`);
    await shown.waitFor({ timeout: 5000 }).catch(() => wrong.push(`${what}: ${expected} expected, shown ${JSON.stringify(state.textContent())}; ${stderr}`));
    // What cannot be read, or is no object, never comes to the API server: both refuse it, each reader in its own words.
    if (code === 0 || stderr.startsWith("error: error parsing STDIN") || stderr.includes(": invalid object to validate;")) continue;
    const message = await state.locator("button").textContent().catch(() => "");
    // The message without the place that the editor shows itself.
    const said = message.replace(/^line \d+: /, "").split("\n")[0].replace(/^error: /, "").slice(0, 60);
    const key = said.replace(/^[\w.[\]]+: /, "").slice(0, 30);
    if (!stderr.includes(key) && !stderr.includes(said)) wrong.push(`${what}: the editor says ${JSON.stringify(message)}, the API server ${JSON.stringify(stderr)}`);
  }
  assert.deepEqual(wrong, []);
});

test("from a key to what is wrong in a file of 2,000 lines (the aim is 50 ms on a quiet machine)", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "YAML" }).click();
  const content = page.locator("#drawer .cm-content").first();
  await content.waitFor();
  const one = (index) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m-${index}\n  labels:\n    app: web\ndata:\n  a: "1"\n  b: "2"\n---\n`;
  await paste(content, Array.from({ length: 200 }, (_, index) => one(index)).join(""));
  await page.locator("#drawer .state .good").waitFor();
  await page.evaluate(() => performance.clearMeasures());
  for (const key of "apiVers") await page.keyboard.press(key, { delay: 80 });
  await page.locator("#drawer .state .bad").waitFor();
  const times = await page.evaluate(() => performance.getEntriesByName("keystroke to diagnostics").map(({ duration }) => duration));
  const sorted = times.sort((a, b) => a - b);
  t.diagnostic(`${times.length} answers, median ${sorted[Math.floor(sorted.length / 2)].toFixed(1)} ms, longest ${sorted.at(-1).toFixed(1)} ms`);
  assert.ok(times.length > 0);
});
