//! Cases like the recorded ones that nobody recorded, held against what the real components' source says of them.

use crate::support::world::World;

/// What the Events about an object say, `TYPE REASON MESSAGE`, after some manifests and some time.
fn events(manifests: &str, seconds: u64, namespace: &str, object: &str) -> Vec<String> {
    let mut world = World::new();
    let applied = world.kubectl(["apply", "-f", "-"], manifests);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
    world.wait(seconds);
    told(&mut world, namespace, object)
}

fn told(world: &mut World, namespace: &str, object: &str) -> Vec<String> {
    let selector = format!("involvedObject.name={object}");
    let line = "{range .items[*]}{.type} {.reason} {.message} [{.source.component}]{\"\\n\"}{end}";
    let output = format!("jsonpath={line}");
    let words = ["get", "events", "-n", namespace, "--field-selector", &selector, "-o", &output];
    let events = world.kubectl(words, "");
    assert_eq!(events.exit_code, 0, "{}", events.stderr);
    events.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_schedule_of_a_day_that_no_month_has_is_invalid() {
    let cron = "
apiVersion: batch/v1
kind: CronJob
metadata: {name: never}
spec:
  schedule: 0 0 31 2 *
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}}
";
    assert_eq!(
        events(cron, 5, "default", "never"),
        [
            "Warning InvalidSchedule invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 \
          second [cronjob-controller]"
        ]
    );
}

#[test]
fn an_owner_in_another_namespace_is_none_and_somebody_says_so() {
    let mut world = World::new();
    world.kubectl(["create", "configmap", "owner", "-n", "kube-public"], "");
    let uid = ["get", "cm", "owner", "-n", "kube-public", "-o", "jsonpath={.metadata.uid}"];
    let uid = world.kubectl(uid, "").stdout;
    let owned = |kind: &str, name: &str, uid: &str| {
        format!(
            "{{apiVersion: v1, kind: {kind}, metadata: {{name: {name}, ownerReferences: [{{apiVersion: v1, kind: \
             ConfigMap, name: owner, uid: {uid}}}]}}}}"
        )
    };
    let manifests = [
        owned("ConfigMap", "strange", &uid),
        owned("ConfigMap", "lonely", "11111111-1111-1111-1111-111111111111"),
        owned("Node", "wide", &uid),
    ];
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], &manifests.join("\n---\n"));
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
    world.wait(5);
    let left = world.kubectl(["get", "cm,nodes", "-o", "name", "-n", "default"], "").stdout;
    assert!(!left.contains("strange") && !left.contains("lonely") && left.contains("wide"), "{left}");
    let missing = |namespace: &str| {
        format!(
            "Warning OwnerRefInvalidNamespace ownerRef [v1/ConfigMap, namespace: {namespace}, name: owner, uid: {uid}] \
             does not exist in namespace \"{namespace}\" [garbage-collector-controller]"
        )
    };
    assert_eq!(told(&mut world, "default", "strange"), [missing("default")]);
    assert_eq!(told(&mut world, "default", "wide")[0], missing(""));
    assert_eq!(told(&mut world, "default", "lonely"), [""; 0], "nobody knows of whom it speaks");
}

#[test]
fn a_pod_whose_claim_is_refused_is_told_of_as_the_claim_is() {
    let set = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: none}
spec: {hard: {persistentvolumeclaims: 0}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: nginx}]}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    let refused = "persistentvolumeclaims \"data-db-0\" is forbidden: exceeded quota: none, requested: \
                   persistentvolumeclaims=1, used: persistentvolumeclaims=0, limited: persistentvolumeclaims=0";
    let said = |what: &str, why: &str| {
        format!(
            "Warning FailedCreate Create {what} in StatefulSet db failed error: {why}{refused} [statefulset-controller]"
        )
    };
    assert_eq!(
        events(set, 5, "default", "db"),
        [said("Claim data-db-0 Pod db-0", ""), said("Pod db-0", "failed to create PVC data-db-0: ")]
    );
}
