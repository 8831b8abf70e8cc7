// Of a cluster one sees at once how a request goes: visitors, the doors that they come in by, and the pods behind these.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, hurry, openCluster, openPage, openScenario, root, screenshot, startServer } from "./harness.mjs";
import { readFile } from "node:fs/promises";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const ZONES = await readFile(`${root}/public/examples/clusters/zone-failure.yaml`, "utf8");
const pod = (name, image, cpu) => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: c, image: '${image}', resources: {requests: {cpu: '${cpu}'}}}]}}`;
const scenario = (nodes, steps) => `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: path}\nspec: {seed: 5, cluster: {nodes: ${nodes}}, opening: 60s, steps: ${steps}}\n`;
const FAILING = scenario("[{count: 3}]", `[{at: 1s, fault: {target: 'image/lost:1', kind: Missing}}, {at: 2s, apply: "${pod("lost", "lost:1", 1)}"}, {at: 2s, apply: "${pod("crashes", "todo-api:v1.2", 1)}"}, {at: 2s, apply: "${pod("large", "todo-api:v1.0", 64)}"}]`);
const MANY = scenario("[{count: 20}]", `[{at: 1s, apply: "${pod("one", "todo-api:v1.0", 1)}"}]`);


/** What of the way is not on the screen, above what stands at its foot. */
const unseen = (page) => page.evaluate(() => {
  const foot = document.querySelector(".rewind").getBoundingClientRect().top;
  const parts = [".stage .pane.glass:not(.thin)", ".stage .pod", ".services .pane", ".visitors .marks", ".visitors-summary"];
  return parts.filter((part) => {
    const { top, bottom } = document.querySelector(part).getBoundingClientRect();
    return top < 0 || bottom > foot + 0.5;
  });
});
/** What lies on what, of the layers from the API server to the foot. */
const order = (page) => page.evaluate(() => {
  const middle = (part) => { const { top, bottom } = document.querySelector(part).getBoundingClientRect(); return (top + bottom) / 2; };
  const parts = [".layer.api", ".services .pane", ".visitors .marks", ".rewind"].map(middle);
  return parts.every((y, index) => !index || y > parts[index - 1] + 15);
});

for (const [name, size, text, act] of [
  ["three zones of two nodes, 720 lines", [1280, 720], ZONES],
  ["three zones of two nodes, in Japanese", [1280, 720], ZONES, undefined, "ja-JP"],
  ["three zones of two nodes, 768 lines", [1366, 768], ZONES],
  ["three zones of two nodes, 800 lines", [1280, 800], ZONES],
  ["three zones of two nodes beside a panel", [1280, 720], ZONES, (page) => page.locator(".tabs .tab").nth(4).click()],
  ["for a room", [1280, 720], undefined, (page) => page.keyboard.press("p")],
  ["zones for a room", [1280, 720], ZONES, (page) => page.keyboard.press("p")],
  ["where all fails, 800 lines", [1280, 800], FAILING],
  ["where all fails, 720 lines", [1280, 720], FAILING],
  ["twenty nodes", [1280, 800], MANY],
].map(([name, size, text, act, locale]) => [name, { viewport: { width: size[0], height: size[1] }, locale }, text, act])) {
  test(`a request's whole way is seen: ${name}`, async (t) => {
    const page = await openCluster(t, { scenario: text, ...size });
    if (text === ZONES) await page.locator(".zone .pod.serving").nth(5).waitFor();
    if (text === FAILING) await page.locator(".wait").nth(1).waitFor();
    if (text === MANY) await page.locator(".node").nth(19).waitFor();
    await act?.(page);
    await page.waitForFunction(() => window.kubarium && document.querySelector(".captions-switch"));
    await assert.doesNotReject(page.waitForFunction(() => {
      const foot = document.querySelector(".rewind").getBoundingClientRect().top;
      return document.querySelector(".visitors .marks").getBoundingClientRect().bottom <= foot + 0.5;
    }, undefined, { timeout: 5000 }), "the visitors are above the timeline");
    await screenshot(page, `path-${name.replaceAll(/\W+/g, "-")}`);
    // Of twenty nodes in rows most pods are below.
    assert.deepEqual((await unseen(page)).filter((part) => text !== MANY || part !== ".stage .pod"), []);
    assert.ok(await order(page), "each below the other");
    // Names are read whole.
    if (text === ZONES) assert.deepEqual(await page.locator(".node-name b, .pod-name span").evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)), []);
  });
}

test("the visitors stay where they are while one looks at the nodes below, and dots find them", async (t) => {
  const page = await openCluster(t, { scenario: ZONES, viewport: { width: 1280, height: 720 } });
  await page.locator(".zone .pod.serving").nth(5).waitFor();
  await page.locator(".tabs .tab").nth(4).click();
  await page.locator(".held").waitFor();
  const before = await page.locator(".visitors .marks").boundingBox();
  await page.mouse.move(300, 300);
  await page.mouse.wheel(0, 120);
  await page.waitForFunction(() => scrollY > 60);
  const after = await page.locator(".visitors .marks").boundingBox();
  assert.ok(Math.abs(after.y - before.y) < 2, `${before.y} → ${after.y}`);
  const line = () => page.evaluate(() => {
    const end = document.querySelector(".lines line[data-to=visitors]");
    const mark = document.querySelector(".marks [data-place=visitors]").getBoundingClientRect();
    const stage = document.querySelector(".stages > .stage").getBoundingClientRect();
    return Math.abs(Number(end.getAttribute("y1")) + stage.top - mark.top);
  });
  await page.waitForFunction(() => document.querySelector(".lines line[data-to=visitors]"));
  const end = Date.now() + 2000;
  while ((await line()) > 6 && Date.now() < end) await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.ok((await line()) <= 6, `${await line()} px apart`);
  await page.mouse.wheel(0, 2000);
  await page.locator(".held").waitFor({ state: "detached" });
});

test("the visitors stay in sight when what is told above the stage takes more room", async (t) => {
  const page = await openCluster(t, { scenario: ZONES, viewport: { width: 1280, height: 800 } });
  await hurry(page);
  await page.locator(".story").getByRole("button", { name: "Why so long?" }).waitFor({ timeout: 60_000 });
  await page.waitForFunction(() => {
    const stage = document.querySelector(".stages > .stage");
    const [marks, dock] = [stage.querySelector(".visitors .marks"), document.querySelector(".dock")].map((one) => one.getBoundingClientRect());
    return document.body.clientHeight > innerHeight && marks.bottom <= dock.top + 8;
  });
});

test("a phone shows what is on its way, and the marks of a node", async (t) => {
  const page = await openCluster(t, { scenario: FAILING, ...PHONE });
  await page.locator(".undo", { hasText: "Image lost" }).waitFor();
  const lines = await page.locator(".undo").first().evaluate((undo) => undo.getClientRects()[0].height);
  assert.ok(lines < 30, `one line: ${lines} px`);
  assert.ok(await page.locator(".agent[data-place='containerd@node-1']").isVisible());
  await screenshot(page, "phone-failing");
  await ask(page, { command: { id: 1, command: { kubectl: "create deployment a-name-of-some-length --image=nginx:1.27 --replicas=3" } } });
  await page.locator(".dot.accent:not([hidden])").first().waitFor({ state: "attached" });
  await page.locator(".time .round").first().tap();
  await page.locator(".halted li").first().waitFor();
  await screenshot(page, "phone-halted");
  const card = await page.locator(".halted").boundingBox();
  const tabs = await page.locator(".foot .tabs").boundingBox();
  assert.ok(card.y > 0 && card.y + card.height < tabs.y, `cards from ${card.y} to ${card.y + card.height}, tabs at ${tabs.y}`);
  for (const { x, width } of await page.locator(".dot:not([hidden]) span").evaluateAll((all) => all.map((one) => { const { x, width } = one.getBoundingClientRect(); return { x, width }; }))) {
    assert.ok(x >= 0 && x + width <= PHONE.viewport.width, `a label goes from ${x} to ${x + width}`);
  }
});

test("captions can be put away, and stay so", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".caption").first().waitFor();
  const button = page.getByRole("button", { name: "CC: captions of what just happened", pressed: true });
  const top = () => page.locator(".stages > .stage").evaluate((stage) => stage.getBoundingClientRect().top);
  await button.waitFor();
  const before = await top();
  await button.click();
  await page.getByRole("button", { name: "CC: captions of what just happened", pressed: false }).waitFor();
  await page.locator(".caption").first().waitFor({ state: "hidden" });
  assert.ok((await top()) < before, "the stage has their room");
  await screenshot(page, "captions-off");
  await page.reload();
  await page.locator(".pod.serving").nth(2).waitFor();
  assert.ok(await page.locator(".caption").first().isHidden());
  await page.locator(".tools").getByRole("button", { name: "日本語" }).click();
  await page.getByRole("button", { name: "CC: いま起きたことの字幕", pressed: false }).click();
  await page.locator(".caption").first().waitFor();
});

test("a switch glows where the headline asks for it, and nowhere else", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("switch", { name: "Power of node-2" }).and(page.locator(".glow")).waitFor();
  await openScenario(page, ZONES);
  await page.locator(".zone .node").nth(5).waitFor();
  await page.locator(".page:not(#frame) .glow").waitFor({ state: "detached" });
  await openScenario(page, FAILING);
  await page.getByRole("heading", { name: "Something is wrong with lost:1" }).waitFor();
  assert.equal(await page.locator(".glow").count(), 0);
});
