// Manifests as projects have them, good and bad: `[what it is, text]`. The editor is held against the API server with each.

const pod = (spec) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n${spec}`;
const containers = "  containers:\n  - name: c\n    image: nginx\n";
const deployment = (change = (text) => text) => change(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app.kubernetes.io/name: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - {name: http, containerPort: 80}
        resources:
          requests: {cpu: 100m, memory: 64Mi}
          limits: {memory: 128Mi}
        readinessProbe:
          httpGet: {path: /, port: http}
`);
const service = (rest = "") => `apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports:\n  - {port: 80, targetPort: http}\n${rest}`;
const map = (rest) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n${rest}`;
const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: certificates.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: certificates, singular: certificate, kind: Certificate, shortNames: [cert]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {dnsNames: {type: array, items: {type: string}}}}}}
`;

export const MANIFESTS = [
  ["a Deployment", deployment()],
  ["a Deployment and its Service", `${deployment()}---\n${service()}`],
  ["Windows line ends", deployment((text) => text.replaceAll("\n", "\r\n"))],
  ["a Helm stream", `---\n# Source: shop/templates/service.yaml\n${service()}---\n# Source: shop/templates/deployment.yaml\n${deployment()}---\n# Source: shop/templates/empty.yaml\n`],
  ["a List", `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n`],
  ["output of --dry-run", `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  creationTimestamp: null\n  labels:\n    app: web\n  name: web\nspec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: web\n  strategy: {}\n  template:\n    metadata:\n      creationTimestamp: null\n      labels:\n        app: web\n    spec:\n      containers:\n      - image: nginx\n        name: nginx\n        resources: {}\nstatus: {}\n`],
  ["JSON", JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "j" }, data: { a: "b" } }, null, 2)],
  ["JSON on one line", JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "j" } })],
  ["JSON values one after the other", `${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" } }, null, 2)}\n${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "two" }, dta: {} })}\n`],
  ["anchors and merge keys", `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: anchored\n  labels: &l\n    app: web\n    tier: front\n  annotations:\n    <<: *l\n    more: "1"\ndata: {}\n`],
  ["an anchor in each document", `apiVersion: v1\nkind: ConfigMap\nmetadata: &a {name: one}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, labels: &b {x: y}}\n`],
  ["an alias without its anchor", map("data:\n  a: *nothing\n")],
  ["block scalars", map("data:\n  run.sh: |\n    #!/bin/sh\n    echo \"a: b\"\n  folded: >-\n    one\n    two\n  kept: |+\n    x\n\n")],
  ["a script with tabs in a block", map("data:\n  Makefile: |\n    all:\n    \tgo build\n")],
  ["UTF-8 names", map("data:\n  挨拶: こんにちは\n")],
  ["UTF-8 values", map("data:\n  greeting: \"こんにちは、世界 🌏\"\n")],
  ["a UTF-8 label", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  labels: {app: ウェブ}\n"],
  ["a tab as indentation", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: m\n"],
  ["comments everywhere", "# a\napiVersion: v1 # b\n# c\nkind: ConfigMap # d\nmetadata: # e\n  # f\n  name: m # g\n# h\n"],
  ["only comments", "# nothing here\n"],
  ["several empty documents", `---\n---\n${map("")}---\n`],
  ["a document's end", `${map("")}...\n`],
  ["a directive", `%YAML 1.2\n---\n${map("")}`],
  ["a key twice", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  a: \"1\"\n  a: \"2\"\n"],
  ["numbers as data", map("data:\n  port: 8080\n")],
  ["yes and no as data", map("data:\n  on: \"yes\"\n  off: no\n")],
  ["an unclosed brace", map("data: {a: b\n")],
  ["an unclosed quote", map("data:\n  a: \"b\n")],
  ["indentation that fits nowhere", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: m\n  labels: {}\n"],
  ["a colon in a value", map("data:\n  url: http://example.com: 80\n")],
  ["a list at the root", "- apiVersion: v1\n- kind: Pod\n"],
  ["a word at the root", "hello\n"],
  ["no kind", "apiVersion: v1\nmetadata: {name: x}\n"],
  ["no apiVersion", "kind: Pod\nmetadata: {name: x}\n"],
  ["no name", "apiVersion: v1\nkind: ConfigMap\ndata: {}\n"],
  ["a bad name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_Good}\n"],
  ["a kind nobody serves", "apiVersion: example.com/v1\nkind: Ship\nmetadata: {name: x}\n"],
  ["a version of old", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: x}\n"],
  ["a namespace that is not there", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: nowhere}\n"],
  ["a CustomResourceDefinition", crd],
  ["a CustomResourceDefinition without schema", crd.replace(/    schema:\n.*\n/, "")],
  ["a replica too few letters", deployment((text) => text.replace("replicas", "replica"))],
  ["replicas in quotes", deployment((text) => text.replace("replicas: 2", "replicas: \"2\""))],
  ["replicas below zero", deployment((text) => text.replace("replicas: 2", "replicas: -2"))],
  ["no selector", deployment((text) => text.replace("  selector:\n    matchLabels: {app: web}\n", ""))],
  ["a selector of others", deployment((text) => text.replace("matchLabels: {app: web}", "matchLabels: {app: other}"))],
  ["no image", deployment((text) => text.replace("        image: nginx:1.27\n", ""))],
  ["a port that is none", deployment((text) => text.replace("containerPort: 80", "containerPort: 80000"))],
  ["a probe of a port that is not there", deployment((text) => text.replace("port: http}", "port: web}"))],
  ["a bad quantity", deployment((text) => text.replace("128Mi", "128MiB"))],
  ["requests above limits", deployment((text) => text.replace("memory: 64Mi", "memory: 640Mi"))],
  ["two containers of one name", pod("  containers:\n  - {name: c, image: a}\n  - {name: c, image: b}\n")],
  ["a volume nobody defines", pod(`${containers}    volumeMounts:\n    - {name: v, mountPath: /v}\n`)],
  ["a pod with everything", pod(`  initContainers:\n  - {name: i, image: busybox, command: [sh, -c, "true"]}\n${containers}    env:\n    - name: A\n      valueFrom: {fieldRef: {fieldPath: metadata.name}}\n    volumeMounts:\n    - {name: v, mountPath: /v}\n  volumes:\n  - name: v\n    emptyDir: {}\n  tolerations:\n  - {key: a, operator: Exists}\n`)],
  ["an environment number", pod(`${containers}    env:\n    - {name: A, value: 1}\n`)],
  ["a restart policy in small letters", pod(`${containers}  restartPolicy: always\n`)],
  ["a Service", service()],
  ["a NodePort too low", service("  type: NodePort\n").replace("port: 80,", "port: 80, nodePort: 80,")],
  ["a Service without ports", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: b}}\n"],
  ["a headless Service", service("  clusterIP: None\n")],
  ["a StatefulSet", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  serviceName: db\n  replicas: 3\n  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: db, image: postgres}]}\n  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec:\n      accessModes: [ReadWriteOnce]\n      resources: {requests: {storage: 1Gi}}\n"],
  ["a DaemonSet", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec:\n  selector: {matchLabels: {app: d}}\n  template:\n    metadata: {labels: {app: d}}\n    spec: {containers: [{name: d, image: fluentd}]}\n"],
  ["a DaemonSet with replicas", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: d}}\n  template:\n    metadata: {labels: {app: d}}\n    spec: {containers: [{name: d, image: fluentd}]}\n"],
  ["a CronJob", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: \"*/5 * * * *\"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: OnFailure\n          containers: [{name: c, image: busybox, args: [date]}]\n"],
  ["a schedule that is none", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: \"often\"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: OnFailure\n          containers: [{name: c, image: busybox}]\n"],
  ["a Job that restarts always", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  template:\n    spec: {containers: [{name: j, image: busybox}]}\n"],
  ["an Ingress", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  rules:\n  - host: example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {service: {name: web, port: {number: 80}}}\n"],
  ["an Ingress of the older shape", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  rules:\n  - http:\n      paths:\n      - path: /\n        backend: {serviceName: web, servicePort: 80}\n"],
  ["an autoscaler", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 1\n  maxReplicas: 5\n  metrics:\n  - type: Resource\n    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}\n"],
  ["an autoscaler upside down", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 6\n  maxReplicas: 5\n"],
  ["a disruption budget", "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n"],
  ["a budget of both", "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1, maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n"],
  ["a network policy", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]\n"],
  ["roles and bindings", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules:\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get, list]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}]\n"],
  ["a role without verbs", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules:\n- apiGroups: [\"\"]\n  resources: [pods]\n"],
  ["a claim without size", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {accessModes: [ReadWriteOnce]}\n"],
  ["a Secret that is no base64", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: \"%%%\"}\n"],
  ["a long file", `${Array.from({ length: 200 }, (_, index) => map(`data: {number: "${index}"}\n`).replace("name: m", `name: m-${index}`)).join("---\n")}`],
];
