// The stage: what can be broken and how it is mended, the insides of the systems, the map of a large cluster.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, openCluster, openScenario, root, screenshot } from "./harness.mjs";

const LONG_MS = 60_000;
const axe = await readFile(`${root}/node_modules/axe-core/axe.min.js`, "utf8");

/** Nothing that axe finds fault with. */
async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" ")}`), []);
}

const thing = (page, place) => page.locator(`.stage [data-place='${place}']`).first();
const menu = (page) => page.getByRole("menu");
const item = (page, name) => menu(page).locator("[role^=menuitem]").filter({ hasText: name }).first();
const broken = (page) => page.getByRole("button", { name: /^Faults/ });

test("everything has a menu, by lightning, right click and keyboard", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("button", { name: "Break node-1" }).click();
  await menu(page).waitFor();
  await screenshot(page, "fault-menu");
  await accessible(page);
  const lines = await menu(page).getByRole("menuitemcheckbox").allInnerTexts();
  assert.ok(lines.some((line) => line.includes("Cut off its network") && line.includes("nothing gets in or out")), lines.join("\n"));
  await page.keyboard.press("Escape");
  await menu(page).waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Break node-1");

  await thing(page, "kubelet@node-0").click({ button: "right" });
  await menu(page).getByText("Cut its line").waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Escape");

  const pod = page.locator(".pod.serving").first();
  await pod.focus();
  await page.keyboard.press("Shift+F10");
  await menu(page).getByText("Kill its containers").waitFor();
  await page.keyboard.press("Escape");
});

test("names of what moves are read beside each other", async (t) => {
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    const page = await openCluster(t, { viewport: { width, height } });
    const seen = page.evaluate(async () => {
      let [pairs, covered] = [0, 0];
      for (let frames = 0; frames < 400; frames++) {
        await new Promise((next) => requestAnimationFrame(next));
        const labels = [...document.querySelectorAll(".stages > .stage .dot:not([hidden]) span")].map((label) => label.getBoundingClientRect());
        for (const [index, one] of labels.entries()) for (const other of labels.slice(index + 1)) {
          pairs++;
          covered += Math.min(one.right, other.right) - Math.max(one.left, other.left) > 2 && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 2;
        }
      }
      return { pairs, covered };
    });
    await ask(page, { command: { id: 1, command: { kubectl: "scale deployment todo-api --replicas=7" } } });
    const { pairs, covered } = await seen;
    assert.ok(pairs > 100, `${pairs} pairs were under way`);
    // What passes each other on one line crosses for a moment; without a way out a third of all would be covered.
    assert.ok(covered < pairs / 12, `${covered} of ${pairs} cover each other on ${width} pixels`);
  }
});

test("what the controllers look after keeps its place when it is whole again", async (t) => {
  const page = await openCluster(t);
  await ask(page, { command: { id: 1, command: { kubectl: "create deployment web --image=todo-api:v1.0 --replicas=2" } } });
  const chip = page.locator(".stage .chip").nth(1);
  await chip.and(page.locator(".short")).getByText("web").waitFor();
  await chip.getByText("2 of 2").waitFor({ timeout: LONG_MS });
  assert.match(await chip.innerText(), /web/);
});

test("what is told at the foot of a low screen moves nothing", async (t) => {
  const page = await openCluster(t, { viewport: { width: 1280, height: 720 } });
  const places = () => Promise.all([".stage .layer.services", ".tabs"].map(async (part) => Math.round((await page.locator(part).boundingBox()).y)));
  const before = await places();
  await page.locator(".stage .power").last().click();
  await page.locator(".doing:not([hidden])").waitFor();
  assert.deepEqual(await places(), before);
});

test("what is broken shows on the thing and in the list, and one click mends it", async (t) => {
  const page = await openCluster(t);
  assert.match(await page.locator("h1").innerText(), /Switch off a node/);
  await page.getByRole("button", { name: "Break kube-scheduler" }).click();
  await item(page, "Stop").click();
  await thing(page, "kube-scheduler").locator(".undo").waitFor();
  await page.getByRole("heading", { name: "Something is wrong with kube-scheduler" }).waitFor();
  await page.getByRole("button", { name: "Break node-1" }).click();
  await item(page, "Cut off its network").click();
  await thing(page, "node/node-1").locator(".undo", { hasText: "Network cut off" }).waitFor();
  await page.getByRole("heading", { name: "2 faults at once" }).waitFor();
  await broken(page).click();
  // The panel comes a paint after the click.
  await page.locator(".faults-list .undo").nth(1).waitFor();
  assert.equal(await page.locator(".faults-list .undo").count(), 2);
  await screenshot(page, "faults");
  await accessible(page);
  await thing(page, "kube-scheduler").locator(".undo").click();
  await thing(page, "kube-scheduler").locator(".undo").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo all" }).click();
  await page.getByText("Nothing is broken.").waitFor();
  await page.getByRole("heading", { name: "All is mended" }).waitFor();
});

test("keys of the page do nothing behind an open menu, and its ends are a key away", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("button", { name: "Break kube-scheduler" }).click();
  await menu(page).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  const [first] = await menu(page).locator("[role^=menuitem]").allTextContents();
  await page.keyboard.press("End");
  assert.notEqual(await focused(), first);
  await page.keyboard.press("Home");
  assert.equal(await focused(), first);
  for (const key of ["s", "f", "p", "?", "ArrowLeft"]) await page.keyboard.press(key);
  await page.keyboard.press("Escape");
  await menu(page).waitFor({ state: "detached" });
  assert.equal(await page.locator(".branches, .rewind.back, .keys").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.hasAttribute("data-present")), false);
});

test("what stands at the doors shows what was done to it, and a Service who is behind it", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("button", { name: "Break load-balancer" }).click();
  await item(page, "Stop").click();
  const mark = thing(page, "load-balancer").locator(".undo");
  await mark.waitFor();
  await page.locator(".visitors-summary.short").first().waitFor({ timeout: LONG_MS });
  await mark.click();
  await mark.waitFor({ state: "detached" });

  await page.locator(".service").click();
  const endpoints = page.locator("#drawer .endpoints li");
  await endpoints.nth(2).waitFor();
  assert.match(await endpoints.first().innerText(), /todo-api-\S+[^]*10\.244\.\d+\.\d+[^]*takes traffic[^]*node-\d/);
  const name = await endpoints.first().locator("button").innerText();
  await endpoints.first().locator("button").click();
  await page.locator("#drawer h3", { hasText: name }).waitFor();
});

test("names as long as Kubernetes takes them leave headline, zones and inspector legible", async (t) => {
  const [name, zone] = ["p".repeat(253), "z".repeat(63)];
  const text = scenario(`{nodes: [{count: 2, zone: ${zone}}, {count: 1, zone: b}]}`, `[{at: 0s, kubectl: "create configmap ${name} --from-literal=a=b"}]`);
  const page = await openCluster(t, { scenario: text });
  await page.locator(".zone").nth(1).waitFor();
  await page.evaluate((name) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 1, command: { fault: { target: `configmap/default/${name}`, kind: "Empty" } } } })), name);
  await page.getByRole("heading", { name: /^Something is wrong/ }).waitFor();
  const boxes = await page.evaluate(() => Object.fromEntries(["h1", ".stages", ".zone-name", ".zone .node-name"].map((of) => [of, document.querySelector(of).getBoundingClientRect().toJSON()])));
  assert.ok(boxes.h1.bottom <= boxes[".stages"].top, JSON.stringify(boxes));
  assert.ok(boxes[".zone-name"].bottom <= boxes[".zone .node-name"].top, JSON.stringify(boxes));
  await screenshot(page, "long-names");
});

test("another cluster has nothing to do with what was broken in the one before", async (t) => {
  const page = await openCluster(t);
  await page.locator(".node .power").last().click();
  await page.getByRole("heading", { name: /^Something is wrong/ }).waitFor();
  await openScenario(page, scenario("{nodes: [{count: 2}]}"));
  await page.getByRole("heading", { name: /^This cluster is alive/ }).waitFor();
});

test("chaos breaks the same things again for the same number", async (t) => {
  const drawn = async () => {
    const page = await openCluster(t);
    await page.keyboard.press(" ");
    await broken(page).click();
    await page.getByLabel("Number").fill("7");
    await page.getByLabel("Number").press("Tab");
    for (let draw = 1; draw <= 3; draw++) {
      await page.getByRole("button", { name: "Break something" }).click();
      await page.locator(".chaos-log li").nth(draw - 1).waitFor();
    }
    return page.locator(".chaos-log li").allInnerTexts();
  };
  const first = await drawn();
  assert.equal(first.length, 3);
  assert.deepEqual((await drawn()).length, 3);
});

const scenario = (cluster, steps = "[]", opening = "20s") =>
  `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: stage}\nspec:\n  seed: 5\n  cluster: ${cluster}\n  opening: ${opening}\n  steps: ${steps}\n`;

test("several members show who leads, and zones can be struck as wholes", async (t) => {
  const text = scenario("{controlPlane: {members: 3}, nodes: [{count: 2, zone: a}, {count: 2, zone: b}]}");
  const page = await openCluster(t, { scenario: text });
  await page.locator(".member[data-place='etcd/2']").waitFor();
  assert.equal(await page.locator(".member.leads").count(), 3);
  await page.getByText(/term \d/).first().waitFor();
  await screenshot(page, "members-and-zones");
  await accessible(page);
  const leader = page.locator(".member.leads[data-place^='etcd/']");
  const place = await leader.getAttribute("data-place");
  await leader.click({ button: "right" });
  await item(page, "Stop").click();
  await page.locator(`.member.down[data-place='${place}']`).waitFor();
  await page.locator(`.member.leads[data-place^='etcd/']:not([data-place='${place}'])`).waitFor({ timeout: LONG_MS });
  assert.equal(await page.locator(".program.down").count(), 0, "two of three do etcd's work");
  // Each says whose fault it is, the first member too.
  await page.evaluate(() => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 1, command: { fault: { target: "component/kube-scheduler", kind: "Stop" } } } })));
  await page.locator(".program[data-place=kube-scheduler] .undo", { hasText: "kube-scheduler" }).waitFor();
  assert.equal(await page.locator(".program[data-place=kube-scheduler] .undo").count(), 1);
  await page.locator(".tabs").getByRole("button", { name: "Tree" }).click();
  const inTree = (name) => page.getByRole("treeitem", { name });
  await inTree(/^kube-scheduler running/).focus();
  await page.keyboard.press("ArrowRight");
  await inTree(/^kube-scheduler stopped/).waitFor();
  await inTree(/^kube-scheduler-[12] running/).nth(1).waitFor();
  await inTree(/^etcd running/).focus();
  await page.keyboard.press("ArrowRight");
  await inTree(/^etcd\/\d running, leader, term \d/).waitFor();
  await screenshot(page, "members-in-tree");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Break zone/a", exact: true }).click();
  await item(page, "Power off").click();
  await page.locator(".node[data-state=unnoticed], .node[data-state=off]").nth(1).waitFor();
  await screenshot(page, "zone-off");
  // A member of etcd, a scheduler, and a zone, which is one.
  await broken(page).getByText("3", { exact: true }).waitFor();
  await broken(page).click();
  const zone = page.locator("#drawer .undo", { hasText: "zone/a" });
  await zone.click();
  await zone.waitFor({ state: "detached" });
  await broken(page).getByText("2", { exact: true }).waitFor();
  assert.equal(await page.locator(".node[data-state=ready]").count(), 4);
});

test("forty nodes are a map that can be read, searched and struck", async (t) => {
  const app = "apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: web}\\nspec:\\n  replicas: 120\\n  selector: {matchLabels: {app: web}}\\n  template:\\n    metadata: {labels: {app: web}}\\n    spec: {containers: [{name: c, image: 'todo-api:v1.0'}]}\\n";
  const text = scenario("{nodes: [{count: 20, zone: a}, {count: 20, zone: b}]}", `[{at: 0s, apply: "${app}"}]`, "15s");
  const page = await openCluster(t, { scenario: text });
  const map = page.getByRole("application", { name: "Map of the cluster" });
  await map.waitFor();
  await page.getByText(/40 nodes · 120 pods · ready 120/).waitFor({ timeout: LONG_MS });
  await screenshot(page, "map");
  await accessible(page);

  await page.getByLabel("Find a node").fill("node-33");
  await page.getByLabel("Find a node").press("Enter");
  await page.locator("#drawer").getByText("node-33").first().waitFor();
  await page.locator(".map-said", { hasText: "node-33: Ready. Pods: 3" }).waitFor();
  await screenshot(page, "map-node");
  await map.focus();
  await page.keyboard.press("ArrowLeft");
  await page.locator(".map-said", { hasText: "node-32" }).waitFor();
  await page.keyboard.press("Shift+F10");
  await item(page, "Power off").click();
  await page.locator(".map-said").waitFor();
  await broken(page).getByText("1").waitFor();
});

test("a map is of the cluster that was opened last, and says what it draws in the page's language", async (t) => {
  const page = await openCluster(t, { scenario: scenario("{nodes: [{count: 30}]}", "[]", "15s") });
  await page.getByText(/^30 nodes/).waitFor({ timeout: LONG_MS });
  await openScenario(page, scenario("{nodes: [{count: 60}]}", "[]", "15s"));
  await page.getByText(/^60 nodes/).waitFor({ timeout: LONG_MS });
  await page.getByLabel("Find a node").fill("node-45");
  await page.getByLabel("Find a node").press("Enter");
  const said = page.locator(".map-said");
  await said.filter({ hasText: "node-45: Ready" }).waitFor();
  await page.getByRole("application", { name: "Map of the cluster" }).focus();
  await page.keyboard.press("Shift+F10");
  await item(page, "Power off").click();
  await page.locator(".time select").selectOption("20000");
  await said.filter({ hasText: "node-45: NotReady" }).waitFor({ timeout: LONG_MS });
  await page.locator(".caption", { hasText: "node-45" }).filter({ hasText: "heard nothing" }).first().waitFor({ timeout: LONG_MS });
  await page.getByRole("button", { name: "日本語" }).click();
  await page.getByText(/^ノード 60/).first().waitFor();
});

test("on a map a node is uncordoned, a zone struck and mended, chaos draws nodes, and a pod shows its containers", async (t) => {
  const app = "{apiVersion: v1, kind: Pod, metadata: {name: two}, spec: {nodeName: node-2, containers: [{name: main, image: 'todo-api:v1.0'}, {name: side, image: 'nginx:1.27'}]}}";
  const text = scenario("{nodes: [{count: 20, zone: tokyo}, {count: 10, zone: osaka}]}", `[{at: 0s, apply: "${app}"}]`, "15s");
  const page = await openCluster(t, { scenario: text });
  const map = page.getByRole("application", { name: "Map of the cluster" });
  await page.getByText(/30 nodes · 1 pods · ready 1/).waitFor({ timeout: LONG_MS });
  await map.focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".map-said", { hasText: "node-0" }).waitFor();
  await page.keyboard.press("Shift+F10");
  await item(page, "Cordon").click();
  await page.locator(".map-said", { hasText: "SchedulingDisabled" }).or(page.locator(".map-said")).first().waitFor();
  await broken(page).click();
  const uncordon = page.locator("#drawer .undo", { hasText: "node-0" });
  await uncordon.waitFor();
  await map.focus();
  await page.keyboard.press("Shift+F10");
  await menu(page).locator("[aria-checked=true]", { hasText: "Cordon" }).click();
  await uncordon.waitFor({ state: "detached" });

  const zone = page.getByRole("button", { name: "Zone osaka" });
  await zone.click();
  await item(page, "Power off").click();
  await broken(page).getByText("1", { exact: true }).waitFor();
  await screenshot(page, "map-zone-off");
  await accessible(page);
  await zone.click({ button: "right" });
  await menu(page).locator("[aria-checked=true]", { hasText: "Power off" }).click();
  await page.locator("#drawer").getByText("Nothing is broken.").waitFor();

  for (let draw = 0; draw < 4; draw++) await page.getByRole("button", { name: "Break something" }).click();
  await page.locator(".chaos-log li", { hasText: "node-" }).first().waitFor();

  await page.keyboard.press("Escape");
  await page.getByLabel("Find a node").fill("node-2");
  await page.getByLabel("Find a node").press("Enter");
  await page.keyboard.press("Escape");
  await map.focus();
  for (let nearer = 0; nearer < 4; nearer++) await page.keyboard.press("+");
  // Its only pod stands first, below the name.
  const { x, y } = await page.evaluate(() => {
    const { left, top, width, height } = document.querySelector(".map").places.boxOf("node/node-2");
    return { x: left + width * 0.2, y: top + height * 0.4, height };
  });
  await page.mouse.click(x, y);
  await page.locator(".map-said", { hasText: "default/two · Running · main, side" }).waitFor();
  await page.keyboard.press("Escape");
  await map.focus();
  for (let nearer = 0; nearer < 6; nearer++) await page.keyboard.press("+");
  await screenshot(page, "map-containers");
});

test("the tree of a map lists its nodes a hundred at a time", async (t) => {
  const page = await openCluster(t, { scenario: scenario("{nodes: [{count: 103}]}", "[]", "15s") });
  await page.getByRole("application", { name: "Map of the cluster" }).waitFor();
  await page.locator(".tabs").getByRole("button", { name: "Tree" }).click();
  const nodes = page.getByRole("treeitem", { name: /^node-/ });
  const more = page.getByRole("treeitem", { name: "3 more" });
  await more.waitFor();
  assert.equal(await nodes.count(), 100);
  assert.equal(await nodes.first().getAttribute("aria-setsize"), "103");
  assert.deepEqual((await nodes.allTextContents()).slice(0, 11).map((text) => text.trim().split(" ")[0]), [...Array(11).keys()].map((number) => `node-${number}`));
  await more.focus();
  await page.keyboard.press("Enter");
  await more.waitFor({ state: "detached" });
  assert.equal(await nodes.count(), 103);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-posinset")), "101", "it goes on where it was");
});

test("a change anywhere styles no pod anew", async (t) => {
  const page = await openCluster(t);
  // What stands behind `:has(…)` in a selector is looked at again whenever something comes or goes in what has it.
  const heavy = await page.evaluate(() => {
    const found = [];
    const look = (rules) => {
      for (const rule of rules) {
        const all = rule.selectorText?.split(/,(?![^(]*\))/) ?? [];
        for (const selector of all) {
          const parts = selector.trim().split(/[\s>+~]+(?![^(]*\))/);
          const last = parts.pop().replace(/::.*$/, "");
          if (!parts.some((part) => part.includes(":has(")) || !last) continue;
          const base = last.replace(/:(nth|first|last|not|empty|hover|focus)[^]*$/, "");
          if (base && document.querySelector(`.pods :is(${base})`)) found.push(selector);
        }
        if (rule.cssRules) look(rule.cssRules);
      }
    };
    for (const sheet of document.styleSheets) look(sheet.cssRules);
    return found;
  });
  assert.deepEqual(heavy, []);
});

test("the programs of nodes are told apart by ear, and frames leave alone what is being chosen", async (t) => {
  const page = await openCluster(t);
  await page.getByRole("button", { name: "kubelet running · node-1" }).waitFor();
  const kept = await page.locator(".time select").evaluate(async (select) => {
    const { value } = select;
    select.value = "5000";
    const { engine } = window.kubarium;
    for (let frames = 0; frames < 5; frames++) await new Promise((heard) => engine.addEventListener("message", heard, { once: true }));
    await new Promise(requestAnimationFrame);
    const chosen = select.value;
    select.value = value;
    return chosen;
  });
  assert.equal(kept, "5000");
});
