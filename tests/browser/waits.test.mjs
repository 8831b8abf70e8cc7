// Every "nothing happens" has its name and a countdown, and what came of it is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

const LONG_MS = 60_000;
const BUDGET = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all-three}, spec: {minAvailable: 3, selector: {matchLabels: {app: todo-api}}}}";
const pod = (name, more, spec = "") => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {${spec}containers: [{name: c, image: nginx${more}}]}}`;
const app = (name, replicas, spec = "") => `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ${name}}, spec: {replicas: ${replicas}, selector: {matchLabels: {app: ${name}}}, template: {metadata: {labels: {app: ${name}}}, spec: {${spec}containers: [{name: c, image: nginx, resources: {requests: {cpu: 3}}}]}}}}`;

async function openCluster(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod.serving").nth(2).waitFor();
  return page;
}

const ask = (page, request) => page.evaluate((text) => window.kubarium.engine.postMessage(text), JSON.stringify(request));
const apply = (page, yaml) => ask(page, { command: { id: 900, command: { apply: yaml } } });
const wait = (page, name) => page.locator(".story .wait").filter({ hasText: name }).first();
const caption = (page, text) => page.locator(".captions").getByText(text);

test("a drain that a disruption budget holds up says so, and when it gives up", async (t) => {
  const page = await openCluster(t);
  await apply(page, BUDGET);
  await page.getByRole("button", { name: "Break node-1" }).click();
  await page.getByRole("menu").locator("[role^=menuitem]").filter({ hasText: "Drain" }).click();
  const held = wait(page, "PodDisruptionBudget");
  await held.waitFor();
  assert.match(await held.innerText(), /all-three[^]*\d+ s left/);
  assert.match(await held.locator(".wait-name").getAttribute("title"), /asks again every five seconds/);
  await caption(page, "PodDisruptionBudget all-three lets no pod go: 3 have to be healthy, 3 are.").waitFor();
  const over = wait(page, "kubectl drain --timeout");
  assert.match(await over.innerText(), /node-1[^]*\d+ (s|min) left/);
  assert.match(await over.locator(".wait-name").getAttribute("title"), /stays cordoned/);
  await screenshot(page, "drain-held-up");
  await page.locator(".time select").selectOption("20000");
  await caption(page, /^kubectl drain node-1 gave up: .*global timeout reached: 1m0s/).waitFor({ timeout: LONG_MS });
  await held.waitFor({ state: "detached" });
  await over.waitFor({ state: "detached" });
});

for (const [what, yaml, name, says] of [
  ["a volume whose ConfigMap is missing", pod("files", "", "volumes: [{name: v, configMap: {name: none}}], "), "FailedMount", "in the end every two minutes"],
  ["a container whose Secret is missing", pod("env", ", envFrom: [{secretRef: {name: none}}]"), "CreateContainerConfigError", "looked for again"],
  ["a container that does not come up", pod("slow", ", startupProbe: {failureThreshold: 20, tcpSocket: {port: 81}}"), "startupProbe", "started again"],
  ["a container that does not answer", pod("silent", ", livenessProbe: {tcpSocket: {port: 81}}"), "livenessProbe", "started again"],
]) {
  test(`${what} is counted down to the next step`, async (t) => {
    const page = await openCluster(t);
    await page.locator(".time select").selectOption("5000");
    await apply(page, yaml);
    const card = wait(page, name);
    await card.waitFor({ timeout: LONG_MS });
    assert.ok((await card.locator(".wait-name").getAttribute("title")).includes(says));
    // What is skipped is over.
    const clock = () => page.locator(".clock b").innerText();
    const before = await clock();
    await card.getByRole("button", { name: "Skip" }).click();
    await page.waitForFunction((before) => document.querySelector(".clock b").innerText !== before, before);
  });
}

test("who has to make room is told, and for whom; its chain of causes says it, too", async (t) => {
  const page = await openCluster(t);
  await page.locator(".time select").selectOption("20000");
  await apply(page, app("low", 3, "terminationGracePeriodSeconds: 600, "));
  await page.locator(".pod[data-shape=ready]").nth(5).waitFor({ timeout: LONG_MS });
  await page.locator(".time select").selectOption("100");
  // The pace changes gently.
  await page.waitForFunction(() => document.querySelector(".clock small").innerText === "0.1×");
  await apply(page, `{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}\n---\n${app("high", 1, "priorityClassName: high, ")}`);
  await caption(page, /^low-\S+ has to make room on node-\d for high-\S+, which has a higher priority/).waitFor({ timeout: LONG_MS });
  await page.locator(".pod[data-shape=terminating]").first().click();
  await page.locator(".hop b").getByText(/^low-\S+ has to make room for high-/).waitFor();
  await screenshot(page, "preempted");
});

test("the pods of a Job that failed tell why there is another one, and the Job why there is none", async (t) => {
  const page = await openCluster(t);
  await page.locator(".time select").selectOption("20000");
  await apply(page, "{apiVersion: batch/v1, kind: Job, metadata: {name: bad}, spec: {backoffLimit: 1, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['false']}]}}}}");
  await page.locator(".pod[title^='bad-']").nth(1).waitFor({ timeout: LONG_MS });
  await page.locator(".chip").filter({ hasText: "bad" }).click();
  await page.locator(".hop b").getByText("bad has failed.").waitFor({ timeout: LONG_MS });
  await screenshot(page, "job-failed");
});
