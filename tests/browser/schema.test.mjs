// What the editor knows of kinds and fields: completion, hover, explanation, and the fixes of what is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BODIES } from "../../frontend/js/workbench/templates.js";
import { after, content, DEPLOYMENT, drawer, openEditor, option, paste, text } from "./editor.mjs";
import { screenshot } from "./harness.mjs";

test("keys, values, kinds and names complete from what the cluster serves", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await page.keyboard.type("        imagePull");
  await option(page, "imagePullPolicy").waitFor();
  await screenshot(page, "complete");
  // What it may be is there without a letter, and goes for who writes something else.
  await page.keyboard.press("Enter");
  await option(page, "IfNotPresent").waitFor();
  await page.keyboard.type("A");
  await option(page, "IfNotPresent").waitFor({ state: "detached" });
  await option(page, "Always").click();
  assert.match(await text(page), /\n {8}imagePullPolicy: Always$/);
  await after(page, "ki");
  await option(page, "kind").click();
  await option(page, "Deployment").waitFor();
  await page.keyboard.type("Sta");
  await option(page, "StatefulSet").click();
  assert.equal(await text(page), "kind: StatefulSet");

  // `kind:` knows the version beside it, `apiVersion:` the kind.
  await after(page, "kind: CronJob\napiVersion: b");
  await option(page, "batch/v1").waitFor();
  await after(page, "apiVersion: apps/v1\nkind: State");
  await option(page, "StatefulSet").waitFor();

  // Inside braces, too.
  await after(page, "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: x, imag");
  await option(page, "image").waitFor();

  // And in lists of words.
  const policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec:\n  policyTypes: [";
  await after(page, `${policy}I`);
  await option(page, "Ingress").waitFor();
  await after(page, `${policy}Ingress, E`);
  await option(page, "Egress").waitFor();

  // JSON as well: in quotes, whether or not they were typed, on one line or several.
  const json = '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {';
  await after(page, `${json}"repl`);
  await option(page, "replicas").click();
  assert.equal(await text(page), `${json}"replicas": `);
  await after(page, `${json}\n  "sel`);
  await option(page, "selector").waitFor();
  await after(page, `${json}"strategy": {\n  ty`);
  await option(page, "type").dispatchEvent("mousedown");
  assert.match(await text(page), /\{\n {2}"type": $/);
  await option(page, "RollingUpdate").waitFor();
  await after(page, `${json}"strategy": {"type": "Rec`);
  await option(page, "Recreate").click();
  assert.match(await text(page), /"type": "Recreate"$/);
  await after(page, `${json}"paused": tr`);
  await option(page, "true").click();
  assert.match(await text(page), /"paused": true$/);
  await paste(page, '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{');
  await page.keyboard.type('"ima');
  await option(page, "image").click();
  assert.match(await text(page), /\[\{"image": (?!")/);

  // Names are those of the cluster.
  await after(page, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  nodeName: node");
  await option(page, "node-1").waitFor();

  // Selectors ask for labels that pods have, or get by the text.
  await after(page, `${DEPLOYMENT}---\napiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  selector:\n    ap`);
  await option(page, "app: todo-api").waitFor();
  await option(page, "app: shop").click();
  assert.match(await text(page), /selector:\n {4}app: shop$/);
  await after(page, "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {app: to");
  await option(page, "todo-api").waitFor();

  // A kind brings what it needs.
  await paste(page, "");
  await page.keyboard.type("Deploy");
  await option(page, "Deployment").click();
  assert.match(await text(page), /^apiVersion: apps\/v1\nkind: Deployment\nmetadata:\n  name: name\nspec:\n  replicas: 1\n/);
});

test("what a kind brings is taken as it stands", async (t) => {
  const page = await openEditor(t);
  for (const kind of Object.keys(BODIES)) {
    await after(page, kind);
    await option(page, kind).click();
    await drawer(page).locator(".state", { hasText: new RegExp(`${kind.toLowerCase()}(\\.\\S+)?/\\S+ created`) }).waitFor();
  }
  // What only answers is nobody's to write.
  await after(page, "Bind");
  await option(page, "RoleBinding").waitFor();
  assert.equal(await option(page, "Binding").count(), 0);
});

const SHIPS = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ships.harbour.example.com}
spec:
  group: harbour.example.com
  scope: Namespaced
  names: {plural: ships, singular: ship, kind: Ship}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [masts]
            properties:
              masts: {type: integer, description: How many masts she has., default: 3}
              rig: {type: string, enum: [sloop, brig, barque]}
              crew:
                type: array
                items:
                  type: object
                  properties:
                    rank: {type: string, enum: [captain, cook]}
`;
const ENDEAVOUR = "apiVersion: harbour.example.com/v1\nkind: Ship\nmetadata:\n  name: endeavour\n";

test("kinds that people define are known as soon as they are, and complete like any other", async (t) => {
  const page = await openEditor(t);
  await paste(page, ENDEAVOUR);
  const fault = drawer(page).locator(".state").getByText('no matches for kind "Ship"');
  await fault.waitFor();
  // Somebody else defines it: nothing is typed here.
  await page.evaluate((text) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 900, command: { apply: text } } })), SHIPS);
  await drawer(page).locator(".state").getByText("ship.harbour.example.com/endeavour created").waitFor();
  assert.equal(await fault.count() + await drawer(page).locator(".cm-lintRange-error").count(), 0);
  // Another version is what can be mended, and never to what stands there.
  await paste(page, ENDEAVOUR.replace("/v1", "/v2"));
  await drawer(page).getByRole("button", { name: "Set apiVersion: harbour.example.com/v1" }).click();
  assert.equal(await text(page), ENDEAVOUR);

  await after(page, `${ENDEAVOUR}spec:\n  crew:\n  - ra`);
  await option(page, "rank").click();
  await page.keyboard.type("co");
  await option(page, "cook").click();
  await after(page, `${ENDEAVOUR}spec:\n  ri`);
  await option(page, "rig").click();
  await page.keyboard.type("ba");
  await option(page, "barque").click();
  await page.keyboard.press("Enter");
  await page.keyboard.type("mast");
  await option(page, "masts").waitFor();
  await page.getByText("How many masts she has.").waitFor();
});

test("kinds that the text itself defines complete before they are applied", async (t) => {
  const page = await openEditor(t);
  await after(page, `${SHIPS}---\n${ENDEAVOUR}spec:\n  ri`);
  await option(page, "rig").dispatchEvent("mousedown");
  await page.keyboard.type("b");
  await option(page, "brig").waitFor();
  await after(page, `${SHIPS}---\n${ENDEAVOUR}spec:\n  crew:\n  - rank: c`);
  await option(page, "captain").waitFor();
  await after(page, `${SHIPS}---\n${ENDEAVOUR}  lab`);
  await option(page, "labels").waitFor();
  await after(page, `${SHIPS}---\nkind: Sh`);
  await option(page, "Ship").waitFor();
  await paste(page, `${SHIPS}---\n${ENDEAVOUR}spec: {masts: 2}`);
  await page.keyboard.press("Home");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("F1");
  await page.locator(".explain").getByText("How many masts she has.").first().waitFor();
  // Of another text they are not.
  await after(page, "kind: Sh");
  await page.locator(".explain header").getByRole("button", { name: "Close" }).click();
  assert.equal(await option(page, "Ship").count(), 0);
});

test("a field says what it is, and can be walked into", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await content(page).getByText("replicas").hover();
  const card = page.locator(".card");
  await card.waitFor();
  assert.match(await card.innerText(), /replicas <integer>[\s\S]*Default 1[\s\S]*desired pods/);
  await screenshot(page, "hover");
  await card.getByRole("button", { name: "Explain" }).click();
  const panel = page.locator(".explain");
  await panel.getByText("kubectl explain deployments.spec.replicas").waitFor();
  await panel.getByRole("button", { name: "Deployment.spec" }).click();
  await panel.getByRole("button", { name: "↑ Deployment" }).waitFor();
  await panel.getByRole("button", { name: "template", exact: true }).click();
  await panel.getByRole("button", { name: "spec", exact: true }).click();
  await panel.getByRole("button", { name: "containers", exact: true }).click();
  await panel.getByText("kubectl explain deployments.spec.template.spec.containers").waitFor();
  await panel.getByRole("button", { name: "livenessProbe", exact: true }).waitFor();
  await screenshot(page, "explain");
  await panel.getByRole("button", { name: "Close" }).click();
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("F1");
  await panel.getByText("kubectl explain deployments.apiVersion").waitFor();
  // From a comment, the kind itself.
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("F1");
  await panel.getByText("kubectl explain deployments", { exact: true }).waitFor();
});

const FIXES = [
  ["a letter is missing", DEPLOYMENT.replace("replicas", "replica"), "Rename to replicas", DEPLOYMENT],
  ["no selector", DEPLOYMENT.replace(/  selector:\n.*\n.*\n/, ""), "Select the template's labels", DEPLOYMENT],
  ["a version of old", DEPLOYMENT.replace("apps/v1", "extensions/v1beta1"), "Set apiVersion: apps/v1", DEPLOYMENT],
  ["too far to the left", DEPLOYMENT.replace("        image", "      image"), "Move into spec.template.spec.containers", DEPLOYMENT],
  ["too far to the right", DEPLOYMENT.replace("  name: shop\nspec:\n  replicas: 2\n", "  name: shop\n  spec:\n    replicas: 2\n").replace(/^ {2}selector[\s\S]*$/m, ""),
    "Move into Deployment", DEPLOYMENT.replace(/^ {2}selector[\s\S]*$/m, "")],
  ["no YAML", DEPLOYMENT.replace("  name: shop\n", " name: shop\n   namespace: default\n"), "Indent by 1",
    DEPLOYMENT.replace("  name: shop\n", " name: shop\n namespace: default\n")],
  ["a tab", DEPLOYMENT.replace("  name: shop\n", "\tname: shop\n"), "Spaces instead of tabs", DEPLOYMENT],
  ["a full-width colon", DEPLOYMENT.replace("  name: shop\n", "  name：shop\n"), "Use YAML's own signs", DEPLOYMENT],
  ["a full-width space", DEPLOYMENT.replace("  replicas: 2", "\u3000replicas: 2"), "Use YAML's own signs", DEPLOYMENT],
  ["a value in other letters", DEPLOYMENT.replace("      containers", "      restartPolicy: always\n      containers"), "Use Always",
    DEPLOYMENT.replace("      containers", "      restartPolicy: Always\n      containers")],
  ["a number in quotes", DEPLOYMENT.replace("replicas: 2", 'replicas: "2"'), "Without quotes", DEPLOYMENT],
];

test("what is wrong is said while one types, and mended by a click", async (t) => {
  const page = await openEditor(t);
  for (const [what, wrong, fix, right] of FIXES) {
    await paste(page, wrong);
    const button = drawer(page).locator(".state").getByRole("button", { name: fix });
    await button.waitFor({ timeout: 5000 }).catch(async () => {
      throw new Error(`${what}: no "${fix}" in: ${await drawer(page).locator(".state").innerText()}`);
    });
    if (what === "no selector") await screenshot(page, "fix");
    await button.click();
    assert.equal(await text(page), right, what);
  }
  // The same by the pointer, where the fault is.
  await paste(page, DEPLOYMENT.replace("replicas", "replica"));
  await drawer(page).locator(".cm-lintRange-error").first().hover();
  await page.locator(".cm-diagnostic").getByRole("button", { name: "Rename to replicas" }).click();
  assert.equal(await text(page), DEPLOYMENT);
  // The words for it are not cut off.
  await paste(page, DEPLOYMENT.replace("replicas", "replica"));
  const says = drawer(page).locator(".state .link");
  await says.waitFor();
  const hidden = await says.evaluate((words) => [words.scrollWidth - words.clientWidth, words.scrollHeight - words.clientHeight]);
  assert.ok(hidden.every((pixels) => pixels <= 1), `${hidden} pixels of ${await says.innerText()} are hidden`);
  await paste(page, DEPLOYMENT);
  await drawer(page).getByText("deployment.apps/shop created").waitFor();
  await screenshot(page, "would");
});

test("in a narrow panel what is wrong and what mends it are read whole, and where one writes stays in sight", async (t) => {
  for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }]) {
    const page = await openEditor(t, { viewport });
    await paste(page, DEPLOYMENT);
    await content(page).press("Control+End");
    await page.keyboard.type("        imagePullPolcy: Always");
    await page.keyboard.press("Escape");
    const mend = drawer(page).locator(".state").getByRole("button", { name: "Rename to imagePullPolicy" });
    await mend.waitFor();
    const cut = await drawer(page).locator(".state button").evaluateAll((all) => all.filter((it) => it.scrollWidth > it.clientWidth + 1 || it.scrollHeight > it.clientHeight + 1).map((it) => it.textContent));
    assert.deepEqual(cut, [], `${viewport.width}`);
    const below = await content(page).evaluate((element) => {
      const view = element.cmTile?.view ?? element.cmView.view;
      return view.coordsAtPos(view.state.selection.main.head).bottom - view.scrollDOM.getBoundingClientRect().bottom;
    });
    assert.ok(below <= 0, `${viewport.width}: the cursor is ${below} pixels below`);
    await screenshot(page, `fault-${viewport.width}`);
  }
});
