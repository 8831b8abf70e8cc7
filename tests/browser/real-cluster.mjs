// What `kubectl get nodes,deploy,sts,ds,svc,pdb,cm -A -o yaml` prints of clusters that clouds run: all that their servers and
// controllers write, and nothing of what pods refer to in other kinds.

import { stringify } from "yaml";

const TIME = "2025-11-03T09:10:00Z";
const served = (uid, rest) => ({ creationTimestamp: TIME, resourceVersion: String(10_000 + uid), uid: `6d1f0c3e-1f0a-4b5e-9a77-${String(uid).padStart(12, "0")}`, ...rest });

/** One node of each cloud, as its own controllers label it. */
const CLOUDS = [
  {
    name: (index) => `ip-10-0-1${index}-37.eu-central-1.compute.internal`, zone: (index) => `eu-central-1${"abc"[index]}`,
    providerID: (index) => `aws:///eu-central-1${"abc"[index]}/i-0ab${index}c3d4e5f6a7b8`,
    labels: { "alpha.eksctl.io/nodegroup-name": "workers", "eks.amazonaws.com/capacityType": "SPOT", "eks.amazonaws.com/nodegroup": "workers", "node.kubernetes.io/instance-type": "m5.xlarge" },
    annotations: { "csi.volume.kubernetes.io/nodeid": '{"ebs.csi.aws.com":"i-0ab"}', "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
  },
  {
    name: (index) => `gke-prod-default-pool-3f2a1b9c-x7k${index}`, zone: (index) => `europe-west3-${"abc"[index]}`,
    providerID: (index) => `gce://acme-prod/europe-west3-${"abc"[index]}/gke-prod-${index}`,
    labels: { "cloud.google.com/gke-nodepool": "default-pool", "cloud.google.com/machine-family": "e2", "topology.gke.io/zone": "europe-west3-a" },
    annotations: { "container.googleapis.com/instance_id": "4527812345678901234" },
  },
  {
    name: (index) => `aks-nodepool1-12345678-vmss00000${index}`, zone: (index) => `westeurope-${index + 1}`,
    providerID: (index) => `azure:///subscriptions/0000/resourceGroups/mc/providers/Microsoft.Compute/virtualMachineScaleSets/aks/virtualMachines/${index}`,
    labels: { agentpool: "nodepool1", "kubernetes.azure.com/mode": "system", "node-role.kubernetes.io/agent": "" },
    annotations: { "csi.volume.kubernetes.io/nodeid": '{"disk.csi.azure.com":"aks-nodepool1"}' },
  },
];

const condition = (type, status, reason) => ({ type, status, reason, message: reason, lastHeartbeatTime: "2026-02-03T10:00:00Z", lastTransitionTime: TIME });
const node = (cloud, index, number) => {
  const name = cloud.name(index);
  const labels = {
    "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
    "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": cloud.zone(index), ...cloud.labels,
  };
  return {
    apiVersion: "v1", kind: "Node", metadata: served(number, { name, labels, annotations: { "node.alpha.kubernetes.io/ttl": "0", ...cloud.annotations } }),
    spec: {
      podCIDR: `10.244.${number}.0/24`, podCIDRs: [`10.244.${number}.0/24`], providerID: cloud.providerID(index),
      ...(number === 7 ? { unschedulable: true, taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule", timeAdded: TIME }] } : {}),
      ...(number === 8 ? { taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] } : {}),
    },
    status: {
      addresses: [{ type: "InternalIP", address: `10.0.10.${number}` }, { type: "Hostname", address: name }],
      allocatable: { cpu: "3920m", "ephemeral-storage": "95551679124", "hugepages-2Mi": "0", memory: "15122816Ki", pods: "58" },
      capacity: { cpu: "4", "ephemeral-storage": "104845292Ki", "hugepages-2Mi": "0", memory: "16139648Ki", pods: "58" },
      conditions: [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"), condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"), condition("Ready", "True", "KubeletReady"),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images: [{ names: ["registry.k8s.io/pause@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097", "registry.k8s.io/pause:3.9"], sizeBytes: 321520 }],
      nodeInfo: { architecture: "amd64", containerRuntimeVersion: "containerd://1.7.11", kernelVersion: "5.10.205", kubeletVersion: "v1.29.1", operatingSystem: "linux", osImage: "Amazon Linux 2" },
    },
  };
};

/** What the API server fills into every container and pod. */
const container = (name, rest) => ({
  imagePullPolicy: "IfNotPresent", name, resources: { limits: { memory: "256Mi" }, requests: { cpu: "100m", memory: "128Mi" } },
  terminationMessagePath: "/dev/termination-log", terminationMessagePolicy: "File", ...rest,
});
const POD = { dnsPolicy: "ClusterFirst", restartPolicy: "Always", schedulerName: "default-scheduler", securityContext: {}, terminationGracePeriodSeconds: 30 };

function release([namespace, name], index) {
  const labels = { "app.kubernetes.io/instance": name, "app.kubernetes.io/name": name };
  const managed = { ...labels, "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": `${name}-4.1.${index}` };
  const all = (kind, rest = {}) => served(100 + index * 10 + kind.length, { name, namespace, labels: managed, ...rest });
  const web = container(name, {
    image: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/${name}:1.${index}.0`, args: ["--port=8080"],
    env: [
      { name: "POD_NAMESPACE", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } } },
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: `${name}-db`, key: "password" } } },
    ],
    livenessProbe: { failureThreshold: 3, httpGet: { path: "/healthz", port: "http", scheme: "HTTP" }, initialDelaySeconds: 10, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 },
    ports: [{ containerPort: 8080, name: "http", protocol: "TCP" }],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1000 },
    volumeMounts: [{ mountPath: "/etc/config", name: "config" }],
  });
  const template = {
    metadata: { annotations: { "prometheus.io/scrape": "true" }, creationTimestamp: null, labels },
    spec: {
      ...POD, containers: [web], nodeSelector: { "kubernetes.io/os": "linux" }, priorityClassName: index ? "business" : "system-cluster-critical",
      serviceAccount: name, serviceAccountName: name, volumes: [{ configMap: { defaultMode: 420, name: `${name}-config` }, name: "config" }],
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" }, weight: 100 }] } },
    },
  };
  return [
    {
      apiVersion: "apps/v1", kind: "Deployment",
      metadata: all("Deployment", {
        generation: index + 5,
        annotations: { "deployment.kubernetes.io/revision": String(index + 3), "kubectl.kubernetes.io/last-applied-configuration": "{\"kind\":\"Deployment\"}\n", "meta.helm.sh/release-name": name },
        managedFields: [{ apiVersion: "apps/v1", fieldsType: "FieldsV1", fieldsV1: { "f:spec": { "f:replicas": {} } }, manager: "helm", operation: "Update", time: TIME }],
      }),
      spec: {
        progressDeadlineSeconds: 600, replicas: 2, revisionHistoryLimit: 10, selector: { matchLabels: labels },
        strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" }, type: "RollingUpdate" }, template,
      },
      status: { availableReplicas: 2, observedGeneration: index + 5, readyReplicas: 2, replicas: 2, updatedReplicas: 2 },
    },
    {
      apiVersion: "v1", kind: "Service",
      metadata: all("Service", { annotations: { "service.beta.kubernetes.io/aws-load-balancer-type": "nlb" }, finalizers: ["service.kubernetes.io/load-balancer-cleanup"] }),
      spec: {
        allocateLoadBalancerNodePorts: true, clusterIP: `172.20.${index}.10`, clusterIPs: [`172.20.${index}.10`], externalTrafficPolicy: "Cluster", internalTrafficPolicy: "Cluster",
        ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack", ports: [{ name: "http", nodePort: 31000 + index, port: 80, protocol: "TCP", targetPort: "http" }],
        selector: labels, sessionAffinity: "None", type: "LoadBalancer",
      },
      status: { loadBalancer: { ingress: [{ hostname: "a1b2c3.elb.eu-central-1.amazonaws.com" }] } },
    },
    {
      apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: all("Budget", { generation: 1 }), spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      status: { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2, observedGeneration: 1, conditions: [{ type: "DisruptionAllowed", status: "True", reason: "SufficientPods", message: "", lastTransitionTime: TIME }] },
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata: served(500 + index, { name: `${name}-config`, namespace }), data: { "app.conf": `listen: 8080\nupstream: http://${name}\n` } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: served(600 + index, { name: "kube-root-ca.crt", namespace }), data: { "ca.crt": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n" } },
  ];
}

const database = {
  apiVersion: "apps/v1", kind: "StatefulSet", metadata: served(900, { name: "postgres", namespace: "shop", generation: 2 }),
  spec: {
    podManagementPolicy: "OrderedReady", replicas: 2, revisionHistoryLimit: 10, selector: { matchLabels: { app: "postgres" } }, serviceName: "postgres",
    template: {
      metadata: { creationTimestamp: null, labels: { app: "postgres" } },
      spec: { ...POD, containers: [container("postgres", { image: "postgres:16", volumeMounts: [{ mountPath: "/var/lib/postgresql/data", name: "data" }] })] },
    },
    updateStrategy: { rollingUpdate: { partition: 0 }, type: "RollingUpdate" },
    volumeClaimTemplates: [{
      apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { creationTimestamp: null, name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "20Gi" } }, storageClassName: "gp3", volumeMode: "Filesystem" }, status: { phase: "Pending" },
    }],
  },
  status: { availableReplicas: 2, collisionCount: 0, currentReplicas: 2, replicas: 2 },
};

const network = {
  apiVersion: "apps/v1", kind: "DaemonSet", metadata: served(901, { name: "aws-node", namespace: "kube-system", generation: 4, annotations: { "deprecated.daemonset.template.generation": "4" } }),
  spec: {
    revisionHistoryLimit: 10, selector: { matchLabels: { "k8s-app": "aws-node" } },
    template: {
      metadata: { creationTimestamp: null, labels: { "k8s-app": "aws-node" } },
      spec: {
        ...POD, hostNetwork: true, priorityClassName: "system-node-critical", serviceAccount: "aws-node", serviceAccountName: "aws-node", tolerations: [{ operator: "Exists" }],
        containers: [container("aws-node", { image: "amazon-k8s-cni:v1.16.2", ports: [{ containerPort: 61678, hostPort: 61678, name: "metrics", protocol: "TCP" }] })],
      },
    },
    updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "10%" }, type: "RollingUpdate" },
  },
  status: { currentNumberScheduled: 9, desiredNumberScheduled: 9, numberMisscheduled: 0, numberReady: 9 },
};

const RELEASES = [["kube-system", "coredns"], ["shop", "web"], ["shop", "cart"], ["shop", "payments"], ["ingress-nginx", "ingress-nginx-controller"], ["cert-manager", "cert-manager"]];

/** Nodes of three clouds and what runs on them. */
export const REAL_CLUSTER = stringify({
  apiVersion: "v1",
  items: [
    ...CLOUDS.flatMap((cloud, at) => [0, 1, 2].map((index) => node(cloud, index, at * 3 + index))),
    ...RELEASES.flatMap(release), database, network,
  ],
  kind: "List", metadata: { resourceVersion: "" },
}, { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false });
