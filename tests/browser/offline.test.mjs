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

/** The static build on a file host, below some path; `more` headers with every file. */
async function hosted(t, more = async () => ({})) {
  const site = await mkdtemp(join(tmpdir(), "kubarium-site-"));
  execFileSync("node", [join(root, "scripts/site.mjs"), join(root, "dist"), site]);
  const headers = await more(site);
  const host = createServer(async (request, answer) => {
    const path = new URL(request.url, "http://host").pathname;
    if (path === "/blog") {
      return answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(`<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">
        <iframe src="/some/where/?embed=1&lang=en" sandbox="allow-scripts" width="1000" height="640"></iframe>`);
    }
    const name = path === "/some/where/" ? "index.html" : path.replace(/^\/some\/where\//, "");
    try {
      const file = await readFile(join(site, name));
      answer.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/plain; charset=utf-8", ...headers }).end(file);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${host.address().port}`;
  return {
    // The page goes first.
    async open(path, options) {
      const page = await openPage(t, url + path, options);
      t.after(() => host.close());
      t.after(() => rm(site, { recursive: true, force: true }));
      return page;
    },
  };
}

test("the static build works from any file host, below any path", async (t) => {
  const page = await (await hosted(t)).open("/some/where/");
  await alive(page);
  await page.getByRole("button", { name: "YAML" }).click();
  await page.locator("#drawer").getByLabel("Example").selectOption("configmap");
  await page.locator("#drawer").getByRole("button", { name: "Apply", exact: true }).click();
  await page.locator("#drawer .outcome").getByText(/configmap\/\S+ created/).waitFor();
  await page.locator("#drawer").getByRole("button", { name: "Open", exact: true }).click();
  await page.locator(".pod", { hasText: "hello" }).first().waitFor();
});

test("a frame without an origin works where the host has read `_headers`, and says what is wrong where it has not", async (t) => {
  const deaf = await (await hosted(t)).open("/blog", { expected: [/blocked by CORS policy/, /ERR_FAILED/] });
  await deaf.frameLocator("iframe").getByText("has to send “Access-Control-Allow-Origin: *”").waitFor();
  const read = async (site) => Object.fromEntries([...(await readFile(join(site, "_headers"), "utf8")).matchAll(/^ {2}(\S+): (.+)$/gm)].map(([, name, value]) => [name, value]));
  const page = await (await hosted(t, read)).open("/blog");
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Start this cluster" }).click();
  await frame.locator(".node[data-state=ready]").nth(2).waitFor();
});
