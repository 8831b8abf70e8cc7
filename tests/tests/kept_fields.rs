//! Which fields of what was sent an object has: what is zero goes where Go leaves it out, what is missing comes where
//! there is a default or Go always writes it.

use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

use crate::support::world::World;

/// What is sent, where it is looked at, and where in it (as a JSON pointer) stands what.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    (
        "\
apiVersion: v1
kind: Pod
metadata: {name: zero}
spec:
  hostNetwork: false
  shareProcessNamespace: false
  nodeName: ''
  restartPolicy: ''
  dnsPolicy: ''
  readinessGates: []
  containers:
  - name: c
    image: nginx:1
    imagePullPolicy: ''
    stdin: false
    env:
    - {name: C, value: ''}
    - {name: L, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    ports: [{containerPort: 80, name: '', hostPort: 0, protocol: ''}]
    securityContext: {privileged: false}
    volumeMounts: [{name: a, mountPath: /a, readOnly: false, subPath: ''}]
    livenessProbe: {httpGet: {port: 80, host: '', scheme: ''}, initialDelaySeconds: 0, periodSeconds: 0}
  volumes:
  - {name: a, emptyDir: {medium: ''}}
  - {name: d, downwardAPI: {items: [{path: m, resourceFieldRef: {containerName: c, resource: limits.memory}}]}}
  - {name: i, image: {reference: 'data:1'}}
  - {name: s, iscsi: {targetPortal: t, iqn: 'iqn.2026-01.a:b', lun: 0}}
  - {name: r, rbd: {monitors: [m], image: i}}
  - {name: e, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}
",
        "/api/v1/namespaces/default/pods/zero",
        &[
            ("/spec/hostNetwork", "null"),
            ("/spec/shareProcessNamespace", "false"),
            ("/spec/restartPolicy", r#""Always""#),
            ("/spec/dnsPolicy", r#""ClusterFirst""#),
            ("/spec/containers/0/imagePullPolicy", r#""IfNotPresent""#),
            ("/spec/containers/0/stdin", "null"),
            ("/spec/containers/0/env/0", r#"{"name":"C"}"#),
            (
                "/spec/containers/0/env/1",
                r#"{"name":"L","valueFrom":{"resourceFieldRef":{"divisor":"0","resource":"limits.cpu"}}}"#,
            ),
            ("/spec/containers/0/ports/0", r#"{"containerPort":80,"protocol":"TCP"}"#),
            ("/spec/containers/0/securityContext", r#"{"privileged":false}"#),
            ("/spec/containers/0/volumeMounts/0", r#"{"mountPath":"/a","name":"a"}"#),
            (
                "/spec/containers/0/livenessProbe",
                r#"{"failureThreshold":3,"httpGet":{"path":"/","port":80,"scheme":"HTTP"},"periodSeconds":10,
                "successThreshold":1,"timeoutSeconds":1}"#,
            ),
            ("/spec/volumes/0", r#"{"emptyDir":{},"name":"a"}"#),
            ("/spec/volumes/1/downwardAPI/items/0/resourceFieldRef/divisor", r#""0""#),
            ("/spec/volumes/2/image/pullPolicy", r#""IfNotPresent""#),
            (
                "/spec/volumes/3/iscsi",
                r#"{"iqn":"iqn.2026-01.a:b","iscsiInterface":"default","lun":0,"targetPortal":"t"}"#,
            ),
            (
                "/spec/volumes/4/rbd",
                r#"{"image":"i","keyring":"/etc/ceph/keyring","monitors":["m"],"pool":"rbd","user":"admin"}"#,
            ),
            ("/spec/volumes/5/ephemeral/volumeClaimTemplate/metadata", "{}"),
            ("/spec/volumes/5/ephemeral/volumeClaimTemplate/spec/volumeMode", r#""Filesystem""#),
        ],
    ),
    (
        "\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set}
spec:
  minReadySeconds: 0
  podManagementPolicy: ''
  updateStrategy: {type: ''}
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
",
        "/apis/apps/v1/namespaces/default/statefulsets/set",
        &[
            ("/spec/minReadySeconds", "null"),
            ("/spec/podManagementPolicy", r#""OrderedReady""#),
            ("/spec/serviceName", r#""""#),
            ("/spec/updateStrategy/type", r#""RollingUpdate""#),
            (
                "/spec/volumeClaimTemplates/0",
                r#"{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},
                "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem"},
                "status":{"phase":"Pending"}}"#,
            ),
        ],
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: '', sessionAffinity: '', ports: [{port: 80, nodePort: 0}]}}",
        "/api/v1/namespaces/default/services/s",
        &[
            ("/spec/type", r#""ClusterIP""#),
            ("/spec/sessionAffinity", r#""None""#),
            ("/spec/ports/0", r#"{"port":80,"protocol":"TCP","targetPort":80}"#),
        ],
    ),
    (
        "\
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: '* * * * *'
  concurrencyPolicy: ''
  suspend: false
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}
",
        "/apis/batch/v1/namespaces/default/cronjobs/cron",
        &[
            ("/spec/concurrencyPolicy", r#""Allow""#),
            ("/spec/suspend", "false"),
            ("/spec/jobTemplate/spec/template/metadata", "{}"),
        ],
    ),
    (
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: nothing}, rules: []}",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/nothing",
        &[("", r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","rules":null}"#)],
    ),
    (
        "{apiVersion: v1, kind: Event, metadata: {name: e}, involvedObject: {kind: Pod, name: p, namespace: default}, reason: R, message: m, type: Normal}",
        "/api/v1/namespaces/default/events/e",
        &[(
            "",
            r#"{"apiVersion":"v1","eventTime":null,"firstTimestamp":null,"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},
            "kind":"Event","lastTimestamp":null,"message":"m","reason":"R","reportingComponent":"","reportingInstance":"","source":{},"type":"Normal"}"#,
        )],
    ),
    (
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: e}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}]}",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/e",
        &[("/endpoints/0", r#"{"addresses":["10.0.0.1"],"conditions":{}}"#), ("/ports", "null")],
    ),
    (
        "{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {persistentVolumeReclaimPolicy: '', capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], azureDisk: {diskName: d, diskURI: u}}}",
        "/api/v1/persistentvolumes/pv",
        &[
            ("/spec/persistentVolumeReclaimPolicy", r#""Retain""#),
            (
                "/spec/azureDisk",
                r#"{"cachingMode":"ReadWrite","diskName":"d","diskURI":"u","fsType":"ext4","kind":"Shared","readOnly":false}"#,
            ),
        ],
    ),
];

fn get(world: &mut World, path: &str) -> Value {
    let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let mut object: Value = serde_json::from_str(&world.request(request).body.to_json()).expect("JSON");
    object.as_object_mut().expect("an object").remove("metadata");
    object
}

#[test]
fn objects_have_the_fields_that_go_writes() {
    let mut world = World::new();
    for (manifest, path, expected) in CASES {
        let made = world.kubectl(["create", "--validate=strict", "-f", "-"], manifest);
        assert_eq!(made.exit_code, 0, "{}", made.stderr);
        let object = get(&mut world, path);
        for (pointer, expected) in *expected {
            let expected: Value = serde_json::from_str(expected).expect("JSON");
            let found = object.pointer(pointer).cloned().unwrap_or_default();
            assert_eq!(found, expected, "{path}{pointer}");
        }
    }
}

#[test]
fn whoever_applies_a_zero_owns_it_and_wins() {
    let manifest = |paused: bool| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{paused: {paused}, selector: {{matchLabels: {{a: b}}}}, \
             template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: nginx}}]}}}}}}}}"
        )
    };
    let mut world = World::new();
    let mut paused = |manager: &str, paused: bool| {
        let manager = format!("--field-manager={manager}");
        let made = world.kubectl(["apply", "--server-side", &manager, "-f", "-"], &manifest(paused));
        let path = "/apis/apps/v1/namespaces/default/deployments/web";
        (made.exit_code, get(&mut world, path)["spec"]["paused"].clone())
    };
    assert_eq!(paused("a", true), (0, json!(true)));
    assert_eq!(paused("b", false).0, 1, "it is another's");
    assert_eq!(paused("a", false), (0, Value::Null));
    assert_eq!(paused("b", true).0, 1, "the zero is another's");
}
