// What comes into the editor from outside: files that are dropped, the output of a real cluster, whole clusters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPLOYMENT, drawer, drop, openEditor, paste, text } from "./editor.mjs";
import { manifests } from "../../frontend/js/workbench/objects.js";
import { screenshot } from "./harness.mjs";
import { REAL_CLUSTER } from "./real-cluster.mjs";

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

test("what people wrote comes out again where the server would have set something itself", () => {
  const written = (object) => ({ ...object, metadata: { ...object.metadata, uid: "1", annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(object) } } });
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" }, spec: { type: "NodePort", internalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }, { name: "b", port: 81 }] } };
  const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "data", namespace: "shop" }, spec: { volumeName: "disk", storageClassName: "" } };
  const volume = { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "disk" }, spec: { claimRef: { namespace: "shop", name: "data" } } };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "there", namespace: "shop" }, spec: { nodeName: "node-1", containers: [{ name: "c" }] } };
  const live = [written(service), written(claim), written(volume), written(pod)];
  live[0].spec = { ...service.spec, clusterIP: "10.96.0.9", ports: [service.spec.ports[0], { name: "b", port: 81, nodePort: 31999 }] };
  live[2].spec = { claimRef: { ...volume.spec.claimRef, uid: "7", resourceVersion: "9" } };
  const text = manifests(live);
  for (const kept of ["nodePort: 30080", "internalTrafficPolicy: Local", "volumeName: disk", "claimRef:\n    namespace: shop\n    name: data\n", "nodeName: node-1"]) assert.ok(text.includes(kept), `${kept} is not in\n${text}`);
  assert.doesNotMatch(text, /31999|clusterIP|uid|resourceVersion|last-applied/);
  // What nobody wrote is the server's.
  assert.doesNotMatch(manifests(live.map(({ metadata: { name, namespace }, ...rest }) => ({ ...rest, metadata: { name, namespace } }))), /nodePort|volumeName|claimRef|nodeName/);
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
