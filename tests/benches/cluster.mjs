// What the benches of the page share: the program that serves it, and a cluster of a given size.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The page that a server gives at `url`; without one, that of `target/release/kubarium` with these `options`. */
export async function serve(url, options = []) {
  if (url) return { url, stop() {} };
  const data = await mkdtemp(join(tmpdir(), "kubarium-"));
  const program = new URL("../../target/release/kubarium", import.meta.url).pathname;
  const child = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", data, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const found = await new Promise((resolve, reject) => {
    child.once("error", reject);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/http:\/\/\S+/);
      if (found) resolve(found[0]);
    });
  });
  return { url: found, stop: () => (child.kill(), rm(data, { recursive: true, force: true })) };
}

/** A cluster of this size whose pods come up while it is watched. */
export const scenario = (nodes, pods) => `
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: bench}
spec:
  seed: 7
  cluster: {nodes: [{count: ${nodes}, cpu: "32", memory: 256Gi, zone: a}]}
  options: {kubeApiQps: 0}
  opening: 16s
  steps:
  - at: 15s
    apply: '${JSON.stringify({
      apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" },
      spec: { replicas: pods, selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image: "nginx:1.27", resources: { requests: { cpu: "100m", memory: "64Mi" } } }] } } },
    })}'
`;
