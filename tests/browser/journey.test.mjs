// The journey that Kubarium is for, as a person takes it: look, apply, break, ask why, share, be together.

import assert from "node:assert/strict";
import { test } from "node:test";
import { askWorker, openPage, screenshot, startServer } from "./harness.mjs";
import { paste } from "./paste.mjs";

const STORY_MS = 60_000;

/** The page with its cluster alive: three nodes, three pods that serve, visitors that get answers. */
async function openCluster(t, url, options) {
  const page = await openPage(t, url, options);
  await page.locator(".node[data-state=ready]").nth(2).waitFor();
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  return page;
}

const drawer = (page) => page.locator("#drawer");
const node = (page, name) => page.locator(`.node[data-place='node/${name}']`);
const power = (page, name) => node(page, name).getByRole("switch");
const speed = (page, value) => page.locator(".time select").selectOption(value);
const podsOn = (page, name, shape) => node(page, name).locator(`.pod[data-shape=${shape}]`);

/** Pastes `text` into the editor in place of what is there, and applies it with the keyboard. */
async function apply(page, text) {
  if (!(await drawer(page).locator(".cm-content").isVisible())) await page.getByRole("button", { name: "YAML" }).click();
  const content = drawer(page).locator(".cm-content");
  await paste(content, text);
  await page.keyboard.press("Control+Enter");
}

const outcome = (page, text) => drawer(page).locator(".outcome").getByText(text).waitFor();

/** What the worker answers, asked past the page. */
const ask = (page, request, answer) => page.evaluate(([request, answer]) => new Promise((resolve) => {
  const { engine } = window.kubarium;
  engine.addEventListener("message", function hear({ data }) {
    const reply = JSON.parse(data);
    if (!(answer in reply)) return;
    engine.removeEventListener("message", hear);
    resolve(reply[answer]);
  });
  engine.postMessage(JSON.stringify(request));
}), [request, answer]);

test("a node is switched off, and the app is back without another click", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await page.getByText(/of the last \d+ answered|all of the last/).waitFor();
  await screenshot(page, "alive");

  const began = Date.now();
  await power(page, "node-2").click();
  await page.getByText("node-2 is off. Nobody knows yet.").waitFor();
  await page.getByText("Node grace period").first().waitFor();
  await screenshot(page, "power-off");
  await node(page, "node-2").getByText("NotReady").waitFor({ timeout: STORY_MS });
  await page.getByText("Toleration").first().waitFor({ timeout: STORY_MS });
  await screenshot(page, "toleration");
  const verdict = page.locator(".verdict");
  await verdict.waitFor({ timeout: STORY_MS });
  t.diagnostic(`from Power off to three replicas: ${((Date.now() - began) / 1000).toFixed(1)} s of wall time`);
  assert.match(await verdict.innerText(), /Back to 3 of 3 after 5 min \d+ s\..*got no answer/);
  assert.equal(await page.locator(".pod.serving").count(), 3);
  await screenshot(page, "verdict");

  await page.getByRole("button", { name: "Why so long?" }).click();
  await page.locator(".beside").getByText("Node grace period").waitFor();
  await screenshot(page, "why-so-long");

  await power(page, "node-2").click();
  await page.locator(".node[data-state=ready]").nth(2).waitFor({ timeout: STORY_MS });
});

test("after a rewind the scheduler can be stopped instead", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await speed(page, "60000");
  await power(page, "node-2").click();
  await page.locator(".verdict").waitFor({ timeout: STORY_MS });
  await page.getByRole("button", { name: "Stop the scheduler and try again" }).click();
  await page.locator("[data-place=kube-scheduler].down").waitFor();
  await page.getByText("waiting for a node: 1").waitFor({ timeout: STORY_MS });
  await page.locator("[data-place=kube-scheduler] .program-name").click();
  await drawer(page).getByRole("button", { name: "Start it again" }).click();
  await page.getByText("no pod waits").waitFor({ timeout: STORY_MS });
});

test("time can be stopped, stepped, hurried and skipped", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  const clock = page.locator(".clock b");
  const seconds = async () => {
    const [minutes, rest] = (await clock.innerText()).split(":").map(Number);
    return minutes * 60 + rest;
  };
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await page.locator(".clock").getByText("paused").waitFor();
  const before = await ask(page, "fingerprint", "fingerprint");
  await power(page, "node-1").click();
  await page.keyboard.press("ArrowRight");
  await page.locator(".clock").getByText("paused").waitFor();
  const after = await ask(page, "fingerprint", "fingerprint");
  assert.notDeepEqual(after, before, "a step lets something happen");
  assert.ok(after.at - before.at < 60_000);
  const stopped = await seconds();
  await speed(page, "300000");
  await page.waitForFunction((from) => {
    const [minutes, rest] = document.querySelector(".clock b").textContent.split(":").map(Number);
    return minutes * 60 + rest > from + 100;
  }, stopped);
  await node(page, "node-1").getByText("NotReady").waitFor({ timeout: STORY_MS });
});

test("what is applied travels to running pods, and what is wrong is said where", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await speed(page, "20000");
  await page.getByRole("button", { name: "YAML" }).click();
  await drawer(page).locator(".cm-content").waitFor();
  // The article's Pod has neither a name nor an image.
  await drawer(page).getByLabel("Example").selectOption("pod-incomplete");
  await drawer(page).getByRole("button", { name: "Apply" }).click();
  await outcome(page, /resource name may not be empty|name or generateName is required|Required value/);
  await drawer(page).getByRole("button", { name: /Add the name and image/ }).click();
  await drawer(page).getByRole("button", { name: "Apply" }).click();
  await outcome(page, /pod\/\S+ created/);

  for (const example of ["deployment", "service", "configmap", "secret", "secret-stringdata"]) {
    await drawer(page).getByLabel("Example").selectOption(example);
    await drawer(page).getByRole("button", { name: "Apply" }).click();
    await outcome(page, /(created|configured|unchanged)/);
  }

  await apply(page, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n"
    + "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
    + "    spec: {containers: [{name: web, image: nginx}]}\n");
  await outcome(page, "deployment.apps/web created");
  await page.locator(".pod[data-shape=ready]", { hasText: "web" }).nth(1).waitFor({ timeout: STORY_MS });
  await screenshot(page, "applied");
  // Nothing was broken, so nothing is mended.
  assert.doesNotMatch(await page.locator("h1").innerText(), /mended/);

  await apply(page, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: {}\n");
  await drawer(page).locator(".outcome .bad").getByText(/line 5/).waitFor();
  await apply(page, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicsa: 3}\n");
  await outcome(page, /unknown field "spec.replicsa"/);
  await drawer(page).locator(".cm-lintRange-error").first().waitFor();
  await screenshot(page, "refused");
  await apply(page, "apiVersion: v9\nkind: Ship\nmetadata: {name: x}\n");
  await outcome(page, /no matches for kind "Ship" in version "v9"/);

});

test("anything can be looked into", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await podsOn(page, "node-0", "ready").first().click();
  const inspector = drawer(page);
  await inspector.getByText("Why it is here").waitFor();
  await inspector.locator("table tbody tr").nth(2).waitFor();
  await inspector.locator(".hops .hop").nth(3).waitFor();
  await inspector.getByText("Scheduled").first().waitFor();
  assert.match(await inspector.locator(".yaml").innerText(), /kind: Pod\n/);
  await screenshot(page, "inspector");
  for (const [place, says] of [
    ["etcd", "etcd"], ["kube-apiserver", "kube-apiserver"], ["kube-controller-manager", "kube-controller-manager"],
    ["kubelet@node-1", "kubelet@node-1"], ["kube-proxy@node-1", "kube-proxy@node-1"],
  ]) {
    const box = page.locator(`[data-place='${place}']`);
    await (place.includes("@") ? box : box.locator(".program-name")).click();
    await inspector.getByRole("heading", { name: says, level: 3 }).waitFor();
  }
  await page.locator(".node-name", { hasText: "node-0" }).click();
  await inspector.getByText("kind: Node").waitFor();
  await page.locator(".service", { hasText: "todo-api" }).click();
  await inspector.getByText("kind: Service").waitFor();
});

test("a link opens exactly the same cluster, and no server is needed for that", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await power(page, "node-1").click();
  await page.getByText("node-1 is off. Nobody knows yet.").waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await page.locator(".clock").getByText("paused").waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  const field = page.getByLabel("Link", { exact: true });
  await page.waitForFunction(() => document.querySelector(".sheet input")?.value.includes("#1."));
  const link = await field.inputValue();
  t.diagnostic(`the link is ${new URL(link).hash.length} characters long`);
  await page.locator(".fingerprint").waitFor();
  await screenshot(page, "share");
  const here = await ask(page, "fingerprint", "fingerprint");

  const other = await openCluster(t, server.url);
  // Only the page's own files may still come, whichever of its parts is wanted first.
  const file = /\/([a-z_]+-[0-9a-f]{16}|offline)\.(js|wasm|css)$/;
  const foreign = [];
  other.on("request", (request) => {
    if (request.method() !== "GET" || !file.test(request.url())) foreign.push(`${request.method()} ${request.url()}`);
  });
  const there = await askWorker(other, { open: { link: new URL(link).hash.slice(1) } });
  assert.deepEqual(there, here);
  assert.deepEqual(foreign, []);

  await other.goto("about:blank");
  await other.goto(link);
  await other.locator(".node[data-state=ready]").nth(1).waitFor();
  await other.locator(".node[data-place='node/node-1'] [role=switch][aria-checked=false]").waitFor();
});

test("a link that is broken or foreign says so and shows the default cluster", async (t) => {
  const server = await startServer(t);
  for (const fragment of ["1.AAAA", "!!!", "9.abc", "L29sZC1saW5r"]) {
    const page = await openCluster(t, `${server.url}/#${fragment}`);
    await page.getByRole("alert").getByText("That link did not open").waitFor();
  }
});

test("two people are in one cluster, and it survives a restart of the server", async (t) => {
  const server = await startServer(t);
  // A service worker that is looked for meanwhile is not found either.
  const expected = [/WebSocket connection .* failed/, /ERR_CONNECTION_REFUSED/, /error occurred when fetching the script/];
  const host = await openCluster(t, server.url, { expected });
  await host.getByRole("button", { name: "Share" }).click();
  await host.getByRole("button", { name: "Go live" }).click();
  const editor = await host.getByLabel("Link for those who may act").inputValue();
  const viewer = await host.getByLabel("Link for those who look").inputValue();
  await host.keyboard.press("Escape");
  await host.locator(".sheet").waitFor({ state: "detached" });
  const guest = await openCluster(t, new URL(editor, server.url).href, { expected });
  for (const page of [host, guest]) await page.locator(".live[data-state=synced]").waitFor({ timeout: STORY_MS });
  await host.getByText("2 here").waitFor();

  await power(guest, "node-2").click();
  await node(host, "node-2").locator("[role=switch][aria-checked=false]").waitFor();
  await apply(host, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-the-host}\ndata: {a: b}\n");
  await outcome(host, "configmap/from-the-host created");
  await apply(guest, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-the-host}\ndata: {a: b}\n");
  await outcome(guest, "configmap/from-the-host unchanged");
  for (const page of [host, guest]) await page.locator(".live[data-state=synced]").waitFor({ timeout: STORY_MS });
  await screenshot(host, "live");

  await server.stop("SIGKILL");
  await host.locator(".live[data-state=broken]").waitFor();
  await startServer(t, server);
  for (const page of [host, guest]) await page.locator(".live[data-state=synced]").waitFor({ timeout: STORY_MS });
  await node(guest, "node-2").locator("[role=switch][aria-checked=false]").waitFor();
  await power(host, "node-2").click();
  await node(guest, "node-2").locator("[role=switch][aria-checked=true]").waitFor();

  const watcher = await openCluster(t, new URL(viewer, server.url).href, { expected });
  await watcher.locator(".live").waitFor();
  await host.getByText("3 here").waitFor();
});

test("the tour visits every component", async (t) => {
  const server = await startServer(t);
  const page = await openCluster(t, server.url);
  await page.getByRole("button", { name: "Two-minute tour" }).click();
  const card = page.getByRole("dialog", { name: "Tour" });
  const titles = [];
  for (;;) {
    titles.push(await card.locator("header b").innerText());
    const done = card.getByRole("button", { name: "Done" });
    if (await done.isVisible()) {
      await done.click();
      break;
    }
    const act = card.getByRole("button", { name: "Do it" });
    if (await act.isVisible()) await act.click();
    await card.getByRole("button", { name: "Next" }).click();
    await page.waitForFunction((last) => document.querySelector(".tour header b").textContent !== last, titles.at(-1));
  }
  for (const title of ["API server", "Scheduler", "Controller manager", "etcd", "kubelet", "kube-proxy",
    "Container runtime", "Deployment", "Pod", "Service", "Namespace", "ConfigMap and Secret"]) {
    assert.ok(titles.includes(title), `${title} is not among ${titles}`);
  }
  await card.waitFor({ state: "detached" });
});
