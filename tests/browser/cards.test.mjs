// Lists and cards of the editor are on the screen, and not over each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawer, openEditor, option, paste } from "./editor.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const LONG = `apiVersion: v1\nkind: Pod\nspec: {containers: [{name: ${"x".repeat(150)}, imag`;
const SHORT = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  ";

for (const [name, options] of [["a laptop", {}], ["a phone", PHONE]]) {
  test(`what completes is on the screen of ${name}, wherever the text was moved to`, async (t) => {
    const page = await openEditor(t, options);
    const { width, height } = page.viewportSize();
    const list = drawer(page).locator(".cm-tooltip-autocomplete");
    const onScreen = async (locator) => {
      const box = await locator.boundingBox();
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width + 1 && box.y + box.height <= height + 1, `it stands at ${JSON.stringify(box)}`);
      return box;
    };
    await paste(page, LONG);
    await drawer(page).locator(".cm-scroller").first().evaluate((element) => (element.scrollLeft = 0));
    await page.keyboard.press("Control+Space");
    await option(page, "image").waitFor();
    await page.waitForFunction((element) => element.getBoundingClientRect().y >= 0, await list.elementHandle());
    await onScreen(list);
    await page.keyboard.press("Escape");
    await paste(page, SHORT);
    await page.keyboard.press("Control+Space");
    await option(page, "selector").waitFor();
    const info = drawer(page).locator(".cm-completionInfo");
    await info.waitFor();
    const [card, rows] = [await onScreen(info), await onScreen(list)];
    const apart = card.x >= rows.x + rows.width - 2 || rows.x >= card.x + card.width - 2 || card.y >= rows.y + rows.height - 2 || rows.y >= card.y + card.height - 2;
    assert.ok(apart, `${JSON.stringify(card)} is over ${JSON.stringify(rows)}`);
  });
}
