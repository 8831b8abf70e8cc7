// What is long, many or broken stays legible, and nothing jumps for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, hurry, openCluster, openScenario, screenshot } from "./harness.mjs";
import { says } from "./terminal.mjs";

const scenario = (cluster, steps) => `apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: crowded}
spec:
  cluster: ${cluster}
  steps:
${steps}`;
const create = (name, image) => `  - {at: 1s, kubectl: "create deployment ${name} --image=${image} --replicas=3"}\n`;
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true };

/** The words of failing pods, each with the lines on which it stands and how far it goes beyond its box. */
const words = (page) => page.locator(".pod[data-shape=failing] .pod-status").evaluateAll((all) => all.flatMap((status) => {
  const box = status.getBoundingClientRect();
  return [...status.childNodes].filter(({ nodeType, data }) => nodeType === 3 && data).map((part) => {
    const range = document.createRange();
    range.setStart(part, 0);
    range.setEnd(part, part.data.search(/ |$/));
    // Where a line ends behind a word, its end is at the beginning of the next one too.
    const lines = [...range.getClientRects()].filter(({ width }) => width > 0).length;
    return { word: range.toString(), lines, beyond: range.getBoundingClientRect().right - box.right };
  });
}));

test("what is wrong with a pod is read whole: on a phone over lines that end between words, on a laptop on one", async (t) => {
  const broken = scenario("{nodes: [{count: 3}]}", create("shop", "nginx:1.999") + create("todo", "todo-api:v1.2"));
  for (const [view, parts] of [[phone, ["ImagePull", "BackOff", "CrashLoop"]], [{ viewport: { width: 1280, height: 720 } }, ["ImagePullBackOff", "CrashLoopBackOff"]]]) {
    const page = await openCluster(t, { ...view, scenario: broken });
    await hurry(page);
    for (const status of ["CrashLoopBackOff", "ImagePullBackOff"]) await page.locator(".pod-status", { hasText: status }).first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator(".pod-status", { hasText: "BackOff" }).first().waitFor();
    const all = await words(page);
    assert.ok(all.length && all.every(({ lines, beyond }) => lines === 1 && beyond < 1), `${parts}: ${JSON.stringify(all)}`);
    await screenshot(page, `broken-${view.viewport.width}`);
  }
});

test("of many containers there is the number, and of many namespaces no name above each pod", async (t) => {
  const many = Array.from({ length: 60 }, (_, at) => `{name: c${at}, image: "shop/web:1"}`).join(", ");
  const one = (at) => `      ---\n      {apiVersion: v1, kind: Namespace, metadata: {name: team-${at}}}\n      ---\n      {apiVersion: v1, kind: Pod, metadata: {name: p, namespace: team-${at}}, spec: {containers: [{name: c, image: nginx}]}}\n`;
  const crowd = scenario("{nodes: [{count: 1}]}", `  - at: 1s\n    apply: |\n      {apiVersion: v1, kind: Pod, metadata: {name: crowd}, spec: {containers: [${many}]}}\n`);
  for (const view of [phone, { viewport: { width: 1280, height: 720 } }]) {
    const page = await openCluster(t, { ...view, scenario: crowd });
    await hurry(page);
    const status = page.locator(".pod-status", { hasText: "60/60" });
    await status.waitFor({ timeout: 60_000 });
    assert.ok(await status.evaluate((it) => it.scrollWidth <= it.clientWidth), "the number is seen whole");
    await openScenario(page, scenario("{nodes: [{count: 2}]}", `  - at: 1s\n    apply: |\n${Array.from({ length: 60 }, (_, at) => one(at)).join("")}`));
    await page.locator(".pod[data-shape=ready]").nth(59).waitFor({ timeout: 60_000 });
    assert.equal(await page.locator(".namespace-name").count(), 0);
    // Shown alone, or beside a few others, it has its name.
    await page.locator(".namespaces select").selectOption("team-7");
    await page.locator(".pod").nth(1).waitFor({ state: "detached" });
    assert.equal(await page.locator(".pod").count(), 1);
  }
});

test("of some containers each is seen whole, however long the word beside them is", async (t) => {
  const some = (count) => Array.from({ length: count }, (_, at) => `{name: c${at}, image: nginx}`).join(", ");
  const pods = [2, 4, 6].map((count) => `      ---\n      {apiVersion: v1, kind: Pod, metadata: {name: pod-of-${count}}, spec: {containers: [${some(count)}]}}\n`).join("");
  const starting = scenario("{nodes: [{count: 3}]}\n  options: {imagePull: 600s}", `  - at: 1s\n    apply: |\n${pods}`);
  for (const view of [phone, { viewport: { width: 1024, height: 768 } }, { viewport: { width: 1280, height: 720 } }]) {
    const page = await openCluster(t, { ...view, scenario: starting });
    const statuses = page.locator(".node .pod-status:has(.containers)", { hasText: "ContainerCreating" });
    await statuses.nth(2).waitFor();
    const cut = await statuses.locator(".containers").evaluateAll((all) => all.filter((it) => {
      const { left, right } = it.closest(".pod").getBoundingClientRect();
      const range = document.createRange();
      range.selectNodeContents(it);
      return range.getBoundingClientRect().left < left || range.getBoundingClientRect().right > right;
    }).map((it) => it.textContent));
    assert.deepEqual(cut, [], `${view.viewport.width}`);
    await screenshot(page, `containers-${view.viewport.width}`);
  }
});

test("on a tablet tabs and timeline stay where they are, and nothing runs below a panel", async (t) => {
  for (const viewport of [{ width: 820, height: 1180 }, { width: 1024, height: 768 }]) {
    const page = await openCluster(t, { viewport });
    const tops = () => page.evaluate(() => [".tabs", ".rewind"].map((name) => Math.round(document.querySelector(name).getBoundingClientRect().top)));
    await page.locator(".legend").waitFor();
    const before = await tops();
    await ask(page, { command: { id: 900, command: { kubectl: "scale deployment/todo-api --replicas=4" } } });
    await page.locator(".doing code", { hasText: "scale" }).waitFor();
    assert.deepEqual(await tops(), before, `${viewport.width}`);
    await page.getByRole("button", { name: "Terminal" }).click();
    await says(page, /\$ $/);
    await page.locator(".doing").getByRole("button", { name: "Close" }).click();
    const beside = await tops();
    await ask(page, { command: { id: 901, command: { kubectl: "scale deployment/todo-api --replicas=3" } } });
    await page.locator(".doing code", { hasText: "--replicas=3" }).waitFor();
    assert.deepEqual(await tops(), beside, `${viewport.width}, with a panel`);
    const beyond = await page.evaluate(() => [[".scene", ".visitors > *"], [".node", ".level"]].flatMap(([outer, inner]) => [...document.querySelectorAll(inner)]
      .map((it) => [it.getBoundingClientRect(), it.closest(outer).getBoundingClientRect(), it.className])
      .filter(([it, box]) => it.width && (it.left < box.left - 1 || it.right > box.right + 1)).map(([, , name]) => name)));
    assert.deepEqual(beyond, [], `${viewport.width}`);
    await screenshot(page, `panel-${viewport.width}`);
  }
});

test("a zone that is broken is called so, and who wants to halt a program is told", async (t) => {
  const page = await openCluster(t, { scenario: scenario("{nodes: [{count: 1, zone: a}, {count: 2, zone: b}]}", "  - {at: 40s, fault: {target: zone/b, kind: PowerOff}}\n") });
  await hurry(page);
  await page.locator("h1", { hasText: "Something is wrong with zone b. Watch." }).waitFor();
  await page.getByRole("button", { name: "日本語" }).click();
  await page.locator("h1", { hasText: "ゾーン b に異常が起きています。" }).waitFor();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("button", { name: "Terminal" }).click();
  await says(page, /\$ $/);
  await page.keyboard.type("sleep 100\n");
  await page.keyboard.press("Control+z");
  await says(page, /\^Z\nnothing can be halted here/);
  await page.keyboard.press("Control+c");
  await says(page, /\^C\nkubarium \$ $/);
});
