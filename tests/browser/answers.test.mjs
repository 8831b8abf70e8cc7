// What is pressed shows at once: the page begins with its frame, comes in parts, and draws what takes long after what was pressed.
// What is then shown does not lie on something else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, startServer } from "./harness.mjs";

const PARTS = { bar: "header.bar", story: ".story", stage: ".stage", rewind: "section.rewind", foot: ".foot" };
const box = (page, selector) => page.locator(selector).first().boundingBox();
const ask = (page, ...requests) => page.evaluate((all) => all.forEach((one) => window.kubarium.engine.postMessage(JSON.stringify(one))), requests);

for (const [who, options] of Object.entries({ "a laptop": {}, "a phone": { viewport: { width: 390, height: 844 } } })) {
  test(`on ${who} the frame is painted first, the page comes in parts, and nothing jumps`, async (t) => {
    const server = await startServer(t);
    const page = await openPage(t, server.url, {
      ...options,
      prepare: (page) => page.addInitScript((parts) => {
        const seen = (window.seen = { tasks: {}, shifts: [] });
        // Counts tasks.
        let task = 0;
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          task++;
          if (!seen.gone) port2.postMessage(0);
        };
        port2.postMessage(0);
        const where = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(" ");
        const named = (node) => node && (node.nodeName === "#text" ? `“${node.data}”` : `${node.localName}${node.id && `#${node.id}`}.${node.getAttribute("class")}`);
        new PerformanceObserver((list) => list.getEntries().forEach(({ value, startTime, sources }) => seen.shifts.push({
          value, at: Math.round(startTime), moved: sources.map(({ node, previousRect, currentRect }) => `${named(node)}: ${where(previousRect)} → ${where(currentRect)}`),
        }))).observe({ type: "layout-shift", buffered: true });
        const watcher = new MutationObserver(() => {
          for (const [part, selector] of Object.entries(parts)) {
            if (document.querySelector(`.page:not(#frame) ${selector}`)) seen.tasks[part] ??= task;
          }
          if (!document.body || document.getElementById("frame") || seen.gone) return;
          seen.gone = true;
          seen.painted = performance.getEntriesByName("first-contentful-paint").length;
        });
        watcher.observe(document, { childList: true, subtree: true });
      }, PARTS),
    });
    await page.locator("#frame").waitFor({ state: "detached" });
    await page.locator(".pod.serving").nth(2).waitFor();
    const seen = await page.evaluate(() => window.seen);
    assert.equal(seen.painted, 1, "the frame was seen before it went");
    assert.equal(new Set(Object.values(seen.tasks)).size, Object.keys(PARTS).length, JSON.stringify(seen.tasks));
    const moved = seen.shifts.reduce((sum, { value }) => sum + value, 0);
    assert.ok(moved < 0.02, `moved by ${moved}: ${JSON.stringify(seen.shifts, null, 1)}`);
  });
}

test("what is on its way is moved by the browser, not by the page, and stands still with time", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url, {
    prepare: (page) => page.addInitScript(() => {
      const ask = window.requestAnimationFrame.bind(window);
      window.drawn = 0;
      window.requestAnimationFrame = (draw) => ask((now) => {
        window.drawn++;
        draw(now);
      });
    }),
  });
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.waitForFunction(() => window.kubarium.dressed);
  const flight = await page.waitForFunction(() => document.getAnimations().find(({ effect, playState, currentTime }) =>
    effect.target.matches(".dot") && !effect.pseudoElement && playState === "running" && currentTime < 60), undefined, { polling: 5 });
  const [drawn, length] = await flight.evaluate(async (flight) => {
    const before = window.drawn;
    const left = flight.effect.getTiming().duration - flight.currentTime;
    await flight.finished;
    return [window.drawn - before, left];
  });
  // Displays have a frame each 17 ms.
  assert.ok(length > 200 && drawn < length / 17 / 2, `${drawn} frames drawn in ${length} ms`);
  await page.keyboard.press("Space");
  await page.locator(".clock").getByText("paused").waitFor();
  await page.waitForFunction(() => document.getAnimations().every(({ effect, playState }) => !effect.target.matches(".dot") || playState !== "running"));
});

test("a tab shows at once that it was pressed, its panel a paint later", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  const tab = page.getByRole("button", { name: "Inspector" });
  await tab.click();
  await page.locator("#drawer").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#drawer").waitFor({ state: "hidden" });
  const atFirst = await tab.evaluate(async (tab) => {
    tab.click();
    // All that the page does before it paints.
    for (let turn = 0; turn < 50; turn++) await undefined;
    return [tab.getAttribute("aria-expanded"), document.getElementById("drawer").hidden];
  });
  assert.deepEqual(atFirst, ["true", true]);
  await page.locator("#drawer").waitFor();
});

test("a link whose cluster takes long says so, on the frame", async (t) => {
  const server = await startServer(t);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const page = await openPage(t, `${server.url}/#nothing`, {
    prepare: (page) => page.route(/worker_bg-\w+\.wasm$/, async (route) => {
      await released;
      await route.continue();
    }),
  });
  const line = page.locator("#frame .opening");
  await line.waitFor();
  assert.match(await line.innerText(), /open/i);
  const headline = () => page.locator("h1").first().evaluate((h1) => getComputedStyle(h1).visibility);
  assert.equal(await headline(), "hidden", "it stands in the place of what tells of another cluster");
  release();
  await page.locator(".notice").waitFor();
  await page.locator(".opening").waitFor({ state: "hidden" });
  assert.equal(await headline(), "visible");
});

test("branches have their line above the tabs, alone and beside a panel", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.locator(".rewind.back").waitFor();
  await page.keyboard.press("f");
  await page.locator(".branches").waitFor();
  for (const panel of [false, true]) {
    if (panel) await page.getByRole("button", { name: "Inspector" }).click();
    if (panel) await page.locator("#drawer").waitFor();
    const [branches, tabs] = [await box(page, ".branches"), await box(page, ".tabs")];
    assert.ok(branches.y + branches.height <= tabs.y, `${panel ? "beside a panel" : "alone"} the branches end at ${branches.y + branches.height}, the tabs begin at ${tabs.y}`);
    assert.ok(tabs.y + tabs.height <= 800, `the tabs end at ${tabs.y + tabs.height}`);
  }
});

test("two branches beside a panel are both seen, one below the other where there is no room", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  // Their styles come with what accompanies the page: a person is slower.
  await page.waitForFunction(() => window.kubarium.dressed);
  await page.keyboard.press("ArrowLeft");
  await page.locator(".rewind.back").waitFor();
  await page.keyboard.press("f");
  await page.locator(".branch .link").click();
  await page.locator(".beside-stage .node").nth(2).waitFor();
  // Both are drawn smaller: lines still end where they belong.
  await page.locator(".beside-stage .lines line[data-to=kubelet]").nth(2).waitFor({ state: "attached" });
  const [lines, agents] = await page.evaluate(() => [".lines line[data-to=kubelet]", "[data-place^='kubelet@']"].map((what) =>
    [...document.querySelectorAll(`.stages ${what}`)].map((it) => it.getBoundingClientRect()).map(({ left, right }) => Math.round((left + right) / 2)).sort((a, b) => a - b)));
  assert.equal(lines.length, 6);
  lines.forEach((line, index) => assert.ok(Math.abs(line - agents[index]) < 3, `lines at ${lines}, kubelets at ${agents}`));
  await page.getByRole("button", { name: "Inspector" }).click();
  await page.locator("#drawer").waitFor();
  const drawer = await box(page, "#drawer");
  for (const stage of [".stages > .stage", ".beside-stage .stage"]) {
    const { x, width } = await box(page, stage);
    assert.ok(x >= 0 && x + width <= drawer.x, `${stage} goes from ${x} to ${x + width}, the panel begins at ${drawer.x}`);
    for (const node of await page.locator(`${stage} .node`).all()) {
      const card = await node.boundingBox();
      assert.ok(card.width >= 200 && card.x + card.width <= drawer.x, `a node goes from ${card.x} to ${card.x + card.width}`);
    }
  }
});

test("space means time after a click, not the button again", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  const power = page.getByRole("switch", { name: "Power of node-2" });
  await power.click();
  await power.and(page.locator("[aria-checked=false]")).waitFor();
  await page.keyboard.press("Space");
  await page.locator(".clock").getByText("paused").waitFor();
  assert.equal(await power.getAttribute("aria-checked"), "false");
  // Who came to it by keyboard presses it.
  await page.locator(".node .strike").last().focus();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.role), "switch");
  await page.keyboard.press("Space");
  await power.and(page.locator("[aria-checked=true]")).waitFor();
});

test("the door of an Ingress is reached and opened by keyboard", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await ask(page, { command: { id: 1, command: { kubectl: "create ingress door --rule=example.com/=todo-api:8080" } } });
  const door = page.getByRole("button", { name: /Ingress door/ });
  await door.waitFor();
  await page.locator(".service").last().focus();
  // Behind the load balancer's own menu.
  for (let step = 0; step < 2; step++) await page.keyboard.press("Tab");
  assert.ok(await door.evaluate((door) => door === document.activeElement), await page.evaluate(() => document.activeElement.outerHTML));
  await page.keyboard.press("Enter");
  await page.locator("#drawer").getByText("example.com").first().waitFor();
});
