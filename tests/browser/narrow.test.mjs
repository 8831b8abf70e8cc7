// A phone: everything is within reach of a thumb, and nothing is beside the screen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

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

test("the tabs of a phone are there while a panel is open", async (t) => {
  const page = await openCluster(t, PHONE);
  const tabs = page.locator(".foot .tab");
  for (let index = 0; index < 4; index++) {
    await tabs.nth(index).click();
    await tabs.nth(index).and(page.locator("[aria-expanded=true]")).waitFor();
    const [drawer, tab] = [await page.locator("#drawer").boundingBox(), await tabs.nth(index).boundingBox()];
    assert.ok(drawer.y + drawer.height <= tab.y, `the panel ends at ${drawer.y + drawer.height}, its tab begins at ${tab.y}`);
    assert.ok(tab.y + tab.height <= PHONE.viewport.height, `the tab ends at ${tab.y + tab.height}`);
  }
  await screenshot(page, "phone-panel");
  await tabs.nth(3).click();
  await page.locator("#drawer").waitFor({ state: "hidden" });
});

test("what Share opens is on the screen of a phone", async (t) => {
  const page = await openCluster(t, { ...PHONE, locale: "ja-JP" });
  await page.locator(".tools .menu > button").first().click();
  const sheet = await page.locator(".menu > .sheet").boundingBox();
  assert.ok(sheet.x >= 0 && sheet.x + sheet.width <= PHONE.viewport.width, `it goes from ${sheet.x} to ${sheet.x + sheet.width}`);
});

for (const [name, options] of [["a laptop", {}], ["a phone", PHONE]]) {
  test(`nothing is beside the screen of ${name}`, async (t) => {
    const page = await openCluster(t, options);
    await isAsWideAsTheScreen(page, "at first");
    await page.keyboard.press("ArrowLeft");
    await page.locator(".rewind.back").waitFor();
    await isAsWideAsTheScreen(page, "looking back");
    await page.keyboard.press("f");
    await page.locator(".branches").waitFor();
    await isAsWideAsTheScreen(page, "with two branches");
  });
}
