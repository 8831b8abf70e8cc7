// Without a network, and without a server of ours.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
  await isKept(page);
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

const blog = (body) => `<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">${body}`;
const frame = (more) => `<iframe src="/some/where/?embed=1&lang=en${more}" sandbox="allow-scripts" width="1000" height="640"></iframe>`;
/** The element as Share writes it, twice on a page, and as it was written before. */
const script = (host = "") => `<script async src="${host}/some/where/embed/kubarium-cluster.js"></script>`;
const element = (host) => `<kubarium-cluster height="640" show="both"></kubarium-cluster>${script(host)}${script(host)}`;
const BLOGS = { "/blog": frame(""), "/started": frame("&start"), "/element": element(), "/module": element().replaceAll("async", 'type="module"') };

/** Resolves once this page is there without a network, too, from the next time on. */
const isKept = (page) => page.evaluate(async () => {
  const { active } = await navigator.serviceWorker.ready;
  if (active.state !== "activated") await new Promise((resolve) => active.addEventListener("statechange", () => active.state === "activated" && resolve()));
});

/** The static build on a file host, below some path; `more` headers with every file. */
async function hosted(t, more = async () => ({})) {
  const site = await mkdtemp(join(tmpdir(), "kubarium-site-"));
  execFileSync("node", [join(root, "scripts/site.mjs"), join(root, "dist"), site]);
  const headers = await more(site);
  const host = createServer(async (request, answer) => {
    const path = new URL(request.url, "http://host").pathname;
    if (path in BLOGS) return answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(blog(BLOGS[path]));
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
    url, site,
    stop() {
      host.close();
      host.closeAllConnections();
    },
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

test("a page of the next build has nothing of the one before, and is the one that works without a network then", async (t) => {
  const { open, site, url, stop } = await hosted(t);
  const page = await open("/some/where/", { expected: [/ERR_CONNECTION_REFUSED/, /Failed to load resource/] });
  await alive(page);
  await isKept(page);
  const example = () => page.evaluate(async () => (await fetch("examples/configmap.yaml")).text());
  const before = await example();
  await page.reload();
  await alive(page);
  assert.equal(await example(), before);
  // Another build comes: its page, a file that has the same name in both, and its list of files.
  for (const [name, from, to] of [["index.html", "</title>", "</title><!-- next -->"], ["examples/configmap.yaml", /[^]*/, "# next\n"], ["offline.js", /`kubarium-[\da-f]{16}/, "`kubarium-0123456789abcdef"]]) {
    await writeFile(join(site, name), (await readFile(join(site, name), "utf8")).replace(from, to));
  }
  await page.reload();
  await alive(page);
  assert.equal(await example(), "# next\n");
  await page.evaluate(async () => {
    const found = await navigator.serviceWorker.ready;
    await found.update();
    while (!found.waiting) await new Promise(requestAnimationFrame);
  });
  // It takes over once nothing of the one before is open.
  await page.goto(`${url}/element`);
  await page.evaluate(async () => {
    const found = await navigator.serviceWorker.getRegistration("/some/where/");
    while (found.waiting || found.active.state !== "activated") await new Promise(requestAnimationFrame);
  });
  stop();
  await page.goto(`${url}/some/where/`);
  await alive(page);
  assert.match(await page.content(), /<!-- next -->/);
  assert.equal(await example(), "# next\n");
});

test("a frame without an origin works where the host has read `_headers`, and says what is wrong where it has not", async (t) => {
  for (const path of ["/blog", "/started"]) {
    const deaf = await (await hosted(t)).open(path, { expected: [/blocked by CORS policy/, /ERR_FAILED/, /Failed to fetch/] });
    await deaf.frameLocator("iframe").getByText("has to send “Access-Control-Allow-Origin: *”").waitFor();
  }
  const read = async (site) => Object.fromEntries([...(await readFile(join(site, "_headers"), "utf8")).matchAll(/^ {2}(\S+): (.+)$/gm)].map(([, name, value]) => [name, value]));
  const page = await (await hosted(t, read)).open("/blog");
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Start this cluster" }).click();
  await frame.locator(".node[data-state=ready]").nth(2).waitFor();
});

/** What is in the frame that the element becomes, once it is asked. */
async function started(page) {
  await page.getByRole("button", { name: "Start this cluster" }).click();
  const frame = page.frameLocator("iframe");
  // The first frame of the page has nodes, too, but no menus.
  await frame.locator(".node[data-state=ready] button").first().waitFor();
  return frame;
}

test("an element from a host that says nothing works, in its own pages and in those of others, and keeps nothing there", async (t) => {
  for (const path of ["/element", "/module"]) await started(await (await hosted(t)).open(path));
  const host = await hosted(t);
  const other = createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(blog(element(host.url))));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  // It asks whether a frame without an origin would do.
  const page = await openPage(t, `http://127.0.0.1:${other.address().port}/`, { expected: [/embed\/still\.js.*blocked by CORS policy/, /ERR_FAILED/] });
  const frame = await started(page);
  assert.equal(await page.locator("iframe").getAttribute("sandbox"), "allow-scripts allow-same-origin");
  await frame.locator("#drawer .cm-content").first().waitFor();
  // Its home may be what the reader works in, too.
  const kept = await frame.locator("html").evaluate(async () => [origin, (await indexedDB.databases()).length, (await navigator.serviceWorker.getRegistrations()).length]);
  assert.deepEqual(kept, [host.url, 0, 0]);
});

test("what Share writes for other people's pages fits the host that it is on", async (t) => {
  for (const [more, sandbox] of [[{}, "allow-scripts allow-same-origin"], [{ "access-control-allow-origin": "*" }, "allow-scripts"]]) {
    const page = await (await hosted(t, async () => more)).open("/some/where/");
    await alive(page);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "Moment, web page, picture" }).click();
    const sheet = page.locator("dialog.share");
    await sheet.getByRole("tab", { name: "Web page" }).click();
    const box = sheet.getByRole("textbox", { name: "As a frame" });
    await page.waitForFunction(([box, wanted]) => box.value.includes(`sandbox="${wanted}"`), [await box.elementHandle(), sandbox]);
    assert.match(await sheet.getByRole("textbox", { name: "As an element" }).inputValue(), /^<script async src="http:[^"]+\/some\/where\/embed\/kubarium-cluster\.js"><\/script>\n<kubarium-cluster /);
  }
});
