// `make bench`: the speed and memory of the engine that the page ships, in Node (whose WebAssembly is Chromium's).
// The clusters are those of engine.rs. `LARGE=1` adds 5,000 nodes with 150,000 pods, which takes minutes.

import { readdirSync, readFileSync } from "node:fs";
import { startWorker } from "../../scripts/worker-host.mjs";

/** How long an answer is waited for, in milliseconds of the worker's clock. */
const LONGEST_MS = 60_000;
const page = new URL("../../dist/", import.meta.url);
const file = (pattern) => readFileSync(new URL(readdirSync(page).find((name) => pattern.test(name)), page));

function rollout(nodes, replicas, opening) {
  // Ends before the text that starts the worker in a browser.
  const glue = file(/^worker-\w+\.js$/).toString().split("\n// worker-start.js")[0];
  const worker = startWorker(glue, file(/^worker_bg-\w+\.wasm$/), () => file(/^worker_later-\w+\.wasm$/));
  const zones = [0, 1, 2].map((zone) => `{count: ${Math.ceil((nodes - zone) / 3)}, cpu: "32", memory: 256Gi, zone: zone-${zone}}`);
  const deployment = JSON.stringify({
    apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" },
    spec: {
      replicas, selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{
          name: "web", image: "nginx:1.27", resources: { requests: { cpu: "100m", memory: "64Mi" } },
        }] },
      },
    },
  });
  const scenario = `
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
spec:
  seed: 7
  cluster: {nodes: [${zones}]}
  options: {kubeApiQps: 0, imagePull: 0s, visitorsPerSecondMilli: 0}
  opening: ${opening}
  steps: [{at: 15s, apply: '${deployment}'}]
`;
  const before = process.cpuUsage();
  worker.say({ open: { scenario } });
  const bad = worker.heard().find((reply) => reply.badLink);
  if (bad) throw new Error(bad.badLink.reason);
  worker.run(LONGEST_MS, ({ opening }) => opening?.at === opening?.until && opening);
  const { user, system } = process.cpuUsage(before);
  worker.say({ terminal: { run: { id: 1, args: ["get", "deployment", "web", "-o", "jsonpath={.status.availableReplicas}"], stdin: "" } } });
  let ready = "";
  worker.run(LONGEST_MS, ({ terminal }) => void (ready += terminal?.output?.stdout ?? "") || terminal?.done);
  const seconds = (user + system) / 1e6;
  const memory = worker.exports.memory.buffer.byteLength / 1e6;
  console.log(`WebAssembly: ${ready} of ${replicas} replicas available on ${nodes} nodes after ${opening}`.padEnd(68)
    + `${(seconds * 1e3).toFixed(0).padStart(9)} ms CPU, ${memory.toFixed(0)} MB`);
}

rollout(100, 400, "60s");
rollout(100, 1000, "60s");
rollout(1000, 5000, "120s");
if (process.env.LARGE) rollout(5000, 150_000, "15m");
