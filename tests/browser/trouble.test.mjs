// What goes wrong where nobody broke anything: the headline says so, in plain words, until it is mended.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, hurry, openCluster, screenshot } from "./harness.mjs";

const deployment = (name, container, pod = "") =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  selector: {matchLabels: {app: ${name}}}\n  template:\n` +
  `    metadata: {labels: {app: ${name}}}\n    spec:\n${pod}      containers:\n      - {name: c, ${container}}\n`;
const CRASHES = 'image: busybox, command: [sh, -c, "sleep 2; exit 1"]';
const TROUBLES = [
  [deployment("imageless", 'image: "nginx:9.99"'), /^imageless does not start: its image/, /^imageless を起動できません。イメージ/],
  [deployment("crasher", CRASHES), /^crasher ends again and again/, /^crasher が起動しては終了/],
  [deployment("bare", "image: nginx, envFrom: [{configMapRef: {name: nowhere}}]"), /^bare does not start: a ConfigMap or Secret/, /^bare を起動できません。参照先/],
  [deployment("volumeless", "image: nginx", "      volumes: [{name: v, configMap: {name: nowhere}}]\n").replace("image: nginx", "image: nginx, volumeMounts: [{name: v, mountPath: /v}]"), /^volumeless does not start: a volume/, /^volumeless を起動できません。ボリューム/],
  [deployment("giant", 'image: nginx, resources: {requests: {cpu: "64"}}'), /^giant waits: no node can take it/, /^giant を置けるノードがなく/],
  [deployment("orphan", "image: nginx", "      serviceAccountName: nobody\n"), /^Pods of orphan are refused/, /^orphan のPodの作成が拒否/],
];

const headline = (page) => page.locator("h1");
const kubectl = (page, words) => ask(page, { command: { id: 901, command: { kubectl: words } } });
const says = (page, hasText) => headline(page).filter({ hasText }).waitFor({ timeout: 60_000 });

test("the headline says what is wrong, in both languages, and that all is well once it is mended", async (t) => {
  const page = await openCluster(t);
  const good = await headline(page).textContent();
  await hurry(page);
  const other = page.getByRole("button", { name: /^(日本語|English)$/ });
  for (const [yaml, english, japanese] of TROUBLES) {
    await ask(page, { command: { id: 900, command: { apply: yaml } } });
    await says(page, english);
    await other.click();
    await says(page, japanese);
    await other.click();
    await kubectl(page, `delete deployment ${yaml.match(/name: (\w+)/)[1]}`);
    await says(page, good);
  }
});

test("a pod that crashes is in trouble also while it runs, and others are counted", async (t) => {
  const page = await openCluster(t, { viewport: { width: 390, height: 844 } });
  await hurry(page);
  await ask(page, { command: { id: 900, command: { apply: TROUBLES[1][0] } } });
  await says(page, TROUBLES[1][1]);
  await page.evaluate(() => {
    const title = document.querySelector("h1");
    window.told = new Set();
    new MutationObserver(() => window.told.add(title.textContent)).observe(title, { subtree: true, childList: true, characterData: true });
  });
  await page.locator(".pod[data-shape=failing]").filter({ hasText: "↻3" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(await page.evaluate(() => [...window.told]), []);
  await ask(page, { command: { id: 902, command: { apply: TROUBLES[4][0] } } });
  await says(page, /^crasher ends again and again.*And 1 more/);
  await screenshot(page, "phone-trouble");
  // With a program that goes on it is mended.
  await ask(page, { command: { id: 903, command: { apply: TROUBLES[1][0].replace("exit 1", "sleep 9000") } } });
  await says(page, TROUBLES[4][1]);
});
