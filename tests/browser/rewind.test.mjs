// Looking back, going on from another moment, and two branches side by side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

const LONG_MS = 60_000;

async function openCluster(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  return page;
}

const power = (page, name) => page.locator(".stages > .stage").locator(`.node[data-place='node/${name}']`).getByRole("switch");
const slider = (page) => page.getByRole("slider", { name: "The moment that is shown" });
const moment = async (page) => Number(await slider(page).getAttribute("aria-valuenow"));
const state = (page, name, on) => page.locator(`.stages > .stage .node[data-place='node/${name}'] [role=switch][aria-checked=${on}]`);

/** Lets time pass and stand still until one half of the stage tells of something that is on its way. */
async function untilHalted(page, half) {
  const told = () => page.evaluate((half) => new Promise((resolve) => {
    const stage = document.querySelector(half);
    const numbered = () => stage.querySelectorAll(".dot[data-number]").length;
    const told = () => stage.querySelectorAll(".halted li").length;
    let frames = 0;
    const look = () => (frames++ < 90 && !(told() && told() === numbered()) ? requestAnimationFrame(look) : resolve([numbered(), told()]));
    look();
  }), half);
  await page.locator("h1").click();
  let seen = [];
  for (let turn = 0; turn < 20; turn++) {
    await page.keyboard.press("Space");
    seen = await told();
    if (seen[0] && seen[0] === seen[1]) return;
  }
  assert.fail(`${half}: ${seen[0]} dots have a number, ${seen[1]} are told of`);
}

/** A node is off, and a while has passed. */
async function afterFault(t, options) {
  const page = await openCluster(t, options);
  await page.locator(".time select").selectOption("60000");
  // The fault is not the first thing that one can look back at.
  await page.waitForFunction(() => document.querySelector(".track")?.ariaValueNow > 35, undefined, { timeout: LONG_MS });
  await power(page, "node-2").click();
  await state(page, "node-2", false).waitFor();
  await page.waitForFunction(() => document.querySelector(".track")?.ariaValueNow > 120, undefined, { timeout: LONG_MS });
  return page;
}

test("what happened is marked, and keys lead back to it and to now", async (t) => {
  const page = await afterFault(t);
  await page.locator(".tick[data-kind=fault]").first().waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Show what happened" }).click();
  await page.getByRole("group", { name: "You" }).getByRole("button", { name: /PowerOff/ }).click();
  await page.getByRole("button", { name: "Back to now" }).waitFor();
  const there = await moment(page);
  assert.ok(there < 60, `the fault was struck at ${there}`);
  await screenshot(page, "rewind");

  await page.locator("h1").click();
  await page.keyboard.press("Shift+ArrowLeft");
  await page.waitForFunction((at) => document.querySelector(".track")?.ariaValueNow < at, there);
  await state(page, "node-2", true).waitFor();
  await page.keyboard.press("ArrowRight");
  await state(page, "node-2", false).waitFor();
  await page.keyboard.press("n");
  await page.getByRole("button", { name: "Back to now" }).waitFor({ state: "detached" });
  assert.ok((await moment(page)) > 100, "nothing of the present is lost");
});

test("the handle is dragged, and time goes on from there", async (t) => {
  const page = await afterFault(t);
  const box = await slider(page).boundingBox();
  const at = (part) => [box.x + box.width * part, box.y + box.height / 2];
  await page.mouse.move(...at(0.9));
  await page.mouse.down();
  await page.mouse.move(...at(0.5), { steps: 8 });
  await page.mouse.move(...at(0), { steps: 8 });
  await page.mouse.up();
  await state(page, "node-2", true).waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await state(page, "node-2", false).waitFor({ timeout: LONG_MS });
  await page.getByRole("button", { name: "Back to now" }).waitFor({ state: "detached", timeout: LONG_MS });
});

test("a branch leaves the past, and both are seen side by side with their differences in words", async (t) => {
  const page = await afterFault(t, { viewport: { width: 1920, height: 1080 } });
  await slider(page).focus();
  await page.keyboard.press("Home");
  await state(page, "node-2", true).waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("f");
  const branches = page.getByRole("group", { name: "Branches" });
  await branches.getByRole("button", { name: /^Branch 2/, pressed: true }).waitFor();
  await branches.getByRole("button", { name: "Branch 1 side by side" }).click();
  await page.locator(".beside-stage .node").nth(2).waitFor();
  // The button is gone; the focus stays beside it, and the page's keys are the page's.
  await page.waitForFunction(() => document.activeElement.className === "branches");
  await page.keyboard.press("Space");
  await page.locator(".beside-stage .node[data-place='node/node-2'] [aria-checked=false]").waitFor({ timeout: LONG_MS });
  await state(page, "node-2", true).waitFor();
  await page.locator(".differences td").nth(3).getByText(/short of pods for/).waitFor({ timeout: LONG_MS });
  await page.locator(".differences").getByText("never short of pods").waitFor();
  await screenshot(page, "branches");
  await page.locator(".time select").selectOption("1000");
  // Time stands still in both: each says what is on its way there, and numbers as many dots.
  for (const half of [".stages > .stage", ".beside-stage .stage"]) await untilHalted(page, half);
  await branches.getByRole("button", { name: "One branch only" }).click();
  await page.locator(".beside-stage").waitFor({ state: "detached" });
  await branches.getByRole("button", { name: "Branch 1", exact: true }).click();
  await state(page, "node-2", false).waitFor();
});

test("the keys are explained", async (t) => {
  const page = await openCluster(t);
  await page.locator("h1").click();
  await page.keyboard.press("?");
  await page.locator(".keys").getByText("One event back or on").waitFor();
  await page.waitForFunction(() => document.querySelector(".keys").getBoundingClientRect().bottom <= document.querySelector(".foot").getBoundingClientRect().top);
  await page.keyboard.press("Escape");
  await page.locator(".keys").waitFor({ state: "detached" });
  await page.keyboard.press("p");
  await page.locator("html[data-present]").waitFor();
});
