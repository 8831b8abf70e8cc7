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

  // Who gave no name is an animal, each with another letter.
  for (const page of [ana, bo]) await page.getByRole("button", { name: "Who is here: Otter, Fox" }).waitFor();
  assert.deepEqual(await bo.locator(".together-people .avatar").allTextContents(), ["O", "F"]);
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

/** Two people in one cluster of a scenario, by its links. */
async function pair(t, scenario) {
  const server = await startServer(t);
  const made = await fetch(`${server.url}/api/v1/sessions`, { method: "POST", body: scenario });
  const { links } = await made.json();
  return [await openPage(t, links.owner), await openPage(t, links.editor)];
}

async function kubectl(page, line, says) {
  const terminal = page.locator(".xterm-screen");
  if (!(await terminal.isVisible())) await page.getByRole("button", { name: "Terminal" }).click();
  await terminal.click();
  await page.keyboard.type(`kubectl ${line}\n`);
  await page.locator(".xterm-rows").getByText(says).first().waitFor();
}

test("undo takes back one's own deeds and leaves those of others", async (t) => {
  const [ana, bo] = await pair(t, "");
  const power = (page, name) => page.locator(`.node[data-place='node/${name}'] .power`);
  const undo = (page) => page.locator(".doing").getByRole("button", { name: "Undo" });
  await power(bo, "node-2").waitFor();
  await power(ana, "node-1").click();
  await power(bo, "node-2").click();
  for (const name of ["node-1", "node-2"]) await ana.locator(`.node[data-place='node/${name}'] .power[aria-checked=false]`).waitFor();
  await undo(ana).click();
  await bo.locator(".node[data-place='node/node-1'] .power[aria-checked=true]").waitFor();
  assert.equal(await bo.locator(".node[data-place='node/node-2'] .power[aria-checked=false]").count(), 1);

  await kubectl(ana, "create configmap of-ana --from-literal=by=ana", "configmap/of-ana created");
  await kubectl(bo, "create configmap of-bo --from-literal=by=bo", "configmap/of-bo created");
  await kubectl(ana, "delete configmap of-ana", 'configmap "of-ana" deleted');
  await kubectl(bo, "label configmap of-bo still=here", "configmap/of-bo labeled");
  await undo(ana).click();
  await kubectl(bo, "get configmap of-ana of-bo -o name --show-managed-fields", "configmap/of-ana");
  await bo.locator(".xterm-rows").getByText("configmap/of-bo", { exact: true }).waitFor();
});

test("people point at nodes of a map", async (t) => {
  const [ana, bo] = await pair(t, "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec: {cluster: {nodes: [{count: 30}]}}");
  for (const page of [ana, bo]) await page.locator(".map canvas").waitFor();
  await bo.getByRole("button", { name: "Who is here: Otter, Fox" }).waitFor();
  await ana.getByText(/30 nodes/).waitFor();
  const box = await ana.locator(".map canvas").boundingBox();
  // Of ten nodes in a row none has the middle.
  const [across, down] = [box.width / 2 + 30, box.height / 2];
  await ana.mouse.move(box.x + across, box.y + down);
  const pointer = bo.locator(".together-pointer").filter({ hasText: "Otter" });
  await pointer.waitFor();
  await screenshot(bo, "together-map");
  const [from, at] = [await bo.locator(".map canvas").boundingBox(), await pointer.boundingBox()];
  const there = [from.x + across, from.y + down];
  assert.ok(Math.hypot(at.x - there[0], at.y - there[1]) < 40, JSON.stringify([at, there]));
  await ana.mouse.move(5, 5);
  await pointer.waitFor({ state: "detached" });
});
