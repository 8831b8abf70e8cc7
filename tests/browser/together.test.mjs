// Two people in one cluster: each sees what the other points at and has chosen, one follows the other until they act
// themselves, and goes on alone in a copy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

test("two people see each other, one follows, and goes on alone in a copy", async (t) => {
  const server = await startServer(t);
  const ana = await openPage(t, server.url);
  await ana.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await ana.getByRole("button", { name: "Share" }).click();
  await ana.getByRole("button", { name: "Go live" }).click();
  const invitation = ana.locator(".invitation input").first();
  await invitation.waitFor();
  const bo = await openPage(t, await invitation.inputValue());
  await ana.keyboard.press("Escape");

  // Names are text, and each has a colour.
  const call = async (page, name) => {
    await page.getByRole("button", { name: /^Who is here: / }).click();
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Change" }).click();
    await page.getByRole("button", { name: `Who is here: `, exact: false }).click();
  };
  await call(ana, "Ana <b>");
  await call(bo, "Bo");
  for (const page of [ana, bo]) await page.getByRole("button", { name: "Who is here: Ana <b>, Bo" }).waitFor();

  // What Ana points at, Bo sees; and what she has chosen.
  await ana.locator(".node[data-place='node/node-1']").hover();
  const pointer = bo.locator(".together-pointer").filter({ hasText: "Ana <b>" });
  await pointer.waitFor();
  await ana.locator(".pod[data-shape=ready]").first().click();
  await bo.locator(".together-choice").waitFor();
  await screenshot(bo, "together");

  // Bo follows Ana, until he does something himself.
  await bo.getByRole("button", { name: "Who is here: Ana <b>, Bo" }).click();
  await bo.getByRole("button", { name: /^Follow Ana <b>/ }).click();
  const chosen = await ana.locator(".pod[aria-pressed=true]").getAttribute("data-place");
  await bo.locator(`.pod[data-place='${chosen}'][aria-pressed=true]`).waitFor();
  await ana.getByRole("button", { name: "Timeline" }).click();
  await bo.locator(".tab[aria-expanded=true]").getByText("Timeline").waitFor();
  await bo.getByRole("button", { name: "YAML" }).click();
  await bo.getByText("Following Ana <b>").waitFor({ state: "hidden" });
  await ana.getByRole("button", { name: "Faults" }).click();

  // Who does not want to be seen is not; and a copy is one's own.
  await ana.getByRole("button", { name: /^Who is here: / }).click();
  await ana.getByLabel("Others see what I point at and have chosen").uncheck();
  await pointer.waitFor({ state: "detached" });
  assert.equal(await bo.locator(".tab[aria-expanded=true]").textContent(), "YAML");
  await bo.getByRole("button", { name: "Share" }).click();
  const opens = bo.context().waitForEvent("page");
  await bo.getByRole("link", { name: "Go on alone in a copy" }).click();
  const copy = await opens;
  await copy.locator(".node[data-place='node/node-2'] .power").click();
  await copy.locator(".node[data-place='node/node-2'] .power[aria-checked=false]").waitFor();
  assert.equal(await copy.locator(".live").count(), 0);
  assert.equal(await ana.locator(".node .power[aria-checked=false]").count(), 0);
});
