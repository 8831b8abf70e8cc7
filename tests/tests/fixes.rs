//! What beginners write: said at the very character in the API server's words, and mended by one click so that the API
//! server takes it.

use shared::scenario::{Scenario, StepAction};
use shared::session::fixes::Mender;
use shared::session::{Player, StepResult};
use shared::sim::Time;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
      - name: shop
        image: nginx
        ports:
        - containerPort: 80
        env:
        - name: MODE
          value: fast
        resources:
          limits:
            memory: 512Mi
";
const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector:
    app: shop
  ports:
  - port: 80
    targetPort: 8080
";
const INGRESS: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: shop, port: {number: 80}}}
";
const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: once
spec:
  template:
    spec:
      restartPolicy: OnFailure
      containers:
      - name: once
        image: busybox
";
const CRON_JOB: &str = "\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: often
spec:
  schedule: \"*/5 * * * *\"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: once, image: busybox}]
";
const CLAIM: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: disk
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 5G
";

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  password: aHVudGVyMiE=\n";

/// A good manifest, a part of it and what somebody wrote instead, where the fault is and how its message begins, and what
/// the fixes make of what was written; `None` where they make the good manifest again.
type Case = (&'static str, &'static str, &'static str, (u32, u32), &'static str, Option<&'static str>);

const CASES: &[Case] = &[
    // One word for an object, and what may not be there.
    (
        DEPLOYMENT,
        "  replicas: 2\n",
        "  replicas: 2\n  strategy: Recreate\n",
        (7, 13),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.strategy of type v1.DeploymentStrategy",
        Some("  replicas: 2\n  strategy: {type: Recreate}\n"),
    ),
    (
        SERVICE,
        "  - port: 80\n    targetPort: 8080\n",
        "  - 80\n",
        (9, 5),
        "json: cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type v1.ServicePort",
        Some("  - {port: 80}\n"),
    ),
    (
        DEPLOYMENT,
        "  replicas: 2\n",
        "  replicas: 2\n  strategy:\n    type: Recreate\n    rollingUpdate: {maxSurge: 1}\n",
        (9, 20),
        "spec.strategy.rollingUpdate: Forbidden",
        Some("  replicas: 2\n  strategy:\n    type: Recreate\n"),
    ),
    (
        DEPLOYMENT,
        "        image: nginx\n",
        "        image: nginx\n        restartPolicy: Never\n",
        (18, 24),
        "spec.template.spec.containers[0].restartPolicy: Forbidden",
        None,
    ),
    (
        DEPLOYMENT,
        "          value: fast\n",
        "          value: fast\n          valueFrom: {fieldRef: {fieldPath: metadata.name}}\n",
        (23, 22),
        "spec.template.spec.containers[0].env[0].valueFrom: Invalid value",
        None,
    ),
    // Fields where they do not belong.
    (
        DEPLOYMENT,
        "  name: shop\nspec:",
        "  name: shop\nlabels:\n  app: shop\nspec:",
        (5, 1),
        "unknown field \"labels\"",
        Some("  name: shop\n  labels:\n    app: shop\nspec:"),
    ),
    (DEPLOYMENT, "metadata:\n  name: shop\n", "name: shop\n", (3, 1), "unknown field \"name\"", None),
    (
        DEPLOYMENT,
        "        app: shop\n    spec:\n",
        "        app: shop\n    spec:\n      name: shop\n",
        (15, 7),
        "unknown field \"spec.template.spec.name\"",
        Some("        app: shop\n      name: shop\n    spec:\n"),
    ),
    (
        JOB,
        "    spec:\n      restartPolicy: OnFailure\n      containers:\n      - name: once\n        image: busybox\n",
        "    containers:\n    - name: once\n      image: busybox\n",
        (7, 5),
        "unknown field \"spec.template.containers\"",
        Some(
            "    spec:\n      containers:\n      - name: once\n        image: busybox\n      restartPolicy: OnFailure\n",
        ),
    ),
    (
        DEPLOYMENT,
        "    matchLabels:\n      app: shop",
        "    app: shop",
        (8, 5),
        "unknown field \"spec.selector.app\"",
        None,
    ),
    (
        SERVICE,
        "    app: shop",
        "    matchLabels:\n      app: shop",
        (8, 7),
        "json: cannot unmarshal object into Go struct field ServiceSpec.spec.selector of type string",
        None,
    ),
    (INGRESS, "kind: Ingress", "Kind: Ingress", (2, 1), "kind not set", None),
    (DEPLOYMENT, "apiVersion", "ApiVersion", (1, 1), "apiVersion not set", None),
    (DEPLOYMENT, "apiVersion: apps/v1\n", "", (1, 1), "apiVersion not set", None),
    (
        DEPLOYMENT,
        "  name: shop\nspec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: shop\n",
        "  name: shop\n  replicas: 2\nspec:\n  selector:\n    matchLabels:\n      app: shop\n",
        (5, 3),
        "unknown field \"metadata.replicas\"",
        Some("  name: shop\nspec:\n  selector:\n    matchLabels:\n      app: shop\n  replicas: 2\n"),
    ),
    (
        SERVICE,
        "spec:\n  selector:\n    app: shop\n  ports:\n  - port: 80\n    targetPort: 8080\n",
        "  spec:\n    selector:\n      app: shop\n    ports:\n    - port: 80\n      targetPort: 8080\n",
        (5, 3),
        "unknown field \"metadata.spec\"",
        None,
    ),
    // Lists and maps.
    (
        DEPLOYMENT,
        "      - name: shop\n        image: nginx\n        ports:\n        - containerPort: 80\n        env:\n        - name: MODE\n          value: fast\n        resources:\n          limits:\n            memory: 512Mi\n",
        "        name: shop\n        image: nginx\n        ports:\n        - containerPort: 80\n        env:\n        - name: MODE\n          value: fast\n        resources:\n          limits:\n            memory: 512Mi\n",
        (16, 9),
        "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        Some(
            "        - name: shop\n          image: nginx\n          ports:\n          - containerPort: 80\n          env:\n          - name: MODE\n            value: fast\n          resources:\n            limits:\n              memory: 512Mi\n",
        ),
    ),
    (
        SERVICE,
        "  - port: 80\n    targetPort: 8080\n",
        "    port: 80\n    targetPort: 8080\n",
        (9, 5),
        "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
        Some("    - port: 80\n      targetPort: 8080\n"),
    ),
    (
        DEPLOYMENT,
        "        - name: MODE\n          value: fast",
        "          MODE: fast\n          PORT: 80",
        (21, 11),
        "json: cannot unmarshal object into Go struct field Container.spec.template.spec.containers.env of type []v1.EnvVar",
        Some(
            "          - name: MODE\n            value: fast\n          - name: PORT\n            value: \"80\"",
        ),
    ),
    (
        DEPLOYMENT,
        "  name: shop\nspec:",
        "- name: shop\nspec:",
        (4, 3),
        "json: cannot unmarshal array into Go struct field Deployment.metadata of type v1.ObjectMeta",
        None,
    ),
    (
        SERVICE,
        "    app: shop",
        "  - app: shop",
        (7, 5),
        "json: cannot unmarshal array into Go struct field ServiceSpec.spec.selector of type map[string]string",
        None,
    ),
    (
        DEPLOYMENT,
        "        ports:",
        "        command: sleep 3600\n        ports:",
        (18, 18),
        "json: cannot unmarshal string into Go struct field Container.spec.template.spec.containers.command of type []string",
        Some("        command: [\"sleep\", \"3600\"]\n        ports:"),
    ),
    (
        CLAIM,
        "[ReadWriteOnce]",
        "ReadWriteOnce",
        (6, 16),
        "json: cannot unmarshal string into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type []v1.PersistentVolumeAccessMode",
        None,
    ),
    // Signs of YAML.
    (DEPLOYMENT, "image: nginx", "image:nginx", (17, 15), "expected a space after the colon", None),
    (DEPLOYMENT, "replicas: 2", "replicas:2", (6, 12), "expected a space after the colon", None),
    (
        DEPLOYMENT,
        "- name: shop",
        "-name: shop",
        (16, 8),
        "a list item begins here: expected a space after the dash",
        None,
    ),
    (
        DEPLOYMENT,
        "  name: shop\nspec",
        "\tname: shop\nspec",
        (4, 1),
        "this line is indented with a tab: expected spaces",
        None,
    ),
    (
        DEPLOYMENT,
        "image: nginx",
        "image: nginx: 1.27",
        (17, 21),
        "a second ': ' on this line",
        Some("image: nginx:1.27"),
    ),
    (
        DEPLOYMENT,
        "value: fast",
        "value: \"fast",
        (22, 18),
        "this quote is never closed",
        Some("value: \"fast\""),
    ),
    (
        DEPLOYMENT,
        "value: fast",
        "value: @home",
        (22, 18),
        "a value cannot begin with '@'",
        Some("value: \"@home\""),
    ),
    (
        DEPLOYMENT,
        "  replicas: 2\n",
        "  replicas: 2\n  replicas: 3\n",
        (7, 3),
        "the key \"replicas\" is already set on line 6",
        None,
    ),
    // Units and numbers.
    (DEPLOYMENT, "512Mi", "512mb", (25, 21), "quantities must match the regular expression", Some("512M")),
    (DEPLOYMENT, "512Mi", "512 Mi", (25, 21), "quantities must match the regular expression", None),
    (CLAIM, "5G", "5 GB", (9, 16), "quantities must match the regular expression", None),
    (
        DEPLOYMENT,
        "memory: 512Mi",
        "cpu: 0.5 cores",
        (25, 18),
        "quantities must match the regular expression",
        Some("cpu: 0.5"),
    ),
    (
        DEPLOYMENT,
        "containerPort: 80",
        "containerPort: \"80\"",
        (19, 26),
        "json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
        None,
    ),
    (
        SERVICE,
        "targetPort: 8080",
        "targetPort: \"8080\"",
        (10, 17),
        "spec.ports[0].targetPort: Invalid value: \"8080\": must contain at least one letter (a-z)",
        None,
    ),
    (
        SERVICE,
        "port: 80\n    targetPort: 8080",
        "port: 80:8080",
        (9, 11),
        "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        None,
    ),
    (
        SERVICE,
        "targetPort: 8080",
        "targetPort: 8080\n    nodePort: 8080\n  type: NodePort",
        (11, 15),
        "spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range",
        Some("targetPort: 8080\n    nodePort: 30080\n  type: NodePort"),
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "replicas: -2",
        (6, 13),
        "spec.replicas: Invalid value: -2: must be greater than or equal to 0",
        None,
    ),
    (
        DEPLOYMENT,
        "          limits:",
        "          requests:\n            memory: 1Gi\n          limits:",
        (25, 13),
        "spec.template.spec.containers[0].resources.requests: Invalid value: \"1Gi\": must be less than or equal to memory limit of 512Mi",
        Some("          requests:\n            memory: 512Mi\n          limits:"),
    ),
    (
        DEPLOYMENT,
        "value: fast",
        "value: 8080",
        (22, 18),
        "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        Some("value: \"8080\""),
    ),
    (
        DEPLOYMENT,
        "value: fast",
        "value: yes",
        (22, 18),
        "json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        Some("value: \"yes\""),
    ),
    (
        DEPLOYMENT,
        "containerPort: 80",
        "containerPort: 80000",
        (19, 26),
        "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 80000: must be between 1 and 65535, inclusive",
        Some("containerPort: 8000"),
    ),
    (
        SERVICE,
        "port: 80\n    targetPort: 8080",
        "port: 0\n    targetPort: 8080",
        (9, 11),
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        None,
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "replicas: two",
        (6, 13),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        None,
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "replicas: ２",
        (6, 13),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        None,
    ),
    (
        CRON_JOB,
        "\"*/5 * * * *\"",
        "every 5 minutes",
        (6, 13),
        "spec.schedule: Invalid value: \"every 5 minutes\": expected exactly 5 fields, found 3: [every 5 minutes]",
        None,
    ),
    (
        CRON_JOB,
        "\"*/5 * * * *\"",
        "Daily",
        (6, 13),
        "spec.schedule: Invalid value: \"Daily\": expected exactly 5 fields, found 1: [Daily]",
        Some("\"0 0 * * *\""),
    ),
    (
        CRON_JOB,
        "\"*/5 * * * *\"",
        "0 */5 * * * ?",
        (6, 13),
        "spec.schedule: Invalid value: \"0 */5 * * * ?\": expected exactly 5 fields, found 6: [0 */5 * * * ?]",
        None,
    ),
    // Fields of versions that are gone.
    (
        INGRESS,
        "backend: {service: {name: shop, port: {number: 80}}}",
        "backend: {serviceName: shop, servicePort: 80}",
        (11, 19),
        "unknown field \"spec.rules[0].http.paths[0].backend.serviceName\"",
        None,
    ),
    (
        INGRESS,
        "backend: {service: {name: shop, port: {number: 80}}}",
        "backend:\n          serviceName: shop\n          # as the Service calls it\n          servicePort: http",
        (12, 11),
        "unknown field \"spec.rules[0].http.paths[0].backend.serviceName\"",
        Some(
            "backend:\n          service:\n            name: shop\n            port:\n              name: http\n          # as the Service calls it",
        ),
    ),
    (
        INGRESS,
        "  rules:",
        "  backend:\n    service: {name: shop, port: {number: 80}}\n  rules:",
        (6, 3),
        "unknown field \"spec.backend\"",
        Some("  defaultBackend:\n    service: {name: shop, port: {number: 80}}\n  rules:"),
    ),
    // Names and words.
    (
        DEPLOYMENT,
        "  name: shop\nspec",
        "  name: My_App\nspec",
        (4, 9),
        "metadata.name: Invalid value: \"My_App\": a lowercase RFC 1123 subdomain must consist of",
        Some("  name: my-app\nspec"),
    ),
    (
        DEPLOYMENT,
        "- name: shop",
        "- name: Shop App",
        (16, 15),
        "spec.template.spec.containers[0].name: Invalid value: \"Shop App\": a lowercase RFC 1123 label must consist of",
        Some("- name: shop-app"),
    ),
    (
        SERVICE,
        "  name: shop\n",
        "  name: shop\n  labels:\n    tier: the front\n",
        (6, 5),
        "metadata.labels: Invalid value: \"the front\": a valid label must be",
        Some("  name: shop\n  labels:\n    tier: the-front\n"),
    ),
    (
        JOB,
        "OnFailure",
        "onfailure",
        (8, 22),
        "spec.template.spec.restartPolicy: Unsupported value: \"onfailure\"",
        None,
    ),
    (
        INGRESS,
        "Prefix",
        "prefix",
        (10, 19),
        "spec.rules[0].http.paths[0].pathType: Unsupported value: \"prefix\"",
        None,
    ),
    (
        DEPLOYMENT,
        "      app: shop\n  template:\n    metadata:\n      labels:\n        app: shop\n",
        "      app: my shop\n  template:\n    metadata:\n      labels:\n        app: my shop\n",
        (9, 7),
        "spec.selector.matchLabels: Invalid value: \"my shop\": a valid label must be",
        Some("      app: my-shop\n  template:\n    metadata:\n      labels:\n        app: my-shop\n"),
    ),
    // What is missing.
    (
        INGRESS,
        "        pathType: Prefix\n",
        "",
        (9, 9),
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        None,
    ),
    (
        DEPLOYMENT,
        "        image: nginx\n",
        "",
        (16, 9),
        "spec.template.spec.containers[0].image: Required value",
        None,
    ),
    (
        JOB,
        "      restartPolicy: OnFailure\n      containers:\n      - name: once\n        image: busybox\n",
        "      containers:\n      - name: once\n        image: busybox\n",
        (7, 5),
        "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        Some(
            "      containers:\n      - name: once\n        image: busybox\n      restartPolicy: OnFailure\n",
        ),
    ),
    (
        SERVICE,
        "  name: shop\n",
        "  namespace: default\n",
        (3, 1),
        "resource name may not be empty",
        Some("  namespace: default\n  name: service\n"),
    ),
    (
        DEPLOYMENT,
        "metadata:\n  name: shop\nspec",
        "spec",
        (1, 1),
        "resource name may not be empty",
        Some("metadata:\n  name: deployment\nspec"),
    ),
    (
        SERVICE,
        "apiVersion: v1\nkind: Service\nmetadata:\n",
        "apiVersion: v1\nkind: Service\nmetadata:\n  namespace: market\n",
        (4, 14),
        "namespaces \"market\" not found",
        Some(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: market\n---\napiVersion: v1\nkind: Service\nmetadata:\n  namespace: market\n",
        ),
    ),
    (
        DEPLOYMENT,
        "        ports:\n        - containerPort: 80\n        env:\n        - name: MODE\n          value: fast\n        resources:\n          limits:\n            memory: 512Mi\n",
        "        volumeMounts:\n        - {name: data, mountPath: /data}\n        ports:\n        - containerPort: 80\n        env:\n        - name: MODE\n          value: fast\n        resources:\n          limits:\n            memory: 512Mi\n",
        (19, 18),
        "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\"",
        Some(
            "        volumeMounts:\n        - {name: data, mountPath: /data}\n        ports:\n        - containerPort: 80\n        env:\n        - name: MODE\n          value: fast\n        resources:\n          limits:\n            memory: 512Mi\n      volumes:\n      - name: data\n        emptyDir: {}\n",
        ),
    ),
    (
        DEPLOYMENT,
        "      labels:\n        app: shop\n",
        "      annotations: {a: b}\n",
        (11, 5),
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
        Some("      annotations: {a: b}\n      labels:\n        app: shop\n"),
    ),
    (SECRET, "aHVudGVyMiE=", "hunter2!", (6, 13), "illegal base64 data at input byte 7", None),
];

/// A text applied to a cluster that lives.
fn apply(text: &str) -> StepResult {
    let mut player = Player::new(Scenario::opening(), 0).expect("the opening can be played");
    player.advance_to(Time(30_000));
    let step = player.submit(StepAction::Apply(text.into()), Default::default());
    loop {
        assert!(player.step(), "it comes to an end");
        if let Some(result) = player.results().iter().find(|result| result.step == step) {
            return result.clone();
        }
    }
}

#[test]
fn what_beginners_write_is_said_where_it_is_and_mended() {
    let mut wrong = Vec::new();
    for (good, part, written, place, message, fixed) in CASES {
        assert_eq!(good.matches(part).count(), 1, "{part}");
        let text = good.replace(part, written);
        let expected = fixed.map_or_else(|| (*good).to_owned(), |fixed| good.replace(part, fixed));
        let mut result = apply(&text);
        let Some(first) = result.diagnostics.first() else {
            wrong.push(format!("{written:?}: no fault: {}", result.stderr));
            continue;
        };
        if ((first.line, first.column), true) != (*place, first.message.starts_with(message)) {
            wrong.push(format!("{written:?}: {first:?}"));
        }
        // What is said of a text may be several faults, each with its fix.
        let mut mended = text;
        for _ in 0..3 {
            let Some(fault) = result.diagnostics.first() else { break };
            let Some(fix) = Mender::new(&mended).fixes(fault).into_iter().next() else {
                wrong.push(format!("{written:?}: nothing mends {fault:?}"));
                break;
            };
            mended = fix.applied(&mended);
            result = apply(&mended);
        }
        if result.exit_code != 0 || mended != expected {
            wrong.push(format!("{written:?}: {} came to\n{mended}", result.stderr));
        }
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}
