// What comes from outside: dropped files and pasted bytes become text, or a clear refusal; the output of a real cluster
// becomes a cluster of ours.

import { parseAllDocuments, stringify } from "yaml";
import { parsed } from "./line.js";
import { say } from "./words.js";

/** The largest file that is read: what a link and the server take, too. */
export const MOST_BYTES = 3 << 20;

/** A file's text, or why there is none: `{text}` or `{refused}`. */
export async function read(file) {
  if (file.size > MOST_BYTES) return { refused: say("too_large", { name: file.name, size: (file.size / (1 << 20)).toFixed(1) }) };
  return decode(new Uint8Array(await file.arrayBuffer()), file.name);
}

/** Bytes as text: UTF-8, or UTF-16 with its mark, and nothing binary. */
export function decode(bytes, name) {
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  let text;
  try {
    text = new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Programs and pictures have zeros; broken text has none.
    return { refused: say(bytes.includes(0) ? "binary" : "not_utf8", { name }) };
  }
  if (/[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)) return { refused: say("binary", { name }) };
  return { text: text.replace(/\r\n?/g, "\n") };
}

/** All objects of a text, items of lists one by one; `undefined` when it cannot be read. */
export function objectsOf(text) {
  const json = /^\s*\{/.test(text) ? parsed(text) : undefined;
  let documents = [json];
  if (!json) {
    const read = parseAllDocuments(text, { logLevel: "silent" });
    if (read.some(({ errors }) => errors.length)) return undefined;
    try {
      documents = read.map((one) => one.toJS({ maxAliasCount: 100 }));
    } catch {
      // Aliases that multiply into more than a memory holds.
      return undefined;
    }
  }
  const flat = (one) => (one?.kind?.endsWith?.("List") && Array.isArray(one.items) ? one.items.flatMap(flat) : one && typeof one === "object" ? [one] : []);
  return documents.flatMap(flat);
}

/** Whether it is worth reading all of a text to know what it is: that takes long where it is large. */
export const mayBeMore = (text) => /["']?kind["']?:\s*["']?(Scenario|Node)\b/.test(text);

/** What a text is: a scenario, the output of a real cluster, or manifests. */
export function natureOf(objects) {
  if (objects?.length === 1 && objects[0].kind === "Scenario" && /^kubarium\.dev\//.test(objects[0].apiVersion)) return "scenario";
  if (objects?.some(({ kind, status }) => kind === "Node" && status?.capacity)) return "cluster";
  return "manifests";
}

const LAST = "kubectl.kubernetes.io/last-applied-configuration";
const SYSTEM = ["kube-system", "kube-public", "kube-node-lease"];
/** What controllers make again from what is kept. */
const MADE = ["Endpoints", "EndpointSlice", "Event", "Lease", "ControllerRevision", "PodMetrics", "NodeMetrics", "ComponentStatus", "CSINode"];

/** Whether an object is somebody's own, and not made by the cluster. */
function isKept({ kind, metadata = {}, type }) {
  const { name, namespace, ownerReferences } = metadata;
  if (ownerReferences?.some(({ controller }) => controller) || MADE.includes(kind) || SYSTEM.includes(namespace)) return false;
  if (kind === "Namespace") return ![...SYSTEM, "default"].includes(name);
  if (kind === "ConfigMap" && name === "kube-root-ca.crt") return false;
  if (kind === "ServiceAccount" && name === "default") return false;
  if (kind === "Secret" && type === "kubernetes.io/service-account-token") return false;
  if (["ClusterRole", "ClusterRoleBinding", "PriorityClass"].includes(kind) && /^system[:-]|^(cluster-admin|admin|edit|view)$/.test(name)) return false;
  if (metadata.labels?.["kubernetes.io/bootstrapping"] || metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"]) return false;
  return !(kind === "Service" && name === "kubernetes" && namespace === "default");
}

/** The object as its author could have written it: what the server and controllers set is gone, Secrets are blank. */
export function stripped(object) {
  const { status: _, ...rest } = structuredClone(object);
  const { name, generateName, namespace, labels, annotations } = rest.metadata ?? {};
  const kept = Object.entries(annotations ?? {}).filter(([key]) => key !== LAST
    && !/^(deployment\.kubernetes\.io|pv\.kubernetes\.io|volume\.(beta\.)?kubernetes\.io|autoscaling\.alpha\.kubernetes\.io|deprecated\.daemonset)\//.test(key));
  rest.metadata = JSON.parse(JSON.stringify({
    name, generateName: name ? undefined : generateName, namespace, labels, annotations: kept.length ? Object.fromEntries(kept) : undefined,
  }));
  const { kind, spec } = rest;
  if (kind === "Secret") {
    for (const field of ["data", "stringData"]) if (rest[field]) rest[field] = Object.fromEntries(Object.keys(rest[field]).map((key) => [key, ""]));
  }
  if (kind === "Service" && spec) {
    if (spec.clusterIP !== "None") delete spec.clusterIP;
    if (spec.clusterIP !== "None") delete spec.clusterIPs;
    for (const field of ["ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "internalTrafficPolicy"]) delete spec[field];
    spec.ports?.forEach((port) => delete port.nodePort);
  }
  if (kind === "Pod" && spec) {
    delete spec.nodeName;
    const tokens = (spec.volumes ?? []).filter((volume) => /^kube-api-access-/.test(volume.name)).map((volume) => volume.name);
    spec.volumes = spec.volumes?.filter((volume) => !tokens.includes(volume.name));
    if (!spec.volumes?.length) delete spec.volumes;
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      container.volumeMounts = container.volumeMounts?.filter((mount) => !tokens.includes(mount.name));
      if (!container.volumeMounts?.length) delete container.volumeMounts;
    }
  }
  if (kind === "Job" && spec) {
    delete spec.selector;
    const own = /^(batch\.kubernetes\.io\/)?(controller-uid|job-name)$/;
    for (const key of Object.keys(spec.template?.metadata?.labels ?? {})) if (own.test(key)) delete spec.template.metadata.labels[key];
  }
  if (kind === "PersistentVolumeClaim" && spec) delete spec.volumeName;
  if (kind === "PersistentVolume" && spec) delete spec.claimRef;
  if (kind === "Namespace") delete rest.spec;
  if (spec?.template?.metadata) delete spec.template.metadata.creationTimestamp;
  return rest;
}

/** Objects as manifests that any cluster takes: namespaces and definitions first. */
export function manifests(objects) {
  const first = ["CustomResourceDefinition", "Namespace", "PriorityClass", "StorageClass", "ServiceAccount", "ConfigMap", "Secret"];
  const rank = ({ kind }) => (first.includes(kind) ? first.indexOf(kind) : first.length);
  const own = objects.filter((object) => object.kind !== "Node" && isKept(object)).map(stripped);
  return own.map((object, index) => ({ object, index })).sort((a, b) => rank(a.object) - rank(b.object) || a.index - b.index)
    .map(({ object }) => stringify(object, { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false })).join("---\n");
}

/** Labels that a node of ours sets itself. */
const NODE_LABELS = ["kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch", "topology.kubernetes.io/zone"];

/** The scenario of a real cluster's output: its nodes with what they have, and everything that somebody wrote. */
export function clusterOf(objects) {
  const nodes = objects.filter(({ kind }) => kind === "Node").map(({ metadata, spec, status }) => {
    const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => !NODE_LABELS.includes(key)));
    const has = status?.allocatable ?? status?.capacity ?? {};
    return {
      name: metadata.name, count: 1, cpu: String(has.cpu ?? "4"), memory: String(has.memory ?? "8Gi"), pods: Number(has.pods ?? 110),
      zone: metadata.labels?.["topology.kubernetes.io/zone"] ?? "", labels,
      // Taints of conditions come and go with them.
      taints: (spec?.taints ?? []).filter(({ key }) => !/^node\.kubernetes\.io\//.test(key)).map(({ timeAdded: _, ...taint }) => taint),
    };
  });
  const text = manifests(objects);
  const used = new Set(objects.filter((object) => object.kind !== "Node" && isKept(object)).map(({ metadata }) => metadata?.namespace).filter(Boolean));
  const made = new Set(["default", ...objects.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name)]);
  const missing = [...used].filter((name) => !made.has(name)).map((name) => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`);
  const apply = [...missing, text].filter(Boolean).join("---\n");
  return {
    nodes: nodes.length, objects: apply ? apply.split("\n---\n").length : 0,
    scenario: JSON.stringify({
      apiVersion: "kubarium.dev/v1alpha1", kind: "Scenario", metadata: { name: "my-cluster" },
      spec: { seed: 1, cluster: { nodes }, opening: "60s", steps: apply ? [{ at: "0s", apply }] : [] },
    }),
  };
}
