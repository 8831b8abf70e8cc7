//! What the schema says of a field's values is what the API server takes: every field that has a list of them is filled
//! with something else, and refused with that list.

use shared::api::Kind;
use shared::doc::{Doc, Segment};
use shared::schema::{self, FieldType, Schema};

use crate::support::world::World;

/// Good objects, which have all those fields between them.
const OBJECTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: all}
spec:
  restartPolicy: Always
  dnsPolicy: Default
  securityContext: {seccompProfile: {type: RuntimeDefault}, appArmorProfile: {type: RuntimeDefault}}
  tolerations: [{key: a, operator: Exists, effect: NoSchedule}]
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeAffinityPolicy: Honor, nodeTaintsPolicy: Honor, labelSelector: {}}
  volumes: [{name: h, hostPath: {path: /x, type: Directory}}]
  containers:
  - name: c
    image: nginx
    imagePullPolicy: Always
    terminationMessagePolicy: File
    ports: [{containerPort: 80, protocol: TCP}]
    readinessProbe: {httpGet: {port: 80, scheme: HTTP}}
    volumeMounts: [{name: h, mountPath: /x, mountPropagation: None}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: all}
spec:
  schedule: '* * * * *'
  concurrencyPolicy: Allow
  jobTemplate:
    spec:
      completions: 1
      completionMode: NonIndexed
      podReplacementPolicy: Failed
      podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: A, status: 'True'}]}]}
      template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: all}
spec:
  strategy: {type: RollingUpdate}
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {preemptionPolicy: Never, containers: [{name: c, image: nginx}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: all}
spec:
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: all}
spec:
  updateStrategy: {type: OnDelete}
  podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}
---
apiVersion: v1
kind: Service
metadata: {name: all}
spec:
  type: LoadBalancer
  sessionAffinity: None
  externalTrafficPolicy: Cluster
  internalTrafficPolicy: Cluster
  ipFamilyPolicy: SingleStack
  ports: [{port: 80, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: all}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
ports: [{port: 80, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: all}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 1}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{protocol: TCP, port: 1}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: all}
spec:
  maxReplicas: 2
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: all}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: all}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  hostPath: {path: /x}
  persistentVolumeReclaimPolicy: Retain
  volumeMode: Filesystem
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: all}
spec: {accessModes: [ReadWriteOnce], volumeMode: Filesystem, resources: {requests: {storage: 1Gi}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: all}
provisioner: example.com/x
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: all}
spec: {unhealthyPodEvictionPolicy: AlwaysAllow}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: all}
value: 1
preemptionPolicy: Never
---
apiVersion: v1
kind: Node
metadata: {name: all}
spec: {taints: [{key: a, effect: NoSchedule}]}
";

/// Nobody creates debug containers (they come by a path of their own); these two fields are not checked yet.
const ELSEWHERE: [&str; 4] = [
    "EphemeralContainer.imagePullPolicy",
    "EphemeralContainer.terminationMessagePolicy",
    "AppArmorProfile.type",
    "VolumeMount.mountPropagation",
];

/// Where in an object a field of a type is, `PodSpec.dnsPolicy`: the value itself, or the first of a list.
fn place(doc: &Doc, of: FieldType, wanted: &str, path: &mut Vec<Segment>) -> bool {
    match (doc, of) {
        (Doc::Map(map), FieldType::Object(of)) => map.entries().iter().any(|(key, value)| {
            path.push(Segment::Key(key.clone()));
            let Some(field) = of.field(key) else { return path.pop().is_none() };
            if format!("{}.{key}", of.name()) == wanted {
                if matches!(value, Doc::List(_)) {
                    path.push(Segment::Index(0));
                }
                return true;
            }
            place(value, field.field_type(), wanted, path) || path.pop().is_none()
        }),
        (Doc::List(items), FieldType::List(element)) => items.iter().enumerate().any(|(at, item)| {
            path.push(Segment::Index(at as u32));
            place(item, element.get(), wanted, path) || path.pop().is_none()
        }),
        _ => false,
    }
}

fn put(doc: &mut Doc, path: &[Segment], value: Doc) {
    match path {
        [] => *doc = value,
        [Segment::Key(key), rest @ ..] => put(doc.at_mut(&[key.as_str()]), rest, value),
        [Segment::Index(at), rest @ ..] => put(&mut doc.items_mut()[*at as usize], rest, value),
    }
}

/// `spec.containers[0].image`
fn named(path: &[Segment]) -> String {
    let steps = path.iter().map(|step| match step {
        Segment::Key(key) => format!(".{key}"),
        Segment::Index(at) => format!("[{at}]"),
    });
    steps.collect::<String>().trim_start_matches('.').to_owned()
}

#[test]
fn a_field_with_a_list_of_values_takes_no_others() {
    let mut world = World::new();
    let objects = shared::manifest::documents(OBJECTS).expect("it is YAML");
    let mut create = |object: &Doc| {
        let output = world.kubectl(["create", "--dry-run=server", "-f", "-"], &object.to_json());
        (output.exit_code, output.stderr)
    };
    for object in &objects {
        assert_eq!(create(object), (0, String::new()), "{}", object["kind"].str());
    }
    let mut wrong = Vec::new();
    for (field, values) in schema::enumerated() {
        if ELSEWHERE.contains(field) {
            continue;
        }
        let found = objects.iter().find_map(|object| {
            let kind = Kind::of(&object["apiVersion"].str(), &object["kind"].str())?;
            let mut path = Vec::new();
            place(object, FieldType::Object(Schema::of(kind)?), field, &mut path).then_some((object, path))
        });
        let Some((object, path)) = found else {
            wrong.push(format!("{field}: no object has it"));
            continue;
        };
        let mut object = object.clone();
        put(&mut object, &path, Doc::from("Bogus".to_owned()));
        let (code, said) = create(&object);
        // Some are refused under the name of what they are in, and the taints of nodes as a part of their metadata.
        let path = named(&path).trim_end_matches("[0]").replace("spec.taints", "metadata.taints");
        let parent = path.rsplit_once('.').map_or(String::new(), |(parent, _)| format!("{parent}: "));
        if code == 0 || !(said.contains(&path) || said.contains(&parent)) {
            wrong.push(format!("{field}: {said:?} of {path}"));
        } else if let Some((_, listed)) = said.split_once("supported values: ") {
            let listed: Vec<&str> =
                listed.lines().next().unwrap_or("").split('"').skip(1).step_by(2).collect();
            // A class may only delete or retain, whatever volumes may; with a failure policy only what failed is replaced.
            let missing = values.iter().filter(|value| {
                !listed.contains(value) && !["Recycle", "TerminatingOrFailed"].contains(*value)
            });
            let more = listed.iter().filter(|value| !values.contains(value));
            let different: Vec<&&str> = missing.chain(more).collect();
            if !different.is_empty() {
                wrong.push(format!("{field}: {different:?} {listed:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
