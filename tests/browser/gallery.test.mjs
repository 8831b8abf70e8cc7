// A ready cluster comes with what it was made with, and takes nothing of the person's own away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answered, content, drawer, drop, isKept, openEditor, text } from "./editor.mjs";
import { screenshot } from "./harness.mjs";

const tabs = (page) => drawer(page).locator(".file .pick").allInnerTexts();

/** Opens a cluster of the gallery, and waits until its text is there. */
async function openCluster(page, name) {
  await drawer(page).getByLabel("Ready clusters").selectOption(name);
  await drawer(page).getByRole("button", { name: "Open", exact: true }).click();
  await drawer(page).locator(".file[data-open] .pick", { hasText: `${name}.yaml` }).waitFor();
}

test("the manifests of a ready cluster stand in the editor, in place of examples and others that nobody has changed", async (t) => {
  const page = await openEditor(t);
  await openCluster(page, "canary");
  assert.deepEqual(await tabs(page), ["canary.yaml"], "nobody has worked on the example");
  assert.match(await text(page), /^apiVersion: apps\/v1\nkind: Deployment\nmetadata:\n {2}name: todo-api-stable\n[^]*\n# The Service asks only for the app/);
  await drawer(page).locator(".state").getByText("deployment.apps/todo-api-stable unchanged").waitFor();
  // What is applied at one moment is one file.
  await openCluster(page, "autoscaler");
  assert.deepEqual(await tabs(page), ["autoscaler.yaml"]);
  assert.match(await text(page), /kind: HorizontalPodAutoscaler[^]*\n---\n[^]*metadata: \{name: client\}/);
  // After a reload they are there, and still nobody's work.
  await isKept(page, "HorizontalPodAutoscaler");
  await page.reload();
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  await page.getByRole("button", { name: "YAML" }).click();
  await drawer(page).locator(".pick", { hasText: "autoscaler.yaml" }).waitFor();
  await openCluster(page, "hello-pod");
  assert.deepEqual(await tabs(page), ["hello-pod.yaml"]);
});

test("work on files stays when another cluster is opened, and when that is undone", async (t) => {
  const page = await openEditor(t);
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("# mine\n");
  await openCluster(page, "canary");
  assert.deepEqual(await tabs(page), ["editor.yaml", "canary.yaml"]);
  await openCluster(page, "hello-pod");
  assert.deepEqual(await tabs(page), ["editor.yaml", "hello-pod.yaml"]);
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("# also mine\n");
  await page.getByRole("button", { name: "Undo" }).filter({ visible: true }).click();
  await drawer(page).locator(".pick", { hasText: "canary.yaml" }).waitFor();
  assert.deepEqual(await tabs(page), ["canary.yaml", "editor.yaml", "hello-pod.yaml"]);
  assert.match(await text(page), /^# also mine\n/);
  await page.locator(".chip", { hasText: "todo-api-canary" }).first().waitFor();
  await drawer(page).locator(".pick", { hasText: "editor.yaml" }).click();
  assert.match(await text(page), /^# mine\n/);
  // What cannot be opened changes no file.
  await drop(page, "broken.yaml", "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  clusterr: {}\n");
  await drawer(page).locator(".note").getByRole("button", { name: "Open" }).click();
  await page.locator(".notice").getByText("Your cluster is as it was").waitFor();
  assert.deepEqual(await tabs(page), ["canary.yaml", "editor.yaml", "hello-pod.yaml"]);
});

test("an earlier cluster that is opened again brings no second copy of what is there", async (t) => {
  const page = await openEditor(t);
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("# mine\n");
  await page.keyboard.press("Control+Enter");
  await page.locator("#drawer .outcome").getByText("todo-api").first().waitFor();
  await openCluster(page, "hello-pod");
  await drawer(page).getByText("More", { exact: true }).click();
  await drawer(page).getByRole("button", { name: "Playgrounds…" }).click();
  await drawer(page).locator("dialog .kept li", { hasText: "Deployment todo-api" }).locator(".link").first().click();
  await page.locator(".chip", { hasText: "todo-api" }).first().waitFor();
  await answered(page);
  assert.deepEqual(await tabs(page), ["editor.yaml", "hello-pod.yaml"]);
});

test("each ready cluster has a picture: where there are few lines, over the text while one chooses", async (t) => {
  const page = await openEditor(t);
  const picture = drawer(page).locator(".gallery-still svg");
  const choice = drawer(page).getByLabel("Ready clusters");
  await choice.focus();
  await picture.waitFor();
  const first = await picture.innerHTML();
  await choice.press("ArrowDown");
  await page.waitForFunction((first) => document.querySelector(".gallery-still svg").innerHTML !== first, first);
  await screenshot(page, "gallery-still");
  await drawer(page).getByRole("button", { name: "Open", exact: true }).click();
  await picture.waitFor({ state: "hidden" });
});
