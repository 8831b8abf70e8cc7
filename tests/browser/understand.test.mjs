// Why something is as it is, and what is being waited for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCluster, openPage, screenshot, startServer } from "./harness.mjs";

async function inspectPod(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.locator(".pod[data-shape=ready]").first().click();
  await page.locator(".hops .hop").nth(4).waitFor();
  return page;
}

test("a pod tells why it is there, from what a person asked for to its readiness", async (t) => {
  const page = await inspectPod(t);
  const hops = page.locator(".hops .hop");
  const kinds = await hops.evaluateAll((hops) => hops.map((hop) => hop.dataset.kind));
  assert.equal(kinds[0], "asked");
  for (const says of [/gets a sandbox/, /^The image for .* is pulled/, /^A container of .* is started/, /^From now on the Service todo-api sends/]) {
    await hops.filter({ has: page.locator("b", { hasText: says }) }).first().waitFor();
  }
  for (const kind of ["made", "placed", "reported"]) assert.ok(kinds.includes(kind), `${kind} is not among ${kinds}`);

  const placed = page.locator(".hop[data-kind=placed]");
  await placed.getByRole("button").first().click();
  await placed.locator(".changes").getByText("spec.nodeName").waitFor();
  await page.locator("[data-place=kube-scheduler].spot").waitFor();
  await placed.getByText("The messages themselves").click();
  await placed.locator("details .chain li").first().waitFor();
  await screenshot(page, "why");

  await placed.getByRole("button", { name: "Show this moment" }).click();
  await page.getByRole("button", { name: "Back to now" }).waitFor();
});

test("a hop leads to the object that it is about", async (t) => {
  const page = await inspectPod(t);
  const asked = page.locator(".hop[data-kind=asked]").first();
  await asked.getByRole("button").first().click();
  await asked.getByRole("button", { name: /^Look into/ }).click();
  await page.locator("#drawer .kind", { hasText: "Deployment" }).waitFor();
});

test("Predict asks before it happens, and what it tells hides no switch", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  const switches = page.locator(".stage .node").getByRole("switch");
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.getByRole("button", { name: "Predict", exact: true }).click();
  const card = page.getByRole("dialog", { name: "Predict" });
  await card.getByText("time stops").waitFor();
  for (const each of await switches.all()) await each.click({ trial: true });
  await switches.last().click();
  await card.getByText("node-2 is off. How long").waitFor();
  const clock = page.locator(".clock b");
  const before = await clock.innerText();
  await card.getByRole("button", { name: "two to seven minutes" }).click();
  // Forty seconds until anybody notices, five minutes that pods tolerate it.
  await card.getByRole("status").getByText("Right!").waitFor();
  assert.match(await card.innerText(), /5 min \d+ s[^]*1 of 1 right so far/);
  await page.waitForFunction((before) => document.querySelector(".clock b").innerText !== before, before);
  for (const each of await switches.all()) await each.click({ trial: true });
  await card.getByRole("button", { name: "Close" }).click();
  await card.waitFor({ state: "hidden" });
});

test("Predict is there beside a panel on a low screen, on the headline's line", async (t) => {
  for (const locale of ["en-US", "ja-JP"]) {
    const page = await openCluster(t, { viewport: { width: 1280, height: 720 }, locale });
    await page.locator(".desk .predict").waitFor();
    await page.locator(".tabs .tab").first().click();
    await page.locator("#drawer .cm-content").first().waitFor();
    await screenshot(page, `predict-low-${locale.slice(0, 2)}`);
    const [one, other] = await Promise.all([page.locator(".words-open").boundingBox(), page.locator(".predict").boundingBox()]);
    assert.ok(Math.abs(one.y + one.height / 2 - other.y - other.height / 2) < 4, JSON.stringify([one, other]));
    await page.locator(".predict").click();
    await page.locator(".predict-card").waitFor();
  }
});

/** Where else the first mark to undo was, after the frame in which the card of Predict went. */
const afterCard = (page) => page.evaluate(async () => {
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  const place = () => {
    const { x, y } = document.querySelector(".stage .undo").getBoundingClientRect();
    return `${Math.round(x)}, ${Math.round(y)}`;
  };
  while (!document.querySelector(".predict-card").hidden) await frame();
  const places = new Set([place()]);
  for (let frames = 0; frames < 20; frames++) {
    await frame();
    places.add(place());
  }
  return [...places].slice(1);
});

test("Predict asks about what falls silent without losing its power, too", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.getByRole("button", { name: "Predict", exact: true }).click();
  const card = page.getByRole("dialog", { name: "Predict" });
  for (const [node, kind, asks] of [["node/node-1", "Cut off its network", "node-1 is cut off from the network."], ["kubelet@node-2", "Stop", "The kubelet of node-2 has stopped."]]) {
    await page.locator(`.stage [data-place='${node}']`).first().click({ button: "right", position: { x: 12, y: 12 } });
    await page.getByRole("menu").locator("[role^=menuitem]").filter({ hasText: kind }).first().click();
    await card.getByText(`${asks} How long`).waitFor();
    const skip = card.getByRole("button", { name: "Do not ask now" });
    await skip.waitFor();
    const moved = afterCard(page);
    await skip.click();
    assert.deepEqual(await moved, [], "the stage is where it stays once the card is gone");
    // As it was before, or the next question would be about this node again.
    const undo = page.locator(".stage .undo").first();
    await undo.click();
    await undo.waitFor({ state: "detached" });
  }
});
