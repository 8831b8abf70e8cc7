// What has to be seen is seen: from the last row of a room, beside a card that counts down, and in front of the lines.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openCluster, root, screenshot } from "./harness.mjs";

const ZONES = await readFile(`${root}/public/examples/clusters/zone-failure.yaml`, "utf8");
const many = (count) => `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: many}\nspec: {seed: 5, cluster: {nodes: [{count: ${count}, zone: a}, {count: 1, zone: b}]}, opening: 10s}\n`;

for (const [width, height] of [[1280, 720], [1366, 768], [1440, 900], [1920, 1080]]) {
  test(`large type shows the pods of three zones on ${width} × ${height}`, async (t) => {
    const page = await openCluster(t, { scenario: ZONES, viewport: { width, height } });
    await page.locator(".zone .pod[data-shape=ready]").nth(5).waitFor();
    await page.locator("h1").click();
    await page.keyboard.press("p");
    await page.locator("html[data-present]").waitFor();
    // The stage is measured, and what covers it put in its place, once it was drawn so.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const hidden = await page.locator(".zone .pod").evaluateAll((pods) => pods.filter((pod) => {
      const { x, y, width, height } = pod.getBoundingClientRect();
      return !pod.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }).map((pod) => pod.title));
    assert.deepEqual(hidden, []);
    await screenshot(page, `present-zones-${height}`);
  });
}

for (const locale of ["en-US", "ja-JP"]) {
  test(`the buttons behind the headline stay on its line beside a countdown: ${locale}`, async (t) => {
    const page = await openCluster(t, { locale });
    await page.locator(".predict").waitFor();
    const onItsLine = async (when) => {
      const [head, tools] = await Promise.all(["h1", ".words-tools"].map((part) => page.locator(part).boundingBox()));
      assert.ok(tools.y < head.y + head.height && tools.y + tools.height <= head.y + head.height + 8, `${when}: ${JSON.stringify([head, tools])}`);
    };
    await onItsLine("at first");
    await page.locator(".power").last().click();
    await page.locator(".wait").first().waitFor();
    await onItsLine("with a countdown");
  });
}

test("what is typed in the terminal is large, too, and fills its panel", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("button", { name: "Terminal", exact: true }).click();
  const row = page.locator(".terminal-host .xterm-rows > div").first();
  await row.waitFor();
  const looks = () => row.evaluate((one) => {
    const host = document.querySelector(".terminal-host");
    return [Number.parseFloat(getComputedStyle(one.parentNode).fontSize), one.getBoundingClientRect().width / host.clientWidth];
  });
  const [before] = await looks();
  await page.locator("h1").click();
  await page.keyboard.press("p");
  await page.waitForFunction((before) => {
    const host = document.querySelector(".terminal-host");
    const rows = host.shadowRoot.querySelector(".xterm-rows");
    return Number.parseFloat(getComputedStyle(rows).fontSize) >= before * 1.2 && rows.getBoundingClientRect().width <= host.clientWidth;
  }, before);
  await screenshot(page, "present-terminal");
  await page.keyboard.press("p");
  await page.waitForFunction((before) => Number.parseFloat(getComputedStyle(document.querySelector(".terminal-host").shadowRoot.querySelector(".xterm-rows")).fontSize) === before, before);
});

test("lines pass below the cards that they would cross, and nodes of a zone are counted as people do", async (t) => {
  const page = await openCluster(t, { scenario: many(11), viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.locator(".zone .node").nth(11).waitFor();
  const names = await page.locator(".zone").first().locator(".node-name b").allInnerTexts();
  assert.deepEqual(names, Array.from({ length: 11 }, (_, number) => `node-${number}`));
  const seenThrough = await page.locator(".node").evaluateAll((nodes) => nodes.filter((node) => !/^rgb\(/.test(getComputedStyle(node).backgroundColor)).length);
  assert.equal(seenThrough, 0);
});
