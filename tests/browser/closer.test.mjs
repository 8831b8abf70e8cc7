// What is worked out when somebody looks: attempts of the scheduler, a node's insides, charts, the tree, pictures.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openPage, root, screenshot, startServer } from "./harness.mjs";

const axe = await readFile(`${root}/node_modules/axe-core/axe.min.js`, "utf8");

/** Nothing that axe finds fault with. */
async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" ")}`), []);
}

const tab = (page, name) => page.locator(".tabs").getByRole("button", { name });
const BIG = "apiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec:\n  containers: [{name: c, image: nginx, resources: {requests: {cpu: 64}}}]\n";

test("attempts that fail are told, on the stage too; charts, tree and picture show what there is", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url, { acceptDownloads: true });
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.evaluate((yaml) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 900, command: { apply: yaml } } })), BIG);
  await page.locator(".queue .pod").click();
  await page.getByRole("heading", { name: "Why it is nowhere" }).waitFor();
  await page.locator(".placement td.refusal", { hasText: "Insufficient cpu" }).nth(2).waitFor();
  await page.getByLabel("Show on the stage").check();
  await page.locator(".node[data-fits=no][data-refusal*='Insufficient cpu']").nth(2).waitFor();
  await screenshot(page, "attempts");
  await accessible(page);

  await page.locator(".node-name", { hasText: "node-0" }).click();
  await page.locator(".closer-bars").getByText(/used .* · requested .* · of 4/).waitFor();
  await page.locator(".closer .images").getByText("todo-api").waitFor();
  assert.equal(await page.locator(".node[data-fits]").count(), 0, "what the scheduler said is shown no longer");

  await tab(page, "Tree").click();
  const item = (name) => page.getByRole("treeitem", { name });
  await item(/^node-1/).waitFor();
  await item(/^Control plane/).focus();
  for (const key of ["End", "Home", "n", "ArrowDown", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^kubelet/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await page.locator("#drawer h3", { hasText: "node-0" }).waitFor();

  await page.getByRole("button", { name: "Show what happened" }).click();
  await page.getByRole("img", { name: /^Pods by phase: ready 3/ }).waitFor();
  await page.getByText("The same as a table").click();
  await page.locator(".chart-table tbody tr").nth(1).waitFor();
  await screenshot(page, "charts");
  await accessible(page);
  await page.locator(".chart-plot").first().click({ position: { x: 8, y: 20 } });
  await page.getByRole("button", { name: "Back to now" }).click();

  await page.locator(".tools").getByRole("button", { name: "Share" }).click();
  const [picture] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "SVG" }).click()]);
  assert.equal(picture.suggestedFilename(), "kubarium-cluster.svg");
  const svg = await readFile(await picture.path(), "utf8");
  for (const word of ["node-1", "API server", "todo-api"]) assert.ok(svg.includes(`>${word}</text>`), `${word} is in the picture`);
  assert.ok(!svg.includes("foreignObject"));
});
