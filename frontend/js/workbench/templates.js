// What an object of a kind needs beside its name, as a snippet: each is taken by the API server as it stands.

const POD = (indent) => "metadata:\n  labels:\n    app: ${name}\nspec:\n  containers:\n  - name: ${name}\n    image: ${nginx}"
  .replaceAll("\n", `\n${" ".repeat(indent)}`);
const SELECTOR = "  selector:\n    matchLabels:\n      app: ${name}\n";
const RULES = "rules:\n- apiGroups: [\"\"]\n  resources: [${pods}]\n  verbs: [get, list, watch]\n";
const BINDING = (kind) => `roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ${kind}\n  name: \${view}\nsubjects:\n- kind: ServiceAccount\n  name: \${default}\n  namespace: \${default}\n`;
const JOB = (indent) => "template:\n  spec:\n    restartPolicy: Never\n    containers:\n    - name: ${name}\n      image: ${busybox}\n"
  .replaceAll(/\n(?=.)/g, `\n${" ".repeat(indent)}`);

export const BODIES = {
  Deployment: `spec:\n  replicas: 1\n${SELECTOR}  template:\n    ${POD(4)}\n`,
  ReplicaSet: `spec:\n  replicas: 1\n${SELECTOR}  template:\n    ${POD(4)}\n`,
  ReplicationController: `spec:\n  replicas: 1\n  selector:\n    app: \${name}\n  template:\n    ${POD(4)}\n`,
  StatefulSet: `spec:\n  serviceName: \${name}\n  replicas: 1\n${SELECTOR}  template:\n    ${POD(4)}\n`,
  DaemonSet: `spec:\n${SELECTOR}  template:\n    ${POD(4)}\n`,
  Pod: "spec:\n  containers:\n  - name: ${name}\n    image: ${nginx}\n",
  PodTemplate: `template:\n  ${POD(2)}\n`,
  Job: `spec:\n  ${JOB(2)}`,
  CronJob: `spec:\n  schedule: "*/5 * * * *"\n  jobTemplate:\n    spec:\n      ${JOB(6)}`,
  Service: "spec:\n  selector:\n    app: ${name}\n  ports:\n  - port: 80\n    targetPort: 8080\n",
  Ingress: "spec:\n  rules:\n  - host: ${example.com}\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: ${name}\n            port:\n              number: 80\n",
  IngressClass: "spec:\n  controller: ${example.com/ingress-controller}\n",
  NetworkPolicy: "spec:\n  podSelector:\n    matchLabels:\n      app: ${name}\n  policyTypes: [Ingress]\n",
  ConfigMap: "data:\n  ${key}: ${value}\n",
  Secret: "stringData:\n  ${key}: ${value}\n",
  PersistentVolumeClaim: "spec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: ${1Gi}\n",
  PersistentVolume: "spec:\n  capacity:\n    storage: ${1Gi}\n  accessModes: [ReadWriteOnce]\n  hostPath:\n    path: ${/data}\n",
  StorageClass: "provisioner: ${kubernetes.io/no-provisioner}\nvolumeBindingMode: WaitForFirstConsumer\n",
  HorizontalPodAutoscaler: "spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: ${name}\n  minReplicas: 1\n  maxReplicas: 5\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 80\n",
  PodDisruptionBudget: `spec:\n  minAvailable: 1\n${SELECTOR}`,
  ResourceQuota: "spec:\n  hard:\n    pods: \"10\"\n",
  LimitRange: "spec:\n  limits:\n  - type: Container\n    default:\n      memory: ${256Mi}\n",
  PriorityClass: "value: ${1:1000}\n",
  RuntimeClass: "handler: ${runc}\n",
  CustomResourceDefinition: "spec:\n  group: ${example.com}\n  scope: Namespaced\n  names:\n    plural: ${things}\n    kind: ${Thing}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            properties:\n              ${size}:\n                type: integer\n",
  ValidatingAdmissionPolicy: "spec:\n  matchConstraints:\n    resourceRules:\n    - apiGroups: [apps]\n      apiVersions: [v1]\n      operations: [CREATE, UPDATE]\n      resources: [deployments]\n  validations:\n  - expression: ${object.spec.replicas <= 5}\n",
  ValidatingAdmissionPolicyBinding: "spec:\n  policyName: ${name}\n  validationActions: [Deny]\n",
  Role: RULES,
  ClusterRole: RULES,
  RoleBinding: BINDING("ClusterRole"),
  ClusterRoleBinding: BINDING("ClusterRole"),
};

/** What an object of a kind is called at first. */
export const nameOf = (kind) => (kind === "CustomResourceDefinition" ? "${things}.${example.com}" : "${name}");

/** Kinds whose objects only answer something, or are read only. */
export const onlyAnswers = (kind) => /^(Binding|ComponentStatus|Eviction)$/.test(kind);
/** Whether a person writes objects of a kind. */
export const isWritten = ({ kind, apiVersion }) => !onlyAnswers(kind) && !/^(authorization|authentication|metrics)\./.test(apiVersion);
