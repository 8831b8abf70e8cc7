// In pages of other people's: only what is meant for that may be framed, and it stands still while nobody sees it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { ask, openPage, screenshot, startServer } from "./harness.mjs";

/** A page of somebody else's. */
async function site(t, html) {
  const server = createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

test("a cluster stands in somebody's page, and begins when it is asked to", async (t) => {
  const server = await startServer(t);
  const blog = await site(t, `<!doctype html><html lang="en"><meta name="color-scheme" content="dark"><title>Blog</title><link rel="icon" href="data:,">
    <body style="background:#123;color:#eee;height:3000px"><h1>A node fails</h1>
    <kubarium-cluster label="Let it live" height="620"></kubarium-cluster>
    <script type="module" src="${server.url}/embed/kubarium-cluster.js"></script>`);
  const page = await openPage(t, blog);
  const button = page.getByRole("button", { name: "Let it live" });
  await button.waitFor();
  await screenshot(page, "poster");
  assert.equal(page.frames().length, 1, "nothing is loaded before somebody asks");
  await button.click();
  const frame = page.frameLocator("iframe");
  await frame.locator(".node[data-state=ready]").nth(2).waitFor();
  await frame.locator(".story").last().waitFor({ state: "hidden" });
  assert.equal(await frame.locator("html").getAttribute("data-theme"), "dark");
  await screenshot(page, "embedded");
  // The page goes on scrolling when the pointer is over the cluster.
  await page.mouse.move(400, 400);
  await page.mouse.wheel(0, 2000);
  await page.waitForFunction(() => scrollY > 1000);
  await frame.locator(".clock").getByText("paused").waitFor({ state: "attached" });
  await page.mouse.wheel(0, -2000);
  await page.waitForFunction(() => scrollY === 0);
  await frame.locator(".clock").getByText("paused").waitFor({ state: "detached" });
});

test("a page that turns light while the cluster is on its way has a light one", async (t) => {
  const server = await startServer(t);
  const blog = await site(t, `<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">
    <body style="background:#123;color:#eee"><kubarium-cluster label="Let it live" height="620"></kubarium-cluster>
    <script type="module" src="${server.url}/embed/kubarium-cluster.js"></script>`);
  const page = await openPage(t, blog);
  await page.getByRole("button", { name: "Let it live" }).click();
  const frame = page.frameLocator("iframe");
  await frame.locator("html[data-theme=dark]").waitFor({ state: "attached" });
  await page.evaluate(() => Object.assign(document.body.style, { background: "#fff", color: "#111" }));
  await frame.locator("html[data-theme=light]").waitFor({ state: "attached" });
});

test("a low or narrow frame shows the whole diagram, smaller, and what moves stays on its line", async (t) => {
  const server = await startServer(t);
  for (const [width, height] of [[800, 280], [560, 420], [400, 300], [390, 640]]) {
    const page = await openPage(t, `${server.url}/?embed=1&start`, { viewport: { width, height } });
    await page.locator(".dot:not([hidden])").first().waitFor({ state: "attached" });
    const { foot, lines, agents } = await page.evaluate(() => {
      const boxes = (selector) => [...document.querySelectorAll(`.stages > .stage ${selector}`)].map((it) => it.getBoundingClientRect());
      const middles = (selector) => boxes(selector).map(({ left, right }) => Math.round((left + right) / 2)).sort((a, b) => a - b);
      return { foot: boxes(".visitors")[0].bottom, lines: middles(".lines line[data-to=kubelet]"), agents: middles("[data-place^='kubelet@']") };
    });
    // To the pixel: what is scaled ends between two.
    assert.ok(Math.floor(foot) <= height, `${width}×${height}: the visitors' line ends at ${foot}`);
    assert.equal(lines.length, 3);
    lines.forEach((line, index) => assert.ok(Math.abs(line - agents[index]) < 3, `${width}×${height}: lines at ${lines}, kubelets at ${agents}`));
  }
});

test("who asks for what there is not sees the diagram", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, `${server.url}/?embed=1&start&show=anything`);
  await page.locator(".node[data-state=ready]").nth(2).waitFor();
  // On a slow machine the page's still is there for a moment longer, with a foot of its own.
  await page.locator(".foot").last().waitFor({ state: "hidden" });
  await page.locator(".stages .visitors").waitFor();
});

test("of a larger cluster all is seen, smaller, also while it grows", async (t) => {
  const server = await startServer(t);
  const scenario = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  cluster: {nodes: [{count: 3, zone: a}, {count: 3, zone: b}, {count: 3, zone: c}]}\n  opening: 60s\n  steps:\n  - {at: 0s, kubectl: create deployment web --image=nginx --replicas=12}\n";
  for (const [show, width, height] of [["diagram", 800, 640], ["diagram", 390, 640], ["both", 390, 720], ["both", 1100, 720]]) {
    const page = await openPage(t, `${server.url}/?embed=1&start&show=${show}`, { viewport: { width, height } });
    await page.locator(".node[data-state=ready] button").nth(2).waitFor();
    await ask(page, { open: { scenario } });
    await page.locator(".stages .pod[data-shape=ready]").nth(11).waitFor();
    const isWhole = () => page.waitForFunction(() => {
      const [foot, scene] = [".stages > .stage .visitors", ".scene"].map((name) => document.querySelector(name).getBoundingClientRect().bottom);
      return Math.floor(foot) <= Math.min(innerHeight, Math.ceil(scene));
    });
    await isWhole();
    await ask(page, { command: { id: 900, command: { kubectl: "scale deployment/web --replicas=40" } } });
    await page.locator(".stages .pod").nth(39).waitFor();
    await isWhole();
    await screenshot(page, `embedded-${show}-${width}`);
  }
});

test("nothing else may be framed, and what is framed gets no part in a shared cluster", async (t) => {
  const server = await startServer(t);
  const policy = async (path) => (await fetch(server.url + path)).headers.get("content-security-policy");
  assert.match(await policy("/"), /frame-ancestors 'none'/);
  assert.match(await policy("/?embed=2"), /frame-ancestors 'none'/);
  assert.match(await policy("/?embed=1"), /frame-ancestors \*/);
  assert.match(await policy("/api/v1/nothing"), /frame-ancestors 'none'/);
  // A frame that may run scripts and nothing else: no origin, no storage, no worker but its own.
  const blog = await site(t, `<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">
    <iframe src="${server.url}/?embed=1&still=rr.rf.o#s=some.token" sandbox="allow-scripts" width="1000" height="640"></iframe>`);
  const page = await openPage(t, blog);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Start this cluster" }).waitFor();
  assert.equal(await frame.locator("circle[fill='#d9483b']").count(), 2, "a pod that fails and a node that is off");
  await frame.getByRole("button").click();
  await frame.locator(".node[data-state=ready]").nth(2).waitFor();
  assert.equal(await frame.locator("html").evaluate(() => location.hash), "");
});

test("beside an author's cluster stands the author's YAML, and the page scrolls under it until somebody is in it", async (t) => {
  const server = await startServer(t);
  const author = await openPage(t, server.url);
  await author.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  const applied = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: by-the-author\n";
  await author.evaluate((text) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 900, command: { apply: text } } })), applied + "# more\n".repeat(80));
  await author.getByRole("button", { name: "Share" }).click();
  await author.getByRole("button", { name: "Moment, web page, picture" }).click();
  const sheet = author.locator("dialog.share");
  const link = sheet.getByRole("textbox", { name: "Link" });
  await author.waitForFunction((box) => box.value.includes("#"), await link.elementHandle());
  const [, fragment] = (await link.inputValue()).split("#");

  const blog = await site(t, `<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,"><body style="height:4000px">
    <iframe src="${server.url}/?embed=1&start&show=yaml#${fragment}" sandbox="allow-scripts" width="1000" height="520"></iframe>`);
  const page = await openPage(t, blog);
  const frame = page.frameLocator("iframe");
  const content = frame.locator("#drawer .cm-content").first();
  await content.getByText("by-the-author").waitFor();
  await screenshot(page, "embedded-yaml");
  await page.mouse.move(400, 300);
  await page.mouse.wheel(0, 1500);
  await page.waitForFunction(() => scrollY > 1000);
  await page.mouse.wheel(0, -1500);
  await page.waitForFunction(() => scrollY === 0);
  await content.getByText("by-the-author").click();
  await page.mouse.wheel(0, 300);
  const scroller = await frame.locator("#drawer .cm-scroller").first().elementHandle();
  await page.frames()[1].waitForFunction((element) => element.scrollTop > 100, scroller);
});

test("in a page that names no language the cluster speaks the reader's", async (t) => {
  const server = await startServer(t);
  const blog = await site(t, `<!doctype html><html><title>Blog</title><link rel="icon" href="data:,">
    <script src="${server.url}/embed/kubarium-cluster.js"></script><kubarium-cluster></kubarium-cluster>`);
  const page = await openPage(t, blog, { locale: "ja-JP" });
  await page.getByRole("button", { name: "クラスタを動かす" }).click();
  await page.frameLocator("iframe").locator(".time select").filter({ hasText: "おまかせ" }).waitFor();
});
