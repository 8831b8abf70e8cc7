// What is broken shows on the thing itself, whatever it is, and one click there mends it; what is told stands beside what it is about.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, hurry, openCluster, screenshot } from "./harness.mjs";

const LONG_MS = 60_000;
const CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\ndata: {LOG_LEVEL: info, GREETING: \"it's\"}\n---\n" +
  "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec:\n  containers:\n  - name: app\n    image: todo-api:v1.0\n    env: [{name: LOG_LEVEL, valueFrom: {configMapKeyRef: {name: app-config, key: LOG_LEVEL}}}]\n";
const HUNGRY = "apiVersion: v1\nkind: Pod\nmetadata: {name: hungry}\nspec:\n  containers:\n  - name: hungry\n    image: todo-api:v1.0\n    resources: {limits: {memory: 64Mi}}\n";
const PROBED = "apiVersion: v1\nkind: Pod\nmetadata: {name: probed}\nspec:\n  containers:\n  - name: probed\n    image: todo-api:v1.0\n    readinessProbe: {tcpSocket: {port: 8080}}\n";
const scenario = (cluster) => `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: broken}\nspec:\n  seed: 5\n  cluster: ${cluster}\n  opening: 20s\n`;
const SIZES = [{ width: 1280, height: 800 }, { width: 390, height: 844 }];

const apply = (page, yaml) => ask(page, { command: { id: 900, command: { apply: yaml } } });
const thing = (page, place) => page.locator(`.stage [data-place='${place}']`).first();
const item = (page, ...words) => words.reduce((found, hasText) => found.filter({ hasText }), page.getByRole("menu").locator("[role^=menuitem]")).first();
const gone = (found) => found.waitFor({ state: "detached" });

test("the programs of a node and its pods show what is broken about them, and are mended there", async (t) => {
  const page = await openCluster(t);
  const node = thing(page, "node/node-1");
  for (const program of ["kubelet", "kube-proxy", "containerd"]) {
    await thing(page, `${program}@node-1`).click({ button: "right" });
    await item(page, "Stop").click();
    const undo = node.locator(".undo").filter({ hasText: program });
    await undo.waitFor();
    if (program === "containerd") await screenshot(page, "broken-programs");
    await undo.click();
    await gone(undo);
    await thing(page, `${program}@node-1`).and(page.locator(":not(.down)")).waitFor();
  }
  const place = page.locator(".stage .pod-place").first();
  await place.locator(".pod").click({ button: "right" });
  await item(page, "Fail its probes", "It has no probes").and(page.locator("[aria-disabled=true]")).waitFor();
  await item(page, "Burn CPU").click();
  await place.getByRole("button", { name: "Burns CPU" }).click();
  await gone(place.locator(".undo"));
  await hurry(page);
  await apply(page, PROBED);
  const probed = page.locator(".pod-place").filter({ has: page.locator(".pod[title^='probed ']") });
  await probed.locator(".pod[data-shape=ready]").click({ button: "right", timeout: LONG_MS });
  await item(page, "Fail its probes").click();
  await probed.getByRole("button", { name: "Probes fail" }).waitFor();
  await page.locator(".captions").getByText("probed: Readiness and liveness probes fail").waitFor();
  await screenshot(page, "broken-pod");
  await probed.getByRole("button", { name: "Probes fail" }).click();
  await gone(probed.locator(".undo"));
});

test("lines between any two that speak with each other are cut from a menu, and named in words", async (t) => {
  const page = await openCluster(t, { scenario: scenario("{controlPlane: {members: 3}, nodes: [{count: 3}]}") });
  await page.locator(".member[data-place='etcd/2']").waitFor();
  for (const [place, far, name] of [
    ["kube-proxy@node-1", "kube-apiserver", /kube-proxy@node-1 ↔ kube-apiserver|kube-apiserver ↔ kube-proxy@node-1/],
    ["etcd/1", "etcd/2", /etcd\/1 ↔ etcd\/2/],
    ["etcd/2", "kube-apiserver-2", /kube-apiserver-2 ↔ etcd\/2|etcd\/2 ↔ kube-apiserver-2/],
    ["node/node-0", "node-2", /node-0 ↔ node-2/],
    ["kube-scheduler", "kube-apiserver", /kube-apiserver ↔ kube-scheduler|kube-scheduler ↔ kube-apiserver/],
  ]) {
    await thing(page, place).click({ button: "right", position: { x: 6, y: 6 } });
    await item(page, "Slow its line", `↔ ${far}`).waitFor();
    await item(page, "Cut its line", `↔ ${far}`).click();
    await page.getByRole("heading", { name }).waitFor();
    const undo = page.locator(".stage .undo", { hasText: "Line cut" });
    await undo.first().click();
    // The line between two nodes is marked at both.
    await gone(undo.first());
  }
});

test("a ConfigMap is broken from its own panel and from a pod that reads it, and comes back whole", async (t) => {
  const page = await openCluster(t);
  await hurry(page);
  await apply(page, CONFIG);
  const pod = page.locator(".pod-place", { hasText: "app" }).filter({ has: page.locator(".pod[title^='app ']") });
  await pod.locator(".pod[data-shape=ready]").click({ button: "right" });
  await item(page, "Break the ConfigMap", "app-config").click();
  await pod.getByRole("button", { name: "ConfigMap broken" }).waitFor();
  const keys = async () => {
    await page.evaluate(() => document.querySelector(".stage .pod[title^='app ']").click());
    await ask(page, { inspect: { object: { kind: "ConfigMap", namespace: "default", name: "app-config" } } });
  };
  await keys();
  await screenshot(page, "broken-config");
  await pod.getByRole("button", { name: "ConfigMap broken" }).click();
  await gone(pod.locator(".undo"));
  // What a container needs is missing when it is started anew.
  await pod.locator(".pod").click({ button: "right" });
  await item(page, "Break the ConfigMap").click();
  await pod.locator(".undo").waitFor();
  await ask(page, { command: { id: 901, command: { kubectl: "delete pod app --now" } } });
  await gone(pod);
  await apply(page, CONFIG.split("---\n")[1]);
  await pod.getByText("CreateContainerConfigError").waitFor({ timeout: LONG_MS });
  await pod.locator(".undo").click();
  await pod.locator(".pod[data-shape=ready]").waitFor({ timeout: LONG_MS });
});

test("a lost quorum and memory that ran out are said in words where they are", async (t) => {
  const page = await openCluster(t, { scenario: scenario("{controlPlane: {members: 3}, nodes: [{count: 2}]}") });
  for (const number of [1, 2]) {
    await thing(page, `etcd/${number}`).click({ button: "right" });
    await item(page, "Stop").click();
    await page.locator(`.member.down[data-place='etcd/${number}']`).waitFor();
  }
  await page.locator(".program[data-place=etcd]").getByText("etcd: no quorum — 1 of 3 members; it takes no writes and answers no new questions").waitFor();
  await page.locator(".captions").getByText("etcd has no quorum: 1 of 3 members run.").waitFor();
  await screenshot(page, "no-quorum");
});

test("memory that ran out is seen on the pod, and a node's lack of it on the node", async (t) => {
  const page = await openCluster(t);
  await hurry(page);
  await apply(page, HUNGRY);
  const pod = page.locator(".pod[title^='hungry ']");
  await pod.and(page.locator("[data-shape=ready]")).waitFor();
  await pod.click({ button: "right" });
  await item(page, "Memory leak").click();
  // Beside a long status too.
  await pod.filter({ hasText: "CrashLoopBackOff" }).locator(".alarm", { hasText: "OOMKilled" }).waitFor({ timeout: LONG_MS });
  await page.getByRole("button", { name: "Break node-0" }).click();
  await item(page, "Fill its memory").click();
  await thing(page, "node/node-0").locator(".alarm", { hasText: "MemoryPressure" }).waitFor({ timeout: LONG_MS });
  await screenshot(page, "out-of-memory");
});

test("long sentences move nothing: the stage stays where it is", async (t) => {
  const page = await openCluster(t);
  const top = () => page.locator(".stages").evaluate((stage) => stage.getBoundingClientRect().top);
  const before = await top();
  await page.getByRole("button", { name: "Break kube-controller-manager" }).click();
  await item(page, "Cut its line").click();
  await page.getByRole("heading", { name: /kube-controller-manager/ }).waitFor();
  assert.equal(await top(), before);
  const long = "n".repeat(60);
  await ask(page, { command: { id: 1, command: { kubectl: `create deployment ${long} --image=nginx:1.27` } } });
  await page.locator(".captions", { hasText: long }).waitFor();
  assert.equal(await top(), before);
  const newest = page.locator(".caption").last();
  assert.ok(await newest.evaluate((caption) => {
    const [it, all] = [caption, caption.parentNode].map((one) => one.getBoundingClientRect());
    return it.bottom <= all.bottom + 1 && it.right <= all.right + 1;
  }), "the newest is seen");
});

test("a sentence below a long headline is seen whole or not at all", async (t) => {
  // Where there are zones there is least room for it.
  const failing = '  steps:\n  - {at: 22s, kubectl: "create deployment bad --image=nowhere.invalid/none:1 --replicas=12"}\n';
  const page = await openCluster(t, { scenario: scenario("{nodes: [{count: 2, zone: a}, {count: 2, zone: b}]}").replace("broken", "zones") + failing });
  await page.getByRole("heading", { name: /cannot be pulled/ }).waitFor({ timeout: LONG_MS });
  await screenshot(page, "long-headline");
  for (const width of [1280, 1200, 1100, 1024, 1360]) {
    await page.setViewportSize({ width, height: 800 });
    const cut = await page.locator(".captions").evaluate((all) => [...all.children].filter((one) => {
      const { left, height } = one.getBoundingClientRect();
      const isSeen = left < all.getBoundingClientRect().right - 1 && getComputedStyle(one).visibility === "visible";
      return isSeen && height < parseFloat(getComputedStyle(one).fontSize);
    }).map((one) => one.textContent));
    assert.deepEqual(cut, [], `at ${width}`);
  }
});

test("charts and lanes have the track's own ends, and their legends have units", async (t) => {
  for (const viewport of SIZES) {
    const page = await openCluster(t, { viewport });
    await page.getByRole("button", { name: "Show what happened" }).click();
    await page.locator(".chart-legend b").nth(8).waitFor();
    const ends = await page.evaluate(() => [...document.querySelectorAll(".track, .lane-line, .chart-plot")].map((line) => {
      const { left, right } = line.getBoundingClientRect();
      return [left, right].map(Math.round).join("–");
    }));
    assert.deepEqual([ends.length, new Set(ends).size], [8, 1], ends.join(" "));
    for (const [chart, words] of [["pods", "pods"], ["requests", "requests/s"], ["used", "%"], ["api", "ms"]]) {
      await page.locator(`.chart[data-chart=${chart}] small`, { hasText: words }).waitFor();
    }
    // Looked back, the line of every chart stands above the handle.
    await page.locator(".chart-plot").first().click({ position: { x: 60, y: 20 } });
    await page.getByRole("button", { name: "Back to now" }).waitFor();
    const apart = await page.evaluate(() => {
      const middle = (found) => { const { left, width } = found.getBoundingClientRect(); return left + width / 2; };
      return Math.abs(middle(document.querySelector(".chart-cursor")) - middle(document.querySelector(".track .handle")));
    });
    assert.ok(apart < 3, `${apart} px apart`);
    await screenshot(page, `charts-${viewport.width}`);
  }
});

test("what is on its way, and what Predict asks, lies on nothing of the stage", async (t) => {
  const covered = (page, card) => page.evaluate((card) => {
    const over = document.querySelector(card).getBoundingClientRect();
    const lies = ({ left, right, top, bottom, width }) => width && left < over.right - 1 && right > over.left + 1 && top < over.bottom - 1 && bottom > over.top + 1;
    return [...document.querySelectorAll(".stage .program, .stage .pane, .stage .node, .stage .visitors-summary, .stage .marks, .stage .dot:not([hidden])")]
      .filter((one) => lies(one.getBoundingClientRect())).map((one) => one.dataset.place ?? one.className);
  }, card);
  for (const viewport of SIZES) {
    const page = await openCluster(t, { viewport });
    await ask(page, { command: { id: 1, command: { kubectl: "create deployment web --image=nginx:1.27 --replicas=3" } } });
    await page.locator(".dot:not([hidden])").first().waitFor({ state: "attached" });
    await page.keyboard.press("Space");
    await page.locator(".halted li").first().waitFor();
    // Dots follow what the card moved with the next picture.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.deepEqual(await covered(page, ".halted"), [], `${viewport.width}: on their way`);
    await screenshot(page, `halted-${viewport.width}`);
    await page.keyboard.press("Space");
    await gone(page.locator(".halted"));
    await page.getByRole("button", { name: "Predict", exact: true }).click();
    await page.getByRole("switch", { name: "Power of node-2" }).click();
    await page.locator(".predict-card[data-asking]").waitFor();
    assert.deepEqual(await covered(page, ".predict-card"), [], `${viewport.width}: Predict`);
    await screenshot(page, `predict-${viewport.width}`);
  }
});
