// What Tab makes of a line in the terminal: no page is needed for that.

import assert from "node:assert/strict";
import test from "node:test";
import { completer } from "../../frontend/js/terminal/complete.js";

/** What a small cluster's kubectl prints. */
const PRINTS = {
  "api-resources -o name": "pods\nnodes\nservices\nnamespaces\ndeployments.apps\ncertificatesigningrequests.certificates.k8s.io\n",
  "get namespaces -o name": "namespace/default\nnamespace/kube-system\n", "get nodes -o name": "node/node-0\nnode/node-1\n",
  "get pods -o name": "pod/web-1\npod/db-0\n", "get pods -o name -n kube-system": "pod/coredns-1\n", "get pods -o name --namespace=kube-system": "pod/coredns-1\n",
  "get deploy -o name": "deployment.apps/web\n", "get deployments -o name": "deployment.apps/web\n", "get csr -o name": "certificatesigningrequest.certificates.k8s.io/alice\n",
  "config get-contexts -o name": "kubarium\nother\n", "get pod/web-1 -o CONTAINERS": "init  web sidecar ", "get deploy/web -o CONTAINERS": "  web",
  "get nodes -o LABELS": '{"disk":"ssd"}\n', "get pods -o LABELS": '{"app":"web"}\n',
};
const collect = async (args) => PRINTS[args.join(" ").replace(/jsonpath=[^]*end}/, "LABELS").replace(/jsonpath=(.*\.name} ?)+/, "CONTAINERS ").trim()] ?? "";
const complete = completer({
  collect, verbs: async () => [["get", ["--namespace", "--output"]], ["logs", ["--container", "--namespace"]]],
  shell: { names: () => ["kubectl", "k", "echo"], filters: () => ["grep", "head"] }, files: () => ["editor.yaml", "web.yaml"],
});

for (const [line, from, words] of [
  ["k", 0, ["k", "kubectl"]], ["k get po | g", 11, ["grep"]], ["cat w", 4, ["web.yaml"]], ["k g", 2, ["get"]], ["k --na", 2, ["--namespace"]],
  ["k get pods -n ku", 14, ["kube-system"]], ["k get pods --namespace=ku", 23, ["kube-system"]], ["k get pods --namespace=kube-system c", 35, ["coredns-1"]], ["k get pods -n kube-system ", 26, ["coredns-1"]],
  ["k get pods --output=y", 20, ["yaml"]], ["k apply -f ", 11, ["editor.yaml", "web.yaml"]], ["k apply --filename=w", 19, ["web.yaml"]],
  // What is followed is a pod, and no file.
  ["k logs -f w", 10, ["web-1"]], ["k logs -f web-1 -c s", 19, ["sidecar"]], ["k logs web-1 --container=", 25, ["init", "sidecar", "web"]], ["k exec -it deploy/web -c ", 25, ["web"]],
  ["k set image deploy/web -c ", 26, ["web"]], ["k logs -c ", 10, []], ["k get pods -l ", 14, ["app=web"]], ["k drain -l ", 11, ["disk=ssd"]],
  ["k top ", 6, ["node", "pod"]], ["k top pod w", 10, ["web-1"]], ["k top node ", 11, ["node-0", "node-1"]], ["k certificate approve ", 22, ["alice"]],
  ["k rollout restart d", 18, ["daemonsets", "deployments"]], ["k rollout restart deploy/w", 18, ["deploy/web"]], ["k config use-context o", 21, ["other"]],
  ["k auth can-i ", 13, []], ["k auth can-i get d", 17, ["deployments"]], ["k get deploy/web ", 17, []],
]) {
  test(line, async () => {
    const found = await complete(line);
    assert.deepEqual(found, { from, words });
  });
}

test("kinds that are defined later complete, too", async () => {
  await complete("k get ");
  PRINTS["api-resources -o name"] += "ships.harbour.example.com\n";
  assert.deepEqual((await complete("k get sh")).words, ["ships"]);
});
