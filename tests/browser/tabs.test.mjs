// Whoever has the page open twice, or loads it again in the middle of a word, loses nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content, drawer, isKept, openEditor, text } from "./editor.mjs";

/** Opens the YAML panel of a page that has just been loaded. */
async function panel(page) {
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  await page.getByRole("button", { name: "YAML" }).click();
  await content(page).waitFor();
}

async function write(page, words) {
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type(words);
}

const says = (page, words) => page.waitForFunction((words) => document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content")?.textContent.includes(words), words);

test("what is typed at the very moment of loading again is there", async (t) => {
  const page = await openEditor(t);
  await write(page, "# the last word");
  await page.reload();
  await panel(page);
  await says(page, "# the last word");
});

test("two tabs of the page keep their files apart, and what was in one is found in the other", async (t) => {
  const one = await openEditor(t);
  const other = await one.context().newPage();
  await other.goto(one.url());
  await panel(other);
  // It has read what is kept before the first writes anything.
  await write(other, "# begun\n");
  await isKept(other, "# begun");
  await write(one, "# one\n");
  await isKept(one, "# one");
  await write(other, "# other\n");
  await isKept(other, "# other");
  await one.reload();
  await panel(one);
  await says(one, "# one");
  assert.doesNotMatch(await text(one), /# other/);
  await one.close();
  await drawer(other).getByText("More", { exact: true }).click();
  await drawer(other).getByRole("button", { name: "Playgrounds…" }).click();
  const kept = drawer(other).locator("dialog .kept li", { hasText: "of another tab" });
  await kept.first().locator(".link").click();
  await says(other, "# one");
  assert.deepEqual(await drawer(other).locator(".file .pick").allInnerTexts(), ["editor.yaml", "editor-2.yaml"]);
  await drawer(other).locator(".pick", { hasText: /^editor.yaml$/ }).click();
  assert.match(await text(other), /^# other\n/);
});

test("the tab of kubectl edit is seen among many", async (t) => {
  const page = await openEditor(t);
  for (let count = 0; count < 8; count++) await drawer(page).getByRole("button", { name: "New file" }).click();
  await page.getByRole("button", { name: "Terminal", exact: true }).click();
  await page.locator(".xterm-rows").getByText("$").first().waitFor();
  await page.locator(".terminal-host").click();
  await page.keyboard.type("k edit deploy todo-api\n");
  const tab = drawer(page).locator(".file[data-open] .pick", { hasText: "kubectl-edit.yaml" });
  await tab.waitFor();
  const places = async () => [await drawer(page).locator(".files").boundingBox(), await tab.boundingBox()];
  const isSeen = ([bar, place]) => place.x >= bar.x && place.x + place.width <= bar.x + bar.width;
  // It may be on its way there.
  const end = Date.now() + 5000;
  while (!isSeen(await places()) && Date.now() < end) await page.evaluate(() => new Promise(requestAnimationFrame));
  const [bar, place] = await places();
  assert.ok(isSeen([bar, place]), `it is at ${place.x}, the bar from ${bar.x} to ${bar.x + bar.width}`);
});

test("whoever gives a file a name and goes on elsewhere is there at once", async (t) => {
  const page = await openEditor(t);
  const rename = async (name) => {
    await drawer(page).locator(".file[data-open] .pick").dblclick();
    await drawer(page).getByLabel("Name of the file").fill(name);
  };
  await rename("one.yaml");
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("# typed\n");
  assert.match(await text(page), /^# typed\n/);
  await rename("two.yaml");
  await drawer(page).getByRole("button", { name: "New file" }).click();
  assert.deepEqual(await drawer(page).locator(".file .pick").allInnerTexts(), ["two.yaml", "editor.yaml"]);
  // A name that is left by the way out of its file.
  await rename("three.yaml");
  await drawer(page).locator(".file[data-open] .shut").click();
  assert.deepEqual(await drawer(page).locator(".file .pick").allInnerTexts(), ["two.yaml"]);
});
