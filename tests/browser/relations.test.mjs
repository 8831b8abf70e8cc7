// What belongs to what on the stage: a pod and its workload and Services, namespaces, and what a thing waits for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCluster, screenshot } from "./harness.mjs";

const LONG_MS = 60_000;
const DEPLOYMENT = (name, namespace, image, replicas) => `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ${name}, namespace: ${namespace}}, spec: {replicas: ${replicas}, selector: {matchLabels: {app: ${name}}}, template: {metadata: {labels: {app: ${name}}}, spec: {containers: [{name: c, image: '${image}'}]}}}}`;
const SERVICE = (name, namespace) => `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}}, spec: {selector: {app: ${name}}, ports: [{port: 80, targetPort: 8080}]}}`;
const steps = [
  "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
  DEPLOYMENT("web", "default", "todo-api:v1.0", 3), SERVICE("web", "default"), DEPLOYMENT("cart", "shop", "todo-api:v1.0", 3), SERVICE("cart", "shop"),
];
const SCENARIO = `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: relations}\nspec:\n  seed: 3\n  cluster: {nodes: [{count: 3}]}\n  opening: 20s\n  steps:\n${steps.map((text) => `  - {at: 0s, apply: ${JSON.stringify(text)}}\n`).join("")}`;

async function openShop(t) {
  const page = await openCluster(t, { scenario: SCENARIO });
  await page.locator(".namespace-name", { hasText: "shop" }).first().waitFor({ timeout: LONG_MS });
  await page.locator(".pod.serving").nth(5).waitFor({ timeout: LONG_MS });
  return page;
}
const podOf = (page, app) => page.locator(".stage .pod", { has: page.locator(".pod-name span", { hasText: app }) }).first();

test("a pod that is pointed at lights up its workload and the Services that send it requests", async (t) => {
  const page = await openShop(t);
  const belongs = () => page.locator(".belongs").allInnerTexts();
  assert.deepEqual(await belongs(), []);
  for (const [app, other] of [["cart", "web"], ["web", "cart"]]) {
    await podOf(page, app).hover();
    await page.locator(".chip.belongs", { hasText: app }).waitFor();
    await page.locator(".service.belongs", { hasText: app }).waitFor();
    assert.equal(await page.locator(".belongs", { hasText: other }).count(), 0, app);
    await screenshot(page, `belongs-${app}`);
  }
  await page.locator("h1").hover();
  await page.locator(".belongs").first().waitFor({ state: "detached" });
  await podOf(page, "cart").focus();
  await page.locator(".chip.belongs", { hasText: "cart" }).waitFor();
});

test("pods stand under the names of their namespaces, each of which can be shown alone", async (t) => {
  const page = await openShop(t);
  const rows = await page.locator(".node").first().locator(".pods").evaluate((pods) => [...pods.children].map((row) => row.textContent));
  const [first, second] = ["default", "shop"].map((name) => rows.indexOf(name));
  assert.ok(first === 0 && second > 1, rows.join("\n"));
  assert.ok(rows.slice(1, second).every((row) => row.startsWith("web")) && rows.slice(second + 1).every((row) => row.startsWith("cart")), rows.join("\n"));
  await screenshot(page, "namespaces");
  await page.locator(".namespace-name", { hasText: "shop" }).first().click();
  await page.locator(".namespace-name").first().waitFor({ state: "detached" });
  assert.equal(await podOf(page, "web").count(), 0);
  assert.equal(await page.getByLabel("Namespace").inputValue(), "shop");
  await page.getByLabel("Namespace").selectOption("");
  await page.locator(".namespace-name").first().waitFor();
});

test("what a pod waits for counts down in its panel, and is skipped there", async (t) => {
  const page = await openShop(t);
  const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: falls}\nspec: {containers: [{name: c, image: busybox, command: [sh, -c, 'exit 1']}]}\n";
  await page.evaluate((text) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 7, command: { apply: text } } })), pod);
  await page.locator(".time select").selectOption("20000");
  const falls = page.locator(".stage .pod[title^='falls · CrashLoopBackOff']").first();
  await falls.waitFor({ timeout: LONG_MS });
  await page.keyboard.press(" ");
  await falls.click();
  const wait = page.locator("#drawer .wait").first();
  await wait.waitFor();
  await screenshot(page, "own-wait");
  const clock = () => page.locator(".clock b").innerText();
  const before = await clock();
  await wait.getByRole("button").click();
  await page.waitForFunction((before) => document.querySelector(".clock b").innerText !== before, before);
});

test("the tree's menu key breaks what it is on, and a button makes the page large", async (t) => {
  const page = await openShop(t);
  await page.locator(".tabs").getByRole("button", { name: "Tree" }).click();
  const node = page.getByRole("treeitem", { name: /^node-1/ });
  await node.waitFor();
  await node.focus();
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menu", { name: "Break node-1" }).waitFor();
  await screenshot(page, "tree-menu");
  await page.keyboard.press("Escape");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^node-1/);
  await page.keyboard.press("ArrowRight");
  await page.getByRole("treeitem", { name: /^kubelet/ }).first().click({ button: "right" });
  await page.getByRole("menu").locator("[role^=menuitem]", { hasText: "Stop" }).first().click();
  await page.getByRole("treeitem", { name: /^kubelet.*stopped/ }).waitFor();
  await page.keyboard.press("Escape");

  const large = page.getByRole("button", { name: "Large type for a room" });
  const size = () => page.locator("h1").evaluate((heading) => Number.parseFloat(getComputedStyle(heading.closest("body")).fontSize));
  const before = await size();
  await large.click();
  assert.ok((await size()) > before);
  assert.equal(await large.getAttribute("aria-pressed"), "true");
  await screenshot(page, "present");
  await page.keyboard.press("p");
  await page.locator(".present-switch[aria-pressed=false]").waitFor();
  assert.equal(await size(), before);
});
