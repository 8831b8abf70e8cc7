// The YAML panel as a workbench: completion, hover, fixes, files, typed and clicked as a person would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BODIES } from "../../frontend/js/workbench/templates.js";
import { after, content, DEPLOYMENT, drawer, drop, openEditor, option, paste, text } from "./editor.mjs";
import { hurry, root, screenshot } from "./harness.mjs";
import { REAL_CLUSTER } from "./real-cluster.mjs";

const axe = readFileSync(`${root}/node_modules/axe-core/axe.min.js`, "utf8");

test("keys, values, kinds and names complete from what the cluster serves", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await page.keyboard.type("        imagePull");
  await option(page, "imagePullPolicy").waitFor();
  await screenshot(page, "complete");
  await page.keyboard.press("Enter");
  await page.keyboard.type("A");
  await option(page, "Always").click();
  assert.match(await text(page), /\n {8}imagePullPolicy: Always$/);

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

test("what is selected is typed over, or put into brackets", async (t) => {
  const page = await openEditor(t);
  await content(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("kind");
  assert.equal(await text(page), "kind");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("[");
  assert.equal(await text(page), "[kind]");
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+z");
  assert.match(await text(page), /^# Three copies/);
});

test("several places are typed at, and found in the reader's language", async (t) => {
  const page = await openEditor(t, { locale: "ja-JP" });
  await paste(page, "a: 1\nb: 1\n");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Control+Alt+ArrowDown");
  await page.keyboard.type("xy");
  assert.equal(await text(page), "xya: 1\nxyb: 1\n");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+f");
  await drawer(page).getByRole("button", { name: "すべて置換" }).waitFor();
  await screenshot(page, "search");
  // Whoever chooses another language finds in that.
  await page.getByRole("button", { name: "English" }).click();
  await content(page).click();
  await page.keyboard.press("Control+f");
  await drawer(page).getByRole("button", { name: "replace all" }).waitFor();
});

test("formatting keeps comments and order", async (t) => {
  const page = await openEditor(t);
  await paste(page, "# first\nkind:   ConfigMap\napiVersion: v1   # second\ndata:\n    b: '1'\n    a: \"2\"\nmetadata:\n      name: x\n---\n# third\nkind: List\napiVersion: v1\nitems:\n  - {kind: Secret}\n");
  await drawer(page).getByRole("button", { name: "Format" }).click();
  assert.equal(await text(page), "# first\nkind: ConfigMap\napiVersion: v1 # second\ndata:\n  b: '1'\n  a: \"2\"\nmetadata:\n  name: x\n---\n# third\nkind: List\napiVersion: v1\nitems:\n- {kind: Secret}\n");
  await page.keyboard.press("Control+z");
  assert.match(await text(page), /^# first\nkind: {3}ConfigMap/);
  for (const [before, after] of [
    ["a:   1\n# last\n", "a: 1\n# last\n"],
    ["a:   1\n\n# apart\n", "a: 1\n\n# apart\n"],
    ["# only words\n", "# only words\n"],
    ["a: |+\n  kept\n\n# last\n", "a: |+\n  kept\n\n# last\n"],
    // Nobody's numbers, quotes and paragraphs are written in another way.
    ["a:   0644\nb: 010\nc: 12345678901234567890\nd: 1e3\ne: +5\nf: yes\ng: ~\nh: \"\\u2028\"\n", "a: 0644\nb: 010\nc: 12345678901234567890\nd: 1e3\ne: +5\nf: yes\ng: ~\nh: \"\\u2028\"\n"],
    ["a:\n    - >-\n        one\n        two\n\n        three\n    - b: >\n          four\n           five\n", "a:\n- >-\n  one\n  two\n\n  three\n- b: >\n    four\n     five\n"],
    ["a:   1\n---\n# none\n---\nb: 2\n", "a: 1\n---\n# none\n---\nb: 2\n"],
  ]) {
    await paste(page, before);
    await drawer(page).getByRole("button", { name: "Format" }).click();
    assert.equal(await text(page), after);
  }
  for (const wrong of ["name: {{ .Release.Name }}\n", "a: *nothing\n"]) {
    await paste(page, wrong);
    await drawer(page).getByRole("button", { name: "Format" }).click();
    await drawer(page).getByText("Not formatted").waitFor();
    assert.equal(await text(page), wrong);
  }
});

test("several files are open at once; what is closed comes back", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await drawer(page).getByRole("button", { name: "New file" }).click();
  await page.keyboard.type("kind: Service");
  await page.keyboard.press("Escape");
  await drawer(page).locator(".pick", { hasText: "editor-2.yaml" }).dblclick();
  await drawer(page).getByLabel("Name of the file").fill("web.yaml");
  await page.keyboard.press("Enter");
  await drawer(page).locator(".pick", { hasText: "web.yaml" }).waitFor();
  await drawer(page).locator(".pick", { hasText: "editor.yaml" }).click();
  assert.equal(await text(page), DEPLOYMENT);
  await screenshot(page, "files");
  // How applying went is told beside the file that was applied.
  await drawer(page).getByRole("button", { name: "Apply" }).click();
  const outcome = drawer(page).locator(".outcome").getByText("deployment.apps/shop created");
  await outcome.waitFor();
  await drawer(page).locator(".pick", { hasText: "web.yaml" }).click();
  await outcome.waitFor({ state: "detached" });
  await drawer(page).locator(".pick", { hasText: "editor.yaml" }).click();
  await drawer(page).locator(".pick", { hasText: "web.yaml" }).click();
  await drawer(page).getByRole("button", { name: "Close this file" }).nth(1).click();
  await drawer(page).getByText("web.yaml is closed.").waitFor();
  await drawer(page).getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(page), "kind: Service");
  // The terminal knows them all.
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.locator(".xterm").waitFor();
  await page.keyboard.type("ls\n");
  await page.locator(".xterm-rows").getByText("web.yaml").first().waitFor();
});

test("what applying would change is shown beside, and the cluster's own YAML with who wrote it", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await page.keyboard.press("Control+Enter");
  await drawer(page).locator(".outcome").getByText("deployment.apps/shop created").waitFor();
  await drawer(page).getByRole("button", { name: "Compare" }).click();
  const dialog = page.locator("dialog");
  await dialog.getByText("Applying would change nothing.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();

  await paste(page, DEPLOYMENT.replace("replicas: 2", "replicas: 5").replace("image: nginx", "image: nginx:1.27"));
  await drawer(page).getByRole("button", { name: "Compare" }).click();
  await dialog.locator(".cm-merge-a").getByText("replicas: 2").waitFor();
  await dialog.locator(".cm-merge-b").getByText("replicas: 5").waitFor();
  await dialog.locator(".cm-merge-b .cm-changedLine").nth(1).waitFor();
  await dialog.getByText("kubectl diff -f editor.yaml").waitFor();
  await screenshot(page, "compare");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await drawer(page).locator(".outcome").getByText("deployment.apps/shop configured").waitFor();

  // What somebody wrote by another way is nobody's default.
  await page.evaluate(() => new Promise((resolve) => {
    window.kubarium.engine.addEventListener("message", ({ data }) => `${data}`.startsWith('{"outcome":{"id":901') && resolve());
    window.kubarium.engine.postMessage(JSON.stringify({ command: { id: 901, command: { kubectl: "label deployment shop tier=front" } } }));
  }));
  await drawer(page).getByRole("button", { name: "In the cluster" }).click();
  const line = (text) => dialog.locator(".pair > div:nth-child(2) .cm-line", { hasText: text }).first();
  await line("progressDeadlineSeconds").waitFor();
  assert.match(await line("progressDeadlineSeconds").getAttribute("class"), /cm-defaulted/);
  assert.doesNotMatch(await line("replicas: 5").getAttribute("class"), /cm-defaulted|cm-managed/);
  assert.doesNotMatch(await line("tier: front").getAttribute("class"), /cm-defaulted|cm-managed/);
  await screenshot(page, "live-yaml");
  await dialog.locator(".pair > div:nth-child(2) .cm-scroller").evaluate((element) => (element.scrollTop = element.scrollHeight));
  await line("status:").waitFor();
  assert.equal(await line("status:").getAttribute("data-manager"), "kube-controller-manager");
});

test("selector and pods, pod and template, replicas and slider belong together", async (t) => {
  const page = await openEditor(t);
  await hurry(page);
  await paste(page, DEPLOYMENT);
  await page.keyboard.press("Control+Enter");
  await page.locator(".pod[data-shape=ready]", { hasText: "shop" }).nth(1).waitFor({ timeout: 60_000 });
  // The pods of others step back.
  await content(page).getByText("matchLabels").hover();
  await page.locator(".pod.unrelated", { hasText: "todo-api" }).first().waitFor();
  assert.equal(await page.locator(".pod.unrelated", { hasText: "shop" }).count(), 0);
  await screenshot(page, "selector");
  await page.mouse.move(5, 5);
  await page.locator(".pod.unrelated").first().waitFor({ state: "detached" });
  // In braces, by expressions, and in another namespace.
  const policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: default}\nspec:\n  podSelector: {matchExpressions: [{key: app, operator: In, values: [shop, none]}]}\n";
  await paste(page, policy);
  await content(page).getByText("podSelector").hover();
  await page.locator(".pod.unrelated", { hasText: "todo-api" }).first().waitFor();
  assert.equal(await page.locator(".pod.unrelated", { hasText: "shop" }).count(), 0);
  await paste(page, policy.replace("default}", "elsewhere}"));
  await content(page).getByText("podSelector").hover();
  await page.locator(".pod.unrelated", { hasText: "shop" }).first().waitFor();
  await page.mouse.move(5, 5);
  await paste(page, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  replicas: 3\n");
  assert.equal(await drawer(page).getByLabel("Number of replicas").count(), 0);
  await paste(page, DEPLOYMENT);

  await page.locator(".pod[data-shape=ready]", { hasText: "shop" }).first().hover();
  const lit = drawer(page).locator(".cm-lit");
  await lit.filter({ hasText: "image: nginx" }).waitFor();
  assert.equal(await lit.filter({ hasText: "replicas" }).count(), 0);
  await screenshot(page, "template");
  // What is told of the pod stands where the text was: from there it is one click back to its lines.
  await page.locator(".pod[data-shape=ready]", { hasText: "shop" }).first().click();
  await drawer(page).getByRole("button", { name: "Its lines in your YAML" }).click();
  await lit.filter({ hasText: "image: nginx" }).waitFor();
  await page.locator(".pod[data-shape=ready]", { hasText: "todo-api" }).first().click();
  await drawer(page).getByRole("heading", { name: /todo-api-/ }).waitFor();
  assert.equal(await drawer(page).getByRole("button", { name: "Its lines in your YAML" }).count(), 0);
  await page.getByRole("button", { name: "YAML" }).click();

  const slider = drawer(page).getByLabel("Number of replicas");
  // What is hidden takes no focus, and a panel is shown a paint after its tab was pressed.
  await slider.waitFor();
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await text(page), /replicas: 3/);
  await page.locator(".pod", { hasText: "shop" }).nth(2).waitFor({ timeout: 60_000 });
  await page.getByText("kubectl scale deployment/shop --replicas=3").waitFor();
  // However far it is dragged, one step takes it back.
  const { x, y, width, height } = await slider.boundingBox();
  await page.mouse.move(x + (width * 3) / 20, y + height / 2);
  await page.mouse.down();
  for (const part of [6, 9, 12]) await page.mouse.move(x + (width * part) / 20, y + height / 2);
  await page.mouse.up();
  assert.doesNotMatch(await text(page), /replicas: 3\n/);
  await content(page).press("Control+z");
  assert.match(await text(page), /replicas: 3\n/);
});

test("what the mouse does has a command", async (t) => {
  const page = await openEditor(t);
  const doing = page.locator(".doing");
  await page.locator(".pod[data-shape=ready]").first().click();
  await doing.getByText(/^kubectl describe pod todo-api-/).waitFor();
  assert.match(await doing.innerText(), /^The same:\s+kubectl describe pod \S+\s+Copy\s+×$/);
  await page.getByRole("button", { name: "Delete" }).click();
  await doing.getByText(/^kubectl delete pod todo-api-/).waitFor();
  await screenshot(page, "command");
  // What was deleted comes back: the very same pod, for the cluster goes on from before.
  const [end] = (await doing.locator("code").innerText()).match(/\w+$/);
  const same = page.locator(".pod[data-shape=ready]", { hasText: end });
  await same.waitFor({ state: "detached" });
  await doing.getByRole("button", { name: "Undo" }).click();
  await same.waitFor();
  await page.locator(".node[data-place='node/node-1']").getByRole("switch").click();
  await doing.getByText("no kubectl command does this").waitFor();
});

test("files come in by dropping; what is no text is refused, and nothing is lost", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await drop(page, "big.yaml", 5 << 20);
  await drawer(page).getByText("big.yaml has 5.0 MB. Up to 3 MB can be opened.").waitFor();
  await drop(page, "program", [0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff]);
  await drawer(page).getByText("program is no text.").waitFor();
  await drop(page, "latin.yaml", [0x61, 0x3a, 0x20, 0xe4, 0x0a]);
  await drawer(page).getByText("latin.yaml is no UTF-8 text").waitFor();
  assert.equal(await text(page), DEPLOYMENT);
  // Each level doubles nine times: nobody unfolds that.
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]", ..."bcdefghi".split("").map((name, index) => {
    const before = "abcdefghi"[index];
    return `${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`;
  })].join("\n");
  await drop(page, "bomb.yaml", bomb);
  await drawer(page).locator(".pick", { hasText: "bomb.yaml" }).waitFor();
  await drawer(page).locator(".state .bad").waitFor();
  // Nor does anybody read what is nested so deeply.
  for (const open of ["[", "{a: ", "- "]) {
    await drop(page, "deep.yaml", `a:\n  ${open.repeat(50_000)}`);
    await drawer(page).locator(".state").getByText("nested too deeply").waitFor();
    await drawer(page).getByRole("button", { name: "Format" }).click();
    await drawer(page).getByText("Not formatted").waitFor();
    await drawer(page).getByRole("button", { name: "In the cluster" }).click();
    await page.keyboard.press("Escape");
    await paste(page, DEPLOYMENT);
    await drawer(page).getByText("deployment.apps/shop created").waitFor();
    await drawer(page).locator(".cm-line span[class]", { hasText: "kind" }).first().waitFor();
  }
  await drop(page, "latin.yaml", [0x61, 0x3a, 0x20, 0xe4, 0x0a]);
  const refusal = drawer(page).getByText("latin.yaml is no UTF-8 text");
  await refusal.waitFor();
  for (const name of ["a", "b", "c", "d", "e", "f"]) await drop(page, `a-rather-long-name-${name}.yaml`, `# ${name}\n`);
  await drawer(page).locator(".file", { hasText: "a-rather-long-name" }).nth(5).waitFor();
  // What was dropped last is on the screen, its tab as well; what was refused is no longer spoken of.
  await drawer(page).locator(".file[data-open]", { hasText: "a-rather-long-name" }).evaluate((tab) => {
    const [own, bar] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
    if (bar.width >= tab.parentElement.scrollWidth) throw new Error("all tabs fit");
    if (own.left < bar.left - 1 || own.right > bar.right + 1) throw new Error(`the tab is at ${own.left} to ${own.right} of ${bar.right}`);
  });
  await refusal.waitFor({ state: "detached" });
  await drop(page, "shop.yaml", "---\n# Source: shop/templates/web.yaml\napiVersion: v1\r\nkind: List\r\nitems:\r\n- apiVersion: v1\r\n  kind: ConfigMap\r\n  metadata: {name: x}\r\n");
  await drawer(page).locator(".pick", { hasText: "shop.yaml" }).waitFor();
  await drawer(page).getByText("configmap/x created").waitFor();
});

test("what applying would do is told of the cluster as it is now", async (t) => {
  const page = await openEditor(t);
  const state = drawer(page).locator(".state");
  const says = (what) => state.getByText(`deployment.apps/todo-api ${what}`).waitFor();
  const tab = (name) => page.getByRole("button", { name, exact: true }).click();
  await says("unchanged");
  await tab("Terminal");
  await page.locator(".terminal-host").click();
  await page.keyboard.type("k delete deploy todo-api\n");
  await page.locator(".xterm-rows").getByText('deployment.apps "todo-api" deleted').first().waitFor();
  await tab("YAML");
  await says("created");
  await drawer(page).getByRole("button", { name: "Apply", exact: true }).click();
  await says("unchanged");
  await content(page).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("# mine\n");
  await drawer(page).getByRole("button", { name: "Open", exact: true }).click();
  await state.getByText("pod/hello unchanged").waitFor();
  await drawer(page).locator(".pick", { hasText: "editor.yaml" }).click();
  await says("created");
  await page.getByRole("button", { name: "Undo" }).filter({ visible: true }).click();
  await says("unchanged");
  // Of a large text it is not known so soon.
  const sent = page.evaluate((state) => new Promise((resolve) => {
    const watch = new MutationObserver(() => resolve(state.textContent));
    watch.observe(state, { childList: true });
  }), await state.elementHandle());
  await drop(page, "large.yaml", `# large\n${"# x\n".repeat(100_000)}`);
  assert.equal(await sent, "");
});

const MINE = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: worker-a, uid: 1, resourceVersion: "7", labels: {kubernetes.io/hostname: worker-a, topology.kubernetes.io/zone: z1, disk: ssd}}
  spec: {podCIDR: 10.0.0.0/24, taints: [{key: gpu, value: "yes", effect: PreferNoSchedule}]}
  status: {capacity: {cpu: "8", memory: 32Gi, pods: "50", nvidia.com/gpu: "4"}, allocatable: {cpu: 7500m, memory: 30Gi, pods: "50", nvidia.com/gpu: "4"}}
- apiVersion: v1
  kind: Namespace
  metadata: {name: shop, uid: 2}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop, uid: 3, generation: 4, creationTimestamp: "2024-01-01T00:00:00Z", annotations: {deployment.kubernetes.io/revision: "3", note: "yes"}}
  spec:
    replicas: 2
    selector: {matchLabels: {app: web}}
    template: {metadata: {labels: {app: web, "on": "on"}}, spec: {containers: [{name: web, image: nginx, env: [{name: DEBUG, value: "off"}]}]}}
  status: {replicas: 2}
- apiVersion: v1
  kind: Secret
  metadata: {name: password, namespace: shop}
  data: {password: c2VjcmV0}
- apiVersion: v1
  kind: Secret
  metadata: {name: pull, namespace: shop}
  type: kubernetes.io/dockerconfigjson
  data: {.dockerconfigjson: eyJhdXRocyI6e319}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: words, namespace: shop}
  data: {a: "yes", b: "1_000", c: "0b1", d: "0x1F", e: "null", f: "012", g: "1:30"}
- kind: Node
  apiVersion: v1
  status: {capacity: {cpu: "1"}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1, namespace: shop, ownerReferences: [{kind: ReplicaSet, name: web, uid: 9, controller: true, apiVersion: apps/v1}]}
  spec: {containers: [{name: web, image: nginx}]}
`;

test("the output of a real cluster becomes a cluster; what is in it can be taken out again", async (t) => {
  const page = await openEditor(t);
  await drop(page, "mine.yaml", MINE);
  await drawer(page).getByText("This comes from a real cluster: 1 nodes, 5 objects.").waitFor();
  await drawer(page).getByRole("button", { name: "Open it" }).click();
  await page.locator(".node[data-place='node/worker-a'][data-state=ready]").waitFor();
  await page.locator(".pod[data-shape=ready]", { hasText: "web" }).nth(1).waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".node").count(), 1);

  await drawer(page).getByText("More", { exact: true }).click();
  await screenshot(page, "more");
  const [download] = await Promise.all([
    page.waitForEvent("download"), drawer(page).getByRole("button", { name: "Save the cluster as manifests" }).click(),
  ]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const saved = Buffer.concat(chunks).toString();
  assert.match(saved, /kind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n/);
  assert.match(saved, /password: ""/);
  // To kubectl these are texts only in quotes.
  for (const quoted of ['note: "yes"', '"on": "on"', 'value: "off"', 'a: "yes"', 'b: "1_000"', 'c: "0b1"', 'd: "0x1F"', 'e: "null"', 'f: "012"', 'g: "1:30"']) {
    assert.ok(saved.includes(quoted), `${quoted} is not in\n${saved}`);
  }
  assert.match(saved, /\.dockerconfigjson: e30=/);
  assert.doesNotMatch(saved, /uid|resourceVersion|managedFields|status:|c2VjcmV0|clusterIP/);

  // It can be undone: the cluster before is there again.
  await page.locator(".doing").getByRole("button", { name: "Undo" }).click();
  await page.locator(".node[data-place='node/node-2']").waitFor();

  // Of clouds' clusters, what pods refer to is in no such output: they run all the same, and a node can be drained.
  await drop(page, "clouds.yaml", REAL_CLUSTER);
  await drawer(page).getByText("9 nodes, 28 objects.").waitFor();
  await drawer(page).getByText("16 more that these refer to").waitFor();
  await drawer(page).getByRole("button", { name: "Open it" }).click();
  await page.locator(".node").nth(8).waitFor();
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.locator(".xterm").waitFor();
  const rows = page.locator(".xterm-rows");
  await page.keyboard.type("clear; k get pods -A --no-headers | grep -c Running\n");
  await rows.getByText(/^23$/).waitFor();
  await page.keyboard.type("clear; k get nodes | grep -c SchedulingDisabled\n");
  await rows.getByText(/^1$/).waitFor();
  await page.keyboard.type("clear; k drain ip-10-0-10-37.eu-central-1.compute.internal --ignore-daemonsets\n");
  await rows.getByText("drained").waitFor();
  await rows.getByText("evicted").first().waitFor();
});

test("what a cluster that is opened brings, and the API server refuses, is said", async (t) => {
  const page = await openEditor(t);
  await drop(page, "half.yaml", `apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: half}
spec:
  cluster: {nodes: [{count: 1}]}
  opening: 20s
  steps:
  - at: 5s
    apply: |
      {apiVersion: v1, kind: ConfigMap, metadata: {name: taken}}
      ---
      {apiVersion: v1, kind: ConfigMap, metadata: {name: Not-Taken}}
`);
  await drawer(page).getByRole("button", { name: "Open it" }).click();
  await drawer(page).getByText('Refused of its objects: 1. The first: The ConfigMap "Not-Taken" is invalid').waitFor();
  // What is no cluster takes nothing away.
  await drop(page, "none.yaml", "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: none}\nspec: {cluster: {nodes: [{count: 100000000}]}}\n");
  await drawer(page).getByRole("button", { name: "Open it" }).last().click();
  await page.getByRole("alert").getByText("Your cluster is as it was.").waitFor();
  assert.equal(await page.locator(".node").count(), 1);
});

test("nothing that axe knows is wrong with editor, menu and windows, light or dark", async (t) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await openEditor(t, { colorScheme });
    await page.evaluate(axe);
    const look = async (what) => {
      const { violations } = await page.evaluate(() => window.axe.run(document.querySelector(".drawer")));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], what);
    };
    await drawer(page).locator(".state b").waitFor();
    await look("editor");
    await content(page).click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("F1");
    await page.locator(".explain h3").waitFor();
    await look("explanation");
    await drawer(page).getByText("More", { exact: true }).click();
    await look("menu");
    await page.keyboard.press("Escape");
    await drawer(page).getByRole("button", { name: "In the cluster" }).click();
    await page.locator("dialog .pair > div:nth-child(2) .cm-line").first().waitFor();
    await look("live");
    await page.locator("dialog").getByRole("button", { name: "Close" }).click();
    await drawer(page).getByRole("button", { name: "Compare" }).click();
    await page.locator("dialog .cm-line, dialog .empty").first().waitFor();
    await look("compare");
  }
});
