// Without a network, and without a server of ours.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { test } from "node:test";
import { openPage, root, startServer } from "./harness.mjs";

const alive = (page) => page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();

test("after the first visit the page works with the server stopped", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url, { expected: [/ERR_CONNECTION_REFUSED/, /Failed to load resource/] });
  await alive(page);
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    if (active.state !== "activated") await new Promise((resolve) => active.addEventListener("statechange", () => active.state === "activated" && resolve()));
  });
  await server.stop();
  await page.reload();
  await alive(page);
  await page.getByRole("button", { name: "YAML" }).click();
  await page.locator("#drawer .cm-content").getByText("kind").first().waitFor();
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.locator(".xterm").waitFor();
  await page.keyboard.type("k get pods\n");
  await page.locator(".xterm-rows").getByText("todo-api").first().waitFor();
  // One build's files, and no other's.
  const caches = await page.evaluate(async () => (await window.caches.keys()).filter((name) => name.startsWith("kubarium-")));
  assert.equal(caches.length, 1);
});

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm",
  ".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json",
};

test("the static build works from any file host, below any path", async (t) => {
  const site = await mkdtemp(join(tmpdir(), "kubarium-site-"));
  execFileSync("node", [join(root, "scripts/site.mjs"), join(root, "dist"), site]);
  const host = createServer(async (request, answer) => {
    const path = new URL(request.url, "http://host").pathname;
    const name = path === "/some/where/" ? "index.html" : path.replace(/^\/some\/where\//, "");
    try {
      const file = await readFile(join(site, name));
      answer.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/plain; charset=utf-8" }).end(file);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const page = await openPage(t, `http://127.0.0.1:${host.address().port}/some/where/`);
  // The page goes first.
  t.after(() => host.close());
  t.after(() => rm(site, { recursive: true, force: true }));
  await alive(page);
  await page.getByRole("button", { name: "YAML" }).click();
  await page.locator("#drawer").getByLabel("Example").selectOption("configmap");
  await page.locator("#drawer").getByRole("button", { name: "Apply", exact: true }).click();
  await page.locator("#drawer .outcome").getByText(/configmap\/\S+ created/).waitFor();
  await page.locator("#drawer").getByRole("button", { name: "Open", exact: true }).click();
  await page.locator(".pod", { hasText: "hello" }).first().waitFor();
});
