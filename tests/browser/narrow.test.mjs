// A phone: everything is within reach of a thumb, and nothing is beside the screen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

const TABLET = { viewport: { width: 768, height: 1024 }, hasTouch: true, isMobile: true };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

async function openCluster(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  return page;
}

/** Nothing is there but what is seen, however one scrolls. */
async function isAsWideAsTheScreen(page, when) {
  const [whole, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.equal(whole, seen, `${when} the page is as wide as the screen`);
}

for (const [name, options] of [["a tablet", TABLET], ["a phone", PHONE]]) test(`the tabs of ${name} are there while a panel is open`, async (t) => {
  const page = await openCluster(t, options);
  const tabs = page.locator(".foot .tab");
  for (let index = 0; index < 4; index++) {
    await tabs.nth(index).click();
    await tabs.nth(index).and(page.locator("[aria-expanded=true]")).waitFor();
    // It comes a paint after its tab.
    await page.locator("#drawer").waitFor();
    const [drawer, tab] = [await page.locator("#drawer").boundingBox(), await tabs.nth(index).boundingBox()];
    assert.ok(drawer.y + drawer.height <= tab.y, `the panel ends at ${drawer.y + drawer.height}, its tab begins at ${tab.y}`);
    assert.ok(tab.y + tab.height <= options.viewport.height, `the tab ends at ${tab.y + tab.height}`);
  }
  if (options === PHONE) await screenshot(page, "phone-panel");
  await tabs.nth(3).click();
  await page.locator("#drawer").waitFor({ state: "hidden" });
});

/** Switches a node off and lets the first wait pass; `moved` tells by how many pixels the stage lies elsewhere than while it ran. */
async function throughAWait(page) {
  await page.locator(".stage .power").last().tap();
  const wait = page.locator(".story .wait").first();
  await wait.waitFor();
  const place = async () => Math.round((await page.locator(".stage .layer.api").boundingBox()).y);
  const before = await place();
  await wait.waitFor({ state: "detached" });
  return { wait, moved: async () => (await place()) - before };
}

test("on a phone an app's name is read whole, and the stage keeps its place between countdowns", async (t) => {
  for (const locale of ["en-US", "ja-JP"]) {
    const page = await openCluster(t, { ...PHONE, locale });
    await page.locator(".words-open").waitFor();
    const cut = await page.locator(".pod-name span").evaluateAll((names) => names.filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent));
    assert.deepEqual(cut, []);
    const { wait, moved } = await throughAWait(page);
    assert.equal(await moved(), 0, "when one is over");
    await wait.waitFor();
    assert.equal(await moved(), 0, "when the next begins");
  }
});

test("what Share opens is on the screen of a phone", async (t) => {
  const page = await openCluster(t, { ...PHONE, locale: "ja-JP" });
  await page.locator(".tools .menu > button").first().click();
  const sheet = await page.locator(".menu > .sheet").boundingBox();
  assert.ok(sheet.x >= 0 && sheet.x + sheet.width <= PHONE.viewport.width, `it goes from ${sheet.x} to ${sheet.x + sheet.width}`);
});

for (const [name, options] of [["a laptop", {}], ["a tablet", TABLET], ["a phone", PHONE]]) {
  test(`nothing is beside the screen of ${name}`, async (t) => {
    const page = await openCluster(t, options);
    await isAsWideAsTheScreen(page, "at first");
    const ends = await page.locator(".bar .tools > *").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right));
    assert.ok(Math.max(...ends) <= page.viewportSize().width, `tools of the bar end at ${ends}`);
    await page.keyboard.press("ArrowLeft");
    await page.locator(".rewind.back").waitFor();
    await isAsWideAsTheScreen(page, "looking back");
    await page.keyboard.press("f");
    await page.locator(".branches").waitFor();
    await isAsWideAsTheScreen(page, "with two branches");
  });
}

test("a finger that rests on something opens its menu, and chooses nothing when it is lifted", async (t) => {
  const page = await openCluster(t, PHONE);
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  const touch = await page.context().newCDPSession(page);
  const menu = page.locator(".fault-menu");
  const finger = (type, ...touchPoints) => touch.send("Input.dispatchTouchEvent", { type, touchPoints });
  // The stage listens a moment after it is seen; until then it is a touch like any other.
  for (let tries = 0; tries < 8 && !(await menu.count()); tries++) {
    if (tries) {
      await finger("touchEnd");
      await page.locator("#drawer").getByRole("button", { name: "Close" }).first().tap();
    }
    const { x, y, width } = await page.locator(".stages .pod").first().boundingBox();
    await finger("touchStart", { x: x + width / 2, y: y + 20 });
    await menu.waitFor({ timeout: 900 }).catch(() => {});
  }
  // What a lifted finger sends, and what comes of that.
  const lifted = page.evaluate(() => new Promise((resolve) => addEventListener("pointerup", resolve, { once: true, capture: true })));
  await page.evaluate(() => true);
  await finger("touchEnd");
  await lifted;
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await menu.count(), 1, "the menu stays");
  assert.equal(await page.locator(".undo").count(), 0, "nothing is broken");
  await menu.getByRole("menuitem").first().tap();
  await menu.waitFor({ state: "detached" });
});

test("what Share opens is over an open panel, and reached with a finger", async (t) => {
  const page = await openCluster(t, PHONE);
  await page.locator(".foot .tab").nth(3).tap();
  await page.locator("#drawer").waitFor();
  await page.getByRole("button", { name: "Share" }).tap();
  const button = page.getByRole("button", { name: "Moment, web page, picture" });
  await button.waitFor();
  const { x, y, width, height } = await button.boundingBox();
  assert.ok(await button.evaluate((element, [x, y]) => element.contains(document.elementFromPoint(x, y)), [x + width / 2, y + height / 2]), "nothing is over it");
  await button.tap();
  await page.locator("dialog.share").getByRole("button", { name: "Close" }).first().tap();
  await page.getByRole("button", { name: "Share" }).tap();
  await page.locator(".menu > .sheet").waitFor();
  // A panel that is asked for then is not below it.
  await page.locator(".foot .tab").first().tap();
  await page.locator(".menu > .sheet").waitFor({ state: "detached" });
});

test("in the editor of a phone an explanation can be read, and what is beside each other says what it is", async (t) => {
  const page = await openCluster(t, PHONE);
  const drawer = page.locator("#drawer");
  await page.locator(".foot .tab").first().tap();
  await drawer.locator(".cm-content").first().waitFor();
  await drawer.getByRole("button", { name: "Explain" }).tap();
  const explanation = drawer.locator(".explain");
  await explanation.getByText("enables declarative updates").waitFor();
  const { height } = await explanation.boundingBox();
  assert.ok(height > 180, `${height} pixels are for the explanation`);
  await explanation.getByRole("button", { name: "Close" }).tap();
  await drawer.getByRole("button", { name: "In the cluster" }).tap();
  const [yours, theirs] = await Promise.all([0, 1].map((index) => drawer.locator("dialog .pair > div").nth(index).boundingBox()));
  const [first, second] = await Promise.all(["Yours", "In the cluster"].map((name) => drawer.locator("dialog .head", { hasText: name }).boundingBox()));
  assert.ok(Math.abs(first.y - yours.y) < 3 && Math.abs(second.y - theirs.y) < 3, `titles at ${first.y} and ${second.y}, texts at ${yours.y} and ${theirs.y}`);
});

test("on a phone a pod's own name is not broken within a word of nine letters, and a bar is long enough to be read", async (t) => {
  const page = await openCluster(t, PHONE);
  await page.evaluate((text) => window.kubarium.engine.postMessage(text), JSON.stringify({
    command: { id: 900, command: { kubectl: "run crashloop --image=busybox" } },
  }));
  const name = page.locator(".pods .pod-name span").filter({ hasText: /^crashloop$/ });
  await name.waitFor();
  const lines = await name.evaluate((span) => {
    const range = document.createRange();
    range.selectNodeContents(span);
    return range.getClientRects().length;
  });
  assert.equal(lines, 1);
  const bar = await page.locator(".node .level i").first().boundingBox();
  assert.ok(bar.width >= 40, `${bar.width}`);
});

test("what is told at the foot does not move a tablet's panel", async (t) => {
  const page = await openCluster(t, TABLET);
  await page.locator(".words-open").waitFor();
  await page.locator(".foot .tab").nth(2).click();
  const drawer = page.locator("#drawer");
  await drawer.waitFor();
  const before = await drawer.boundingBox();
  await page.evaluate((text) => window.kubarium.engine.postMessage(text), JSON.stringify({
    command: { id: 900, command: { kubectl: "scale deployment/todo-api --replicas=4" } },
  }));
  await page.locator(".foot .doing code").waitFor();
  assert.deepEqual(await drawer.boundingBox(), before);
});

test("who wants no movement has a stage that keeps its place, too", async (t) => {
  const page = await openCluster(t, { ...PHONE, reducedMotion: "reduce" });
  await page.locator(".words-open").waitFor();
  const { moved } = await throughAWait(page);
  assert.equal(await moved(), 0);
});

test("on a phone no pod is wider than its node, also under the names of namespaces", async (t) => {
  const page = await openCluster(t, PHONE);
  const yaml = "apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: neighbour, namespace: other}\nspec: {containers: [{name: c, image: busybox}]}\n";
  await page.evaluate((text) => window.kubarium.engine.postMessage(text), JSON.stringify({ command: { id: 900, command: { apply: yaml } } }));
  await page.locator(".namespace-name").filter({ hasText: "other" }).waitFor();
  const wide = await page.locator(".node .pods .pod").evaluateAll((pods) => pods
    .filter((pod) => pod.getBoundingClientRect().right > pod.closest(".pods").getBoundingClientRect().right).map((pod) => pod.title));
  assert.deepEqual(wide, []);
});
