// What the objects of a real cluster need and did not bring along: `kubectl get` of a few kinds leaves out the accounts, classes
// and secrets that pods refer to, and without them nothing would run.

/** The provisioner that is there: those of the clouds are not. */
const PROVISIONER = "rancher.io/local-path";

/** The pod spec of a workload; `undefined` for what has none. */
function podSpec({ kind, spec }) {
  if (kind === "Pod") return spec;
  return (kind === "CronJob" ? spec?.jobTemplate?.spec : spec)?.template?.spec;
}

/** An object as it can live here. */
export function here(object) {
  return object.kind === "StorageClass" ? { ...object, provisioner: PROVISIONER, parameters: undefined } : object;
}

/** Names of Secrets and ConfigMaps that a pod spec cannot do without, each with a key or none: `[kind, name, key]`. */
function* references(spec) {
  const must = (kind, source, name = source?.name, key) => (source && name && !source.optional ? [[kind, name, key]] : []);
  for (const { secret, configMap, projected } of spec.volumes ?? []) {
    yield* must("Secret", secret, secret?.secretName);
    yield* must("ConfigMap", configMap);
    for (const source of projected?.sources ?? []) {
      yield* must("Secret", source.secret);
      yield* must("ConfigMap", source.configMap);
    }
    for (const [kind, source, name] of [["Secret", secret, secret?.secretName], ["ConfigMap", configMap, configMap?.name]]) {
      for (const { key } of source?.items ?? []) yield* must(kind, source, name, key);
    }
  }
  for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    for (const { valueFrom } of env) {
      yield* must("Secret", valueFrom?.secretKeyRef, valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.key);
      yield* must("ConfigMap", valueFrom?.configMapKeyRef, valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.key);
    }
    for (const { secretRef, configMapRef } of envFrom) {
      yield* must("Secret", secretRef);
      yield* must("ConfigMap", configMapRef);
    }
  }
}

/**
 * What `own` objects refer to and is not among them, with as little in it as lets them run: `all` is where it may be found
 * as it was (objects of the system's namespaces, which are brought along only when something needs them).
 */
export function missing(own, all) {
  const keyOf = ({ kind, metadata }) => `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
  const there = new Set(own.map(keyOf));
  const known = new Map(all.map((object) => [keyOf(object), object]));
  const made = new Map();
  const need = (apiVersion, kind, namespace, name, rest = {}) => {
    const object = { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) }, ...rest };
    const key = keyOf(object);
    if (there.has(key)) return undefined;
    if (!made.has(key)) {
      const { data, type } = known.get(key) ?? {};
      made.set(key, { ...object, ...(data ? { data } : {}), ...(type ? { type } : {}) });
    }
    return made.get(key);
  };
  const storage = (spec) => spec?.storageClassName
    && need("storage.k8s.io/v1", "StorageClass", undefined, spec.storageClassName, { provisioner: PROVISIONER, volumeBindingMode: "WaitForFirstConsumer" });
  /** A volume that pods of several nodes use: the provisioner here makes folders of one node, so that one is made for it. */
  const shared = (namespace, name, { storageClassName = "", accessModes, resources }) => need("v1", "PersistentVolume", undefined, `${namespace}-${name}`, {
    spec: {
      accessModes, storageClassName, capacity: { storage: resources?.requests?.storage ?? "1Gi" }, persistentVolumeReclaimPolicy: "Retain",
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name }, hostPath: { path: `/shared/${namespace}-${name}` },
    },
  });
  for (const object of own) {
    const { kind, metadata, spec } = object;
    const namespace = metadata.namespace ?? "default";
    if (kind === "PersistentVolumeClaim") {
      storage(spec);
      if (spec?.accessModes?.some((mode) => mode.endsWith("Many"))) shared(namespace, metadata.name, spec);
    }
    for (const claim of spec?.volumeClaimTemplates ?? []) storage(claim.spec);
    const pod = podSpec(object);
    if (!pod) continue;
    const account = pod.serviceAccountName ?? pod.serviceAccount;
    if (account && account !== "default") need("v1", "ServiceAccount", namespace, account);
    const priority = pod.priorityClassName;
    if (priority && !/^system-/.test(priority)) need("scheduling.k8s.io/v1", "PriorityClass", undefined, priority, { value: pod.priority ?? 0 });
    if (pod.runtimeClassName) need("node.k8s.io/v1", "RuntimeClass", undefined, pod.runtimeClassName, { handler: pod.runtimeClassName });
    for (const { persistentVolumeClaim: claim } of pod.volumes ?? []) {
      if (!claim) continue;
      const several = kind === "DaemonSet" || (spec.replicas ?? 1) > 1;
      const wanted = { accessModes: [several ? "ReadWriteMany" : "ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...(several ? { storageClassName: "" } : {}) };
      const made = need("v1", "PersistentVolumeClaim", namespace, claim.claimName, { spec: wanted });
      if (several && made) shared(namespace, claim.claimName, wanted);
    }
    for (const [of, name, key] of references(pod)) {
      const held = need("v1", of, namespace, name);
      if (held && key !== undefined && held.data?.[key] === undefined) held.data = { ...held.data, [key]: "" };
    }
  }
  return [...made.values()];
}
