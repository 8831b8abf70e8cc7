// Links: those of every version open for ever, and they are short.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import lz from "lz-string";
import { openPage, root, startServer } from "./harness.mjs";

/** One link of every version of the format, and the app that its pods belong to. None of these ever changes. */
const LINKS = [
  ["1", "1.SjjZo3N21E6zTEw0SLOwBJUm1MuG4LwHyWsG2PKasgJoICcVmC4KMlOLFfLTFEoyUkHBqANsExSUKCQCa2WQAr2YPKDSokqFfKB8ETzf6CjkF0FbMMCUZ6igAWqhKCSDKrDUYk09SnqNQz-3DqaMinusytTQCJRRkZN-bG0tAA", "todo-api"],
];

const MANIFEST = `${root}/public/examples/deployment.yaml`;
const scenario = (apply) => JSON.stringify({
  apiVersion: "kubarium.dev/v1alpha1", kind: "Scenario", spec: { cluster: { nodes: [{ count: 3 }] }, steps: [{ at: "0s", apply }] },
});

/** The link to the cluster of a scenario as it begins, by a worker of its own. */
const linkOf = (page, text) => page.evaluate(async (text) => {
  const engine = new Worker(document.documentElement.innerHTML.match(/worker(-\w+)?\.js/)[0]);
  const link = await new Promise((resolve, reject) => {
    engine.onerror = ({ message }) => reject(new Error(message));
    engine.onmessage = ({ data }) => {
      const reply = JSON.parse(data);
      if (reply.badLink) reject(new Error(reply.badLink.reason));
      if (reply.link !== undefined) resolve(reply.link);
    };
    for (const request of [{ open: { scenario: text } }, { pace: "pause" }, "share"]) engine.postMessage(JSON.stringify(request));
  });
  engine.terminate();
  return link;
}, text);

/** A shop of ten services, each with five objects of its own. */
const SHOP = ["cart", "checkout", "catalog", "payments", "shipping", "recommend", "ads", "currency", "email", "frontend"];
const objectsOf = (app, index) => [`apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${app}
  labels:
    app: ${app}
spec:
  replicas: ${1 + (index % 4)}
  selector:
    matchLabels:
      app: ${app}
  template:
    metadata:
      labels:
        app: ${app}
    spec:
      containers:
      - name: ${app}
        image: shop/${app}:v1.${index}
        ports:
        - containerPort: ${8000 + 37 * index}
        resources:
          requests:
            cpu: ${100 + 50 * index}m
            memory: ${64 + 16 * index}Mi
        readinessProbe:
          httpGet:
            path: /healthz
            port: ${8000 + 37 * index}
`, `apiVersion: v1
kind: Service
metadata:
  name: ${app}
spec:
  selector:
    app: ${app}
  ports:
  - port: 80
    targetPort: ${8000 + 37 * index}
`, `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${app}-config
data:
  LOG_LEVEL: info
  PEER: http://${SHOP[(index + 1) % SHOP.length]}
`, `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${app}
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app: ${app}
`, `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${app}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${app}
  minReplicas: ${1 + (index % 4)}
  maxReplicas: ${5 + index}
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: ${50 + 3 * index}
`];

test("a link of every version opens", async (t) => {
  const server = await startServer(t);
  for (const [version, link, app] of LINKS) {
    assert.ok(link.startsWith(`${version}.`));
    const page = await openPage(t, `${server.url}/#${link}`);
    await page.locator(".pod", { hasText: app }).first().waitFor();
    assert.equal(await page.getByText("That link did not open").count(), 0);
  }
});

test("a link that is cut in half, or from the future, says so; the page lives", async (t) => {
  const server = await startServer(t);
  const [, link] = LINKS[0];
  for (const [fragment, says] of [[link.slice(0, link.length / 2), /incomplete or was changed/], [`99${link.slice(1)}`, /made by a newer version/]]) {
    const page = await openPage(t, `${server.url}/#${fragment}`);
    await page.getByText(says).waitFor();
    await page.locator(".node[data-state=ready]").nth(2).waitFor();
  }
  const page = await openPage(t, `${server.url}/?lang=ja#${link.slice(0, link.length / 2)}`);
  await page.getByText("リンクを開けませんでした: リンクが途中で切れているか、書き換わっています。").waitFor();
});

test("links are short", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  const measure = async (name, text, applied = text) => {
    const { length } = await linkOf(page, text);
    const other = lz.compressToEncodedURIComponent(applied).length;
    t.diagnostic(`${name}: ${length} characters, ${(other / length).toFixed(1)} times shorter than lz-string's ${other}`);
    return length;
  };
  const examples = `${root}/public/examples/clusters`;
  for (const file of readdirSync(examples)) await measure(file, readFileSync(`${examples}/${file}`, "utf8"));
  const manifest = readFileSync(MANIFEST, "utf8");
  assert.ok(await measure("a median manifest", scenario(manifest), manifest) <= 200);
  const fifty = Array.from({ length: 25 }, (_, index) => [
    manifest.replaceAll("todo-api", `app-${index}`).replace("replicas: 3", `replicas: ${1 + (index % 5)}`),
    readFileSync(`${root}/public/examples/service.yaml`, "utf8").replaceAll("todo-api", `app-${index}`),
  ]).flat().join("---\n");
  assert.ok(await measure("fifty objects", scenario(fifty), fifty) <= 2000);
  const shop = SHOP.flatMap(objectsOf).join("---\n");
  assert.equal(shop.split("---\n").length, 50);
  assert.ok(await measure("fifty objects of five kinds, no two alike", scenario(shop), shop) <= 2000);
});

test("an address says how to begin: paused, in a language, without some of the page", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, `${server.url}/?paused&lang=ja&hide=bar,rewind#${LINKS[0][1]}`);
  await page.locator(".pod").first().waitFor();
  await page.locator("html[lang=ja]").waitFor();
  await page.getByRole("button", { name: "ターミナル" }).waitFor();
  await page.locator("header.bar").last().waitFor({ state: "hidden" });
  await page.locator(".rewind").last().waitFor({ state: "hidden" });
  await page.waitForFunction(() => "hide" in document.documentElement.dataset);
  const hash = () => page.evaluate(() => new Promise((resolve) => {
    const { engine } = window.kubarium;
    engine.addEventListener("message", function hear({ data }) {
      if (typeof data !== "string" || !data.startsWith('{"fingerprint"')) return;
      engine.removeEventListener("message", hear);
      resolve(JSON.parse(data).fingerprint.at);
    });
    engine.postMessage(JSON.stringify("fingerprint"));
  }));
  const at = await hash();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
  assert.equal(await hash(), at, "time stands still");
  // A moment may lie behind that at which the link was made, and a language be said as browsers do.
  const later = await openPage(t, `${server.url}/?at=90&lang=ja-JP#${LINKS[0][1]}`);
  await later.locator("html[lang=ja]").waitFor();
  await later.locator(".clock", { hasText: /^1:30.*停止中/ }).waitFor();
});
