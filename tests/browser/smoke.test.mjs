// The built page in a real browser: it comes up, its parts arrive when they should, and the server guards it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

test("the page and its worker come up", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.getByText("This cluster is alive").first().waitFor();
  assert.equal(page.workers().length, 1);
  await screenshot(page, "first-screen");
});

test("the page speaks the browser's language", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url, { locale: "ja-JP" });
  await page.getByText("クラスタが動いています").first().waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "ja");
});

test("the editor is not part of the first load", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.getByText("This cluster is alive").first().waitFor();
  const fetched = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => entry.name));
  assert.deepEqual(fetched.filter((name) => name.includes("/editor")), []);
});

test("the editor module keeps its contract", async (t) => {
  const server = await startServer(t);
  // Who comes with options has the whole program from the beginning, and no key waits for it.
  const page = await openPage(t, `${server.url}/?paused`);
  await page.evaluate(async () => {
    const module = await window.kubarium.load(document.querySelector("meta[name='asset:editor']").content);
    const element = document.body.appendChild(document.createElement("div"));
    window.heard = [];
    window.editor = module.create(element, "kind: Pod\n", {
      onApply: (text) => window.heard.push(["apply", text]),
      onChange: (text) => window.heard.push(["change", text]),
    });
    window.editor.setText("kind: Node\n😀: x\n");
    window.editor.focus();
  });
  await page.keyboard.press("Control+End");
  await page.keyboard.type("a");
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(() => window.heard.some(([what]) => what === "apply"));
  assert.deepEqual(await page.evaluate(() => window.heard), [
    ["change", "kind: Node\n😀: x\na"],
    ["apply", "kind: Node\n😀: x\na"],
  ]);
  // The editor has looked at the text by itself; on a slow machine it does so once more in between, and its own takes the place.
  await page.locator(".cm-lintRange-error").first().waitFor();
  let told = false;
  for (let look = 0; look < 10 && !told; look++) {
    await page.evaluate(() => window.editor.setDiagnostics([[[2, 4], [2, 5], "not a field"], [[99, 1], null, "far out"]]));
    await page.mouse.move(0, 0);
    const limit = { timeout: 2000 };
    told = await page.locator(".cm-lintRange-error", { hasText: "x" }).hover(limit)
      .then(() => page.getByText("not a field").waitFor(limit)).then(() => true, () => false);
  }
  assert.ok(told);
  await screenshot(page, "editor-diagnostics");
});

test("the server compresses, caches and guards the page", async (t) => {
  const server = await startServer(t);
  const get = (path, headers = {}) => fetch(server.url + path, { headers });
  const html = await get("/", { "accept-encoding": "br" });
  assert.equal(html.headers.get("content-encoding"), "br");
  assert.equal(html.headers.get("cache-control"), "no-cache");
  const policy = html.headers.get("content-security-policy");
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval' 'sha256-/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
  assert.equal(html.headers.get("x-content-type-options"), "nosniff");
  const again = await get("/", { "accept-encoding": "br", "if-none-match": html.headers.get("etag") });
  assert.equal(again.status, 304);

  const script = (await html.text()).match(/\/app-[0-9a-f]{16}\.js/)[0];
  const program = await get(script, { "accept-encoding": "gzip" });
  assert.equal(program.headers.get("content-encoding"), "gzip");
  assert.match(program.headers.get("cache-control"), /immutable/);
  assert.equal((await get(script, { "accept-encoding": "identity" })).headers.get("content-encoding"), null);
  assert.equal((await get("/nothing")).status, 404);
  assert.equal((await get("/healthz")).status, 200);
});
