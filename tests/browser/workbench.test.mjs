// The YAML panel as a workbench: text, files, what is beside it and what belongs together, typed and clicked as a person would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { content, DEPLOYMENT, drawer, drop, openEditor, paste, text } from "./editor.mjs";
import { hurry, root, screenshot } from "./harness.mjs";

const axe = readFileSync(`${root}/node_modules/axe-core/axe.min.js`, "utf8");

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
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("kind: Pod\r\napiVersion: v1");
  assert.equal(await text(page), "kind: Pod\napiVersion: v1");
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
  // Wherever it stands.
  const spread = "spec:\n  topologySpreadConstraints:\n  - maxSkew: 1\n    topologyKey: zone\n    whenUnsatisfiable: ScheduleAnyway\n    labelSelector:\n      matchLabels: {app: shop}\n";
  await paste(page, `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n${spread}`);
  await content(page).getByText("labelSelector").hover();
  await page.locator(".pod.unrelated", { hasText: "todo-api" }).first().waitFor();
  assert.equal(await page.locator(".pod.unrelated", { hasText: "shop" }).count(), 0);
  await page.mouse.move(5, 5);
  await page.locator(".pod.unrelated").first().waitFor({ state: "detached" });
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

  // In a List each item is an object of its own; what is nested in one is none.
  const item = (object, indent) => object.replace(/^#.*\n/, "").trim().split("\n").map((line, at) => `${at ? "  " : "- "}${line}`).map((line) => indent + line).join("\n");
  const other = "apiVersion: example.com/v1\nkind: Other\nmetadata:\n  name: other\nspec:\n  template:\n    spec:\n      replicas: 7";
  for (const indent of ["", "  "]) {
    await paste(page, `apiVersion: v1\nitems:\n${item(other, indent)}\n${item(DEPLOYMENT, indent)}\nkind: List\n`);
    await slider.waitFor();
    assert.equal(await slider.count(), 1, indent);
    await content(page).getByText("matchLabels").hover();
    await page.locator(".pod.unrelated", { hasText: "todo-api" }).first().waitFor();
    assert.equal(await page.locator(".pod.unrelated", { hasText: "shop" }).count(), 0);
    await page.locator(".pod[data-shape=ready]", { hasText: "shop" }).first().hover();
    await lit.filter({ hasText: "image: nginx" }).waitFor();
    assert.equal(await lit.filter({ hasText: "replicas" }).count(), 0);
  }
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByText("kubectl scale deployment/shop --replicas=1").waitFor();
});

test("the menu is seen whole, however narrow the panel is", async (t) => {
  for (const viewport of [{ width: 390, height: 844 }, { width: 1024, height: 768 }, { width: 1280, height: 800 }, { width: 1440, height: 900 }]) {
    for (const locale of ["en-US", "ja-JP"]) {
      const page = await openEditor(t, { viewport, locale });
      await drawer(page).locator("details.more summary").click();
      const items = drawer(page).locator("details.more button");
      await items.last().waitFor();
      const hidden = await items.evaluateAll((all) => all.filter((it) => {
        const { left, right, top, bottom } = it.getBoundingClientRect();
        return [left + 3, right - 3].some((x) => !it.contains(it.getRootNode().elementFromPoint(x, (top + bottom) / 2)));
      }).map((it) => it.textContent));
      assert.deepEqual(hidden, [], `${viewport.width} ${locale}`);
      await screenshot(page, `menu-${viewport.width}-${locale}`);
    }
  }
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
