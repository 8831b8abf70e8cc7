// What the objects of a text are, and what becomes of the output of a real cluster. Uses nothing of a page: large texts are
// read in a worker of their own (reader.js).

import { here, missing } from "./missing.js";
import { print, valuesOf } from "./reading.js";

const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const flat = (one) => (one?.kind?.endsWith?.("List") && Array.isArray(one.items) ? one.items.flatMap(flat) : one && typeof one === "object" ? [one] : []);

/**
 * A large text in pieces that can be read one by one: the items of a list as kubectl prints it, or documents. A piece that
 * cannot be read alone (names that others refer to) has the whole read at once.
 */
function piecesOf(text) {
  if (/^%/m.test(text) || /(^|[\s[{,])[&*][\w-]+/m.test(text.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return [text];
  const list = text.match(/^items:\n(?=- )/m);
  if (!list || !/^kind: \w*List$/m.test(text)) return text.split(/^---.*$/m);
  const items = text.slice(list.index + list[0].length);
  const end = items.search(/^[^\s#-]/m);
  return (end < 0 ? items : items.slice(0, end)).split(/^(?=- )/m);
}

/** All objects of a text, items of lists one by one; `undefined` when it cannot be read. `told` hears how far it has come. */
export function objectsOf(text, told = () => {}) {
  const whole = /^\s*\{/.test(text) ? json(text) : undefined;
  if (whole) return flat(whole);
  const found = [];
  let done = 0;
  for (const piece of piecesOf(text)) {
    const documents = valuesOf(piece);
    if (!documents) return valuesOf(text)?.flatMap(flat);
    // An item of a list is read as a list of one.
    found.push(...documents.flatMap((one) => (Array.isArray(one) ? one.flatMap(flat) : flat(one))));
    told((done += piece.length) / text.length);
  }
  return found;
}

/** What a text is: a scenario, the output of a real cluster, or manifests. */
export function natureOf(objects) {
  if (objects?.length === 1 && objects[0].kind === "Scenario" && /^kubarium\.dev\//.test(objects[0].apiVersion)) return "scenario";
  if (objects?.some(({ kind, metadata, status }) => kind === "Node" && metadata?.name && status?.capacity)) return "cluster";
  return "manifests";
}

/** What the API server remembers of `kubectl apply`. */
const LAST = "kubectl.kubernetes.io/last-applied-configuration";
const SYSTEM = ["kube-system", "kube-public", "kube-node-lease"];
/** What controllers make again from what is kept. */
const MADE = ["Endpoints", "EndpointSlice", "Event", "Lease", "ControllerRevision", "PodMetrics", "NodeMetrics", "ComponentStatus", "CSINode"];

/** Whether an object is somebody's own, and not made by the cluster; what runs in namespaces of the system may count, too. */
function isKept({ kind, metadata = {}, type, provisioner }, system = []) {
  const { name, namespace, ownerReferences } = metadata;
  if (ownerReferences?.some(({ controller }) => controller) || MADE.includes(kind)) return false;
  if (SYSTEM.includes(namespace) && !system.includes(kind)) return false;
  // Volumes that were made for a claim are made again for it.
  if (kind === "PersistentVolume" && metadata.annotations?.["pv.kubernetes.io/provisioned-by"]) return false;
  // A second default one would be in the way where every cluster has its own.
  if (kind === "StorageClass" && name === "standard" && provisioner === "rancher.io/local-path") return false;
  if (kind === "Namespace") return ![...SYSTEM, "default"].includes(name);
  if (kind === "ConfigMap" && name === "kube-root-ca.crt") return false;
  if (kind === "ServiceAccount" && name === "default") return false;
  if (kind === "Secret" && type === "kubernetes.io/service-account-token") return false;
  if (["ClusterRole", "ClusterRoleBinding", "PriorityClass"].includes(kind) && /^system[:-]|^(cluster-admin|admin|edit|view)$/.test(name)) return false;
  if (metadata.labels?.["kubernetes.io/bootstrapping"] || metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"]) return false;
  return !(kind === "Service" && name === "kubernetes" && namespace === "default");
}

/** The object as its author could have written it: what the server and controllers set is gone, and values of `secrets` may be. */
function stripped(object, secrets) {
  const { status: _, ...rest } = structuredClone(object);
  const { name, generateName, namespace, labels, annotations } = rest.metadata ?? {};
  const kept = Object.entries(annotations ?? {}).filter(([key]) => key !== LAST
    && !/^(deployment\.kubernetes\.io|pv\.kubernetes\.io|volume\.(beta\.)?kubernetes\.io|autoscaling\.alpha\.kubernetes\.io|deprecated\.daemonset)\//.test(key));
  rest.metadata = JSON.parse(JSON.stringify({
    name, generateName: name ? undefined : generateName, namespace, labels, annotations: kept.length ? Object.fromEntries(kept) : undefined,
  }));
  const { kind, spec } = rest;
  // What its author wrote stays, also where the server would set it otherwise.
  const wrote = json(annotations?.[LAST])?.spec ?? {};
  if (kind === "Secret" && !secrets) {
    // Those of registries have to be JSON: an object with nothing in it.
    const blank = (key, field) => (/^\.dockerc(onfigjson|fg)$/.test(key) ? { data: "e30=", stringData: "{}" }[field] : "");
    for (const field of ["data", "stringData"]) if (rest[field]) rest[field] = Object.fromEntries(Object.keys(rest[field]).map((key) => [key, blank(key, field)]));
  }
  if (kind === "Service" && spec) {
    if (spec.clusterIP !== "None") delete spec.clusterIP;
    if (spec.clusterIP !== "None") delete spec.clusterIPs;
    for (const field of ["ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"]) delete spec[field];
    if (spec.internalTrafficPolicy === "Cluster") delete spec.internalTrafficPolicy;
    spec.ports?.filter(({ nodePort }) => !wrote.ports?.some((port) => port.nodePort === nodePort)).forEach((port) => delete port.nodePort);
  }
  if (kind === "Pod" && spec) {
    if (!wrote.nodeName) delete spec.nodeName;
    const tokens = (spec.volumes ?? []).filter((volume) => /^kube-api-access-/.test(volume.name)).map((volume) => volume.name);
    spec.volumes = spec.volumes?.filter((volume) => !tokens.includes(volume.name));
    if (!spec.volumes?.length) delete spec.volumes;
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      container.volumeMounts = container.volumeMounts?.filter((mount) => !tokens.includes(mount.name));
      if (!container.volumeMounts?.length) delete container.volumeMounts;
    }
  }
  if (kind === "Job" && spec && !spec.manualSelector) {
    delete spec.selector;
    const own = /^(batch\.kubernetes\.io\/)?(controller-uid|job-name)$/;
    for (const made of [rest.metadata.labels, spec.template?.metadata?.labels]) for (const key of Object.keys(made ?? {})) if (own.test(key)) delete made[key];
  }
  if (kind === "PersistentVolumeClaim" && spec && !wrote.volumeName) delete spec.volumeName;
  if (kind === "PersistentVolume" && spec) {
    const { namespace, name } = wrote.claimRef ?? {};
    if (name) spec.claimRef = { namespace, name };
    else delete spec.claimRef;
  }
  if (kind === "Namespace") delete rest.spec;
  if (spec?.template?.metadata) delete spec.template.metadata.creationTimestamp;
  return rest;
}

/** What others need to be there. */
const FIRST = ["CustomResourceDefinition", "Namespace", "PriorityClass", "StorageClass", "ServiceAccount", "ConfigMap", "Secret"];

/** Somebody's own objects as they were written: namespaces and definitions first. */
function written(objects, secrets, system) {
  const rank = ({ kind }) => (FIRST.includes(kind) ? FIRST.indexOf(kind) : FIRST.length);
  const own = objects.filter((object) => object.kind !== "Node" && isKept(object, system)).map((object) => stripped(object, secrets));
  return own.map((object, index) => ({ object, index })).sort((a, b) => rank(a.object) - rank(b.object) || a.index - b.index)
    .map(({ object }) => object);
}

/** Objects as manifests that any cluster takes. */
export const manifests = (objects) => written(objects, true).map(print).join("---\n");

/** Objects beyond this many bytes are kept as JSON, which is YAML, too, and quicker to write and to read. */
const PLAIN = 200_000;
/** Objects that one step applies: kubectl looks at all of its objects again with every answer. */
const A_STEP = 8;

/** Steps of one moment go on at the same time: what others need to be there comes before them. */
const MOMENTS = [["0s", ["CustomResourceDefinition", "Namespace", "PriorityClass", "RuntimeClass", "StorageClass"]], ["1s", FIRST], ["3s"]];

/** Objects as steps of a scenario. */
function steps(objects) {
  const size = objects.reduce((sum, object) => sum + JSON.stringify(object).length, 0);
  const text = size < PLAIN ? print : (object) => `${JSON.stringify(object)}\n`;
  const momentOf = ({ kind }) => MOMENTS.find(([, kinds]) => !kinds || kinds.includes(kind))[0];
  return MOMENTS.flatMap(([at]) => {
    const list = objects.filter((object) => momentOf(object) === at);
    return Array.from({ length: Math.ceil(list.length / A_STEP) }, (_, index) => (
      { at, apply: list.slice(index * A_STEP, (index + 1) * A_STEP).map(text).join("---\n") }));
  });
}

/** Labels that a node of ours sets itself. */
const NODE_LABELS = ["kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch", "topology.kubernetes.io/zone"];

/** What runs in the namespaces of the system takes its part of the nodes, and is drained from them. */
const RUNS = ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod", "PodDisruptionBudget", "HorizontalPodAutoscaler", "Service", "PersistentVolumeClaim"];
/** What would ask programs that are not here, and refuse everything for want of an answer. */
const ASKS_OTHERS = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService"];

/** The scenario of a real cluster's output: its nodes with what they have, and everything that somebody wrote. */
export function clusterOf(all) {
  const objects = all.filter(({ metadata }) => metadata?.name || metadata?.generateName);
  const found = objects.filter(({ kind }) => kind === "Node");
  const nodes = found.map(({ metadata, spec, status }) => {
    const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => !NODE_LABELS.includes(key)));
    const has = status?.allocatable ?? status?.capacity ?? {};
    const besides = Object.entries(has).filter(([key]) => !["cpu", "memory", "pods"].includes(key)).map(([key, much]) => [key, String(much)]);
    return {
      resources: Object.fromEntries(besides),
      name: metadata.name, count: 1, cpu: String(has.cpu ?? "4"), memory: String(has.memory ?? "8Gi"), pods: Number.isInteger(Number(has.pods)) ? Number(has.pods) : 110,
      zone: metadata.labels?.["topology.kubernetes.io/zone"] ?? "", labels,
      // Taints of conditions come and go with them.
      taints: (spec?.taints ?? []).filter(({ key }) => !/^node\.kubernetes\.io\//.test(key)).map(({ timeAdded: _, ...taint }) => taint),
    };
  });
  const cordoned = found.filter(({ spec }) => spec?.unschedulable).map(({ metadata }) => metadata.name);
  const own = written(objects, false, RUNS).filter(({ kind }) => !ASKS_OTHERS.includes(kind)).map(here);
  const lacking = missing(own, objects.map((object) => (object.kind === "Secret" ? stripped(object, false) : object)));
  const used = new Set(own.map(({ metadata }) => metadata.namespace).filter(Boolean));
  const made = new Set(["default", ...SYSTEM, ...objects.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name)]);
  const namespaces = [...used].filter((name) => !made.has(name)).map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  const everything = [...namespaces, ...lacking, ...own];
  return {
    nodes: nodes.length, objects: everything.length - lacking.length, made: lacking.length,
    scenario: JSON.stringify({
      apiVersion: "kubarium.dev/v1alpha1", kind: "Scenario", metadata: { name: "my-cluster" },
      spec: {
        seed: 1, cluster: { nodes }, opening: "60s",
        // Nodes are there once their kubelets have said so.
        steps: [...steps(everything), ...(cordoned.length ? [{ at: "2s", kubectl: `cordon ${cordoned.join(" ")}` }] : [])]
          .sort((one, other) => parseInt(one.at) - parseInt(other.at)),
      },
    }),
  };
}
