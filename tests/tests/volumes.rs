//! Volumes: claims get them, pods go where they are, and they are what stays when pods go.

use shared::api::{Key, Kind};
use shared::doc::{Doc, Str};
use shared::scenario::{FaultStep, RepairStep, Scenario, StepAction};
use shared::session::Player;
use shared::sim::{Duration, Fault, Target, Time};

struct Lab(Player);

impl Lab {
    fn new(addons: &str) -> Lab {
        let scenario = format!(
            "{{apiVersion: kubarium.dev/v1alpha1, kind: Scenario, metadata: {{name: lab}}, spec: {{seed: 5, \
             cluster: {{nodes: [{{count: 3}}] {addons}}}, images: {{\"app:1\": {{}}}}, \
             options: {{imagePull: 0s, containerStart: 500ms, containerStop: 500ms}}}}}}"
        );
        let mut player = Player::new(Scenario::parse(&scenario).unwrap(), 10_000).unwrap();
        player.advance_to(Time(20_000));
        Lab(player)
    }

    fn run(&mut self, seconds: u64) {
        let until = self.0.now() + Duration::seconds(seconds);
        self.0.advance_to(until);
    }

    fn act(&mut self, action: StepAction) -> String {
        let step = self.0.submit(action, Str::new());
        for _ in 0..600 {
            if let Some(result) = self.0.results().iter().find(|result| result.step == step) {
                return format!("{}{}", result.stdout, result.stderr);
            }
            let soon = self.0.now() + Duration::millis(100);
            self.0.advance_to(soon);
        }
        panic!("the command does not end");
    }

    fn kubectl(&mut self, line: &str) -> String {
        self.act(StepAction::Kubectl(line.into()))
    }

    fn apply(&mut self, yaml: &str) -> String {
        self.act(StepAction::Apply(yaml.into()))
    }

    fn make(&mut self, yaml: &str) {
        let said = self.apply(yaml);
        assert!(said.contains("created") || said.contains("configured"), "{said}");
    }

    fn claim(&mut self, name: &str, more: &str) {
        self.make(&format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {name}}}, spec: {{accessModes: \
             [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}} {more}}}}}"
        ));
    }

    fn volume(&mut self, name: &str, size: &str, more: &str) {
        self.make(&format!(
            "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{accessModes: \
             [ReadWriteOnce], capacity: {{storage: {size}}} {more}}}}}"
        ));
    }

    fn pod(&mut self, name: &str, claim: &str, more: &str) {
        self.make(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, image: \
             'app:1'}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}] {more}}}}}"
        ));
    }

    fn object(&self, kind: Kind, name: &str) -> Doc {
        let namespace = if kind.info().namespaced { "default" } else { "" };
        self.0.cluster().read(&Key::new(kind, namespace, name))
    }

    fn phase(&self, kind: Kind, name: &str) -> String {
        self.object(kind, name)["status"]["phase"].str().to_string()
    }

    fn node(&self, pod: &str) -> String {
        self.object(Kind::Pod, pod)["spec"]["nodeName"].str().to_string()
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        self.0.cluster().store().list(kind).map(|object| object.key.name.to_string()).collect()
    }

    /// Reasons and messages of the events about an object, each once, in order.
    fn said(&self, name: &str) -> Vec<String> {
        let events = self.0.cluster().store().list(Kind::Event).map(|event| event.to_doc());
        let mine = events.filter(|event| event["involvedObject"]["name"].as_str() == Some(name));
        mine.map(|event| format!("{}: {}", event["reason"].str(), event["message"].str())).collect()
    }

    fn says(&self, name: &str, text: &str) {
        let said = self.said(name);
        assert!(said.iter().any(|line| line == text), "{text}\nis not in {said:#?}");
    }
}

const WAIT: &str = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: local}\nprovisioner: \
                    kubernetes.io/no-provisioner\nvolumeBindingMode: WaitForFirstConsumer\n";

fn on(node: &str) -> String {
    format!(
        ", nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, \
         operator: In, values: [{node}]}}]}}]}}}}"
    )
}

#[test]
fn a_claim_of_the_default_class_gets_a_volume_where_its_pod_goes() {
    let mut lab = Lab::new("");
    lab.claim("data", "");
    lab.run(2);
    assert_eq!(
        lab.object(Kind::PersistentVolumeClaim, "data")["spec"]["storageClassName"].as_str(),
        Some("standard")
    );
    assert_eq!(lab.phase(Kind::PersistentVolumeClaim, "data"), "Pending");
    lab.says("data", "WaitForFirstConsumer: waiting for first consumer to be created before binding");
    lab.pod("p", "data", "");
    lab.run(5);
    assert_eq!(lab.phase(Kind::PersistentVolumeClaim, "data"), "Bound");
    assert_eq!(lab.phase(Kind::Pod, "p"), "Running");
    let claim = lab.object(Kind::PersistentVolumeClaim, "data");
    let name = claim["spec"]["volumeName"].str();
    assert_eq!(name, format!("pvc-{}", claim["metadata"]["uid"].str()));
    let volume = lab.object(Kind::PersistentVolume, &name);
    let node = lab.node("p");
    let affinity = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"].to_json();
    assert!(affinity.contains(&format!("\"values\":[\"{node}\"]")), "{affinity}");
    lab.says("data", &format!("ProvisioningSucceeded: Successfully provisioned volume {name}"));
    lab.says("data", "Provisioning: External provisioner is provisioning volume for claim \"default/data\"");
    let table = lab.kubectl("get pv");
    let line: Vec<&str> = table.lines().nth(1).expect("a volume").split_whitespace().collect();
    assert_eq!(line[1..8], ["1Gi", "RWO", "Delete", "Bound", "default/data", "standard", "<unset>"]);
    let table = lab.kubectl("get sc");
    assert!(table.contains("standard (default)") && table.contains("WaitForFirstConsumer"), "{table}");
    // Another pod with the claim goes where the volume is, and the data is gone only with the claim.
    lab.kubectl("delete pod p --now");
    lab.run(3);
    lab.pod("q", "data", "");
    lab.run(3);
    assert_eq!(lab.node("q"), node);
    lab.kubectl("delete pvc data --wait=false");
    lab.run(3);
    assert_eq!(lab.names(Kind::PersistentVolumeClaim), ["data"], "a pod uses it");
    assert!(lab.kubectl("get pvc").contains("Terminating"));
    lab.kubectl("delete pod q --now");
    lab.run(5);
    assert!(lab.names(Kind::PersistentVolumeClaim).is_empty());
    assert!(lab.names(Kind::PersistentVolume).is_empty(), "its policy is Delete");
}

#[test]
fn pods_wait_for_claims_that_nobody_fulfils() {
    let mut lab = Lab::new(", addons: []");
    assert!(lab.names(Kind::StorageClass).is_empty());
    lab.pod("early", "data", "");
    lab.run(2);
    lab.says(
        "early",
        "FailedScheduling: 0/3 nodes are available: persistentvolumeclaim \"data\" not found. not found",
    );
    lab.claim("data", "");
    lab.run(2);
    lab.says(
        "early",
        "FailedScheduling: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
    );
    lab.says(
        "data",
        "FailedBinding: no persistent volumes available for this claim and no storage class is set",
    );
    lab.volume("small", "500Mi", ", hostPath: {path: /data}");
    lab.volume("large", "5Gi", ", hostPath: {path: /data}");
    lab.volume("fitting", "2Gi", ", hostPath: {path: /data}");
    lab.run(20);
    assert_eq!(
        lab.object(Kind::PersistentVolumeClaim, "data")["spec"]["volumeName"].as_str(),
        Some("fitting")
    );
    assert_eq!(lab.phase(Kind::Pod, "early"), "Running");
    assert_eq!(lab.phase(Kind::PersistentVolume, "small"), "Available");
    // What is released keeps its data for whoever wants to save it.
    lab.kubectl("delete pod early --now");
    lab.kubectl("delete pvc data");
    lab.run(3);
    assert_eq!(lab.phase(Kind::PersistentVolume, "fitting"), "Released");
    lab.claim("next", ", volumeName: fitting");
    lab.run(2);
    assert_eq!(lab.phase(Kind::PersistentVolumeClaim, "next"), "Pending");
    lab.says("next", "FailedBinding: volume \"fitting\" already bound to a different claim.");
    lab.claim("other", ", storageClassName: none-such");
    lab.run(2);
    lab.says("other", "ProvisioningFailed: storageclass.storage.k8s.io \"none-such\" not found");
}

#[test]
fn volumes_of_nodes_decide_where_pods_go() {
    let mut lab = Lab::new("");
    lab.make(WAIT);
    for number in 0..2 {
        let more =
            format!(", storageClassName: local, local: {{path: /disk}} {}", on(&format!("node-{number}")));
        lab.volume(&format!("disk-{number}"), "1Gi", &more);
    }
    for number in 0..3 {
        lab.claim(&format!("c{number}"), ", storageClassName: local");
        lab.pod(&format!("p{number}"), &format!("c{number}"), "");
    }
    lab.run(8);
    let mut nodes = [lab.node("p0"), lab.node("p1")];
    nodes.sort();
    assert_eq!(nodes, ["node-0", "node-1"], "each volume is used once");
    assert_eq!(lab.node("p2"), "");
    lab.says(
        "p2",
        "FailedScheduling: 0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind. no \
         new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    lab.says("c2", "WaitForPodScheduled: waiting for pod p2 to be scheduled");
    lab.volume(
        "disk-2",
        "1Gi",
        &format!(", storageClassName: local, local: {{path: /disk}} {}", on("node-2")),
    );
    lab.run(5);
    assert_eq!(lab.node("p2"), "node-2");
    assert_eq!(lab.phase(Kind::Pod, "p2"), "Running");
    // A pod that must be elsewhere than its volume is nowhere.
    lab.kubectl("delete pod p2 --now");
    lab.run(3);
    lab.pod("far", "c2", ", nodeSelector: {kubernetes.io/hostname: node-0}");
    lab.run(3);
    lab.says(
        "far",
        "FailedScheduling: 0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't \
         match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 \
         Preemption is not helpful for scheduling.",
    );
}

#[test]
fn one_pod_at_a_time_uses_a_claim_that_says_so() {
    let mut lab = Lab::new("");
    lab.make(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: mine}, spec: {accessModes: \
         [ReadWriteOncePod], resources: {requests: {storage: 1Gi}}}}",
    );
    lab.pod("first", "mine", "");
    lab.run(5);
    lab.pod("second", "mine", "");
    lab.run(3);
    assert_eq!((lab.phase(Kind::Pod, "first"), lab.node("second")), ("Running".into(), String::new()));
    lab.says(
        "second",
        "FailedScheduling: 0/3 nodes are available: 3 node has pod using PersistentVolumeClaim with the same name and \
         ReadWriteOncePod access mode. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No \
         preemption victims found for incoming pod.",
    );
    lab.kubectl("delete pod first --now");
    lab.run(5);
    assert_eq!(lab.phase(Kind::Pod, "second"), "Running");
}

#[test]
fn stateful_pods_find_their_data_again() {
    let mut lab = Lab::new("");
    lab.make(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 3, serviceName: db, selector: \
         {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: \
         'app:1'}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: \
         {requests: {storage: 1Gi}}}}]}}",
    );
    lab.run(15);
    let places = |lab: &Lab| (0..3).map(|n| lab.node(&format!("db-{n}"))).collect::<Vec<_>>();
    let before = places(&lab);
    let volumes = lab.names(Kind::PersistentVolume);
    assert_eq!(volumes.len(), 3);
    assert!((0..3).all(|n| lab.phase(Kind::Pod, &format!("db-{n}")) == "Running"), "{before:?}");
    lab.kubectl("delete pod db-0 db-1 db-2 --now");
    lab.run(20);
    assert_eq!(places(&lab), before);
    assert_eq!(lab.names(Kind::PersistentVolume), volumes);
    // The scheduler forgets what it began, and finds it again.
    lab.kubectl("scale sts db --replicas=4");
    lab.run(1);
    for fault in [true, false] {
        let target = Target::parse("component/kube-scheduler").expect("a target");
        let action = if fault {
            StepAction::Fault(FaultStep { target, fault: Fault::Crash })
        } else {
            StepAction::Repair(RepairStep { target })
        };
        lab.act(action);
    }
    lab.run(30);
    assert_eq!(lab.phase(Kind::Pod, "db-3"), "Running");
}

#[test]
fn what_is_wrong_with_volumes_and_classes_is_said() {
    let mut lab = Lab::new("");
    let cases = [
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {capacity: {storage: 1Gi}}}",
            "* spec.accessModes: Required value\n* spec: Required value: must specify a volume type\n",
        ),
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], capacity: \
             {storage: 1Gi}, local: {path: /x}}}",
            "spec.nodeAffinity: Required value: Local volume requires node affinity\n",
        ),
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], capacity: \
             {storage: 1Gi}, hostPath: {path: /x}, nfs: {server: s, path: /x}}}",
            "spec.nfs: Forbidden: may not specify more than 1 volume type\n",
        ),
        (
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: s}, provisioner: ''}",
            "provisioner: Required value\n",
        ),
        (
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: s}, provisioner: a.b/c, allowedTopologies: \
             [{matchLabelExpressions: [{key: a, values: [one]}, {key: a, values: [two, two]}]}]}",
            "* allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: \"two\"\n\
             * allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: \"a\"\n",
        ),
    ];
    for (yaml, words) in cases {
        let said = lab.apply(yaml);
        assert!(said.ends_with(words), "{said}");
    }
    lab.make(WAIT);
    let said = lab.apply(&WAIT.replace("no-provisioner", "other"));
    assert!(said.contains("provisioner: Forbidden: updates to provisioner are forbidden."), "{said}");
}

#[test]
fn a_node_holds_only_so_many_volumes_of_a_driver() {
    let mut lab = Lab::new("");
    // Kubelets have said that there are none: a driver adds itself.
    lab.make(
        "{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: node-0}, spec: {drivers: [{name: \
         disks.example.com, nodeID: i-0, allocatable: {count: 1}}]}}",
    );
    for number in 0..2 {
        let source = format!(", csi: {{driver: disks.example.com, volumeHandle: vol-{number}}}");
        lab.volume(&format!("disk-{number}"), "1Gi", &source);
        lab.claim(&format!("c{number}"), &format!(", storageClassName: '', volumeName: disk-{number}"));
        lab.pod(
            &format!("p{number}"),
            &format!("c{number}"),
            ", nodeSelector: {kubernetes.io/hostname: node-0}",
        );
        lab.run(20);
    }
    assert_eq!((lab.phase(Kind::Pod, "p0"), lab.node("p1")), ("Running".into(), String::new()));
    lab.says(
        "p1",
        "FailedScheduling: 0/3 nodes are available: 1 node(s) exceed max volume count, 2 node(s) didn't match Pod's \
         node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption \
         victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
    );
    lab.kubectl("delete pod p0 --now");
    lab.run(5);
    assert_eq!(lab.phase(Kind::Pod, "p1"), "Running");
}

#[test]
fn an_ephemeral_volume_lives_as_long_as_its_pod() {
    let mut lab = Lab::new("");
    lab.make(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'app:1'}], volumes: \
         [{name: scratch, ephemeral: {volumeClaimTemplate: {metadata: {labels: {for: p}}, spec: {accessModes: \
         [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}]}}",
    );
    lab.run(8);
    assert_eq!(lab.phase(Kind::PersistentVolumeClaim, "p-scratch"), "Bound");
    assert_eq!(
        lab.object(Kind::PersistentVolumeClaim, "p-scratch")["metadata"]["labels"]["for"].as_str(),
        Some("p")
    );
    assert_eq!(lab.phase(Kind::Pod, "p"), "Running");
    lab.kubectl("delete pod p --now");
    lab.run(10);
    assert!(
        lab.names(Kind::PersistentVolumeClaim).is_empty() && lab.names(Kind::PersistentVolume).is_empty()
    );
}

#[test]
fn every_pod_finds_the_token_of_its_account() {
    let mut lab = Lab::new("");
    lab.make(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: \
         {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: 'app:1'}]}}}}",
    );
    lab.run(5);
    let pods: Vec<Key> = lab.0.cluster().store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
    let mut read = |pod: &Key, file: &str| {
        lab.kubectl(&format!(
            "exec {} -n {} -- cat /var/run/secrets/kubernetes.io/serviceaccount/{file}",
            pod.name, pod.namespace
        ))
    };
    let pods: Vec<&Key> = pods.iter().filter(|pod| pod.name.starts_with("web-")).collect();
    let tokens: Vec<String> = pods.iter().map(|pod| read(pod, "token")).collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|token| token.split('.').count() == 3 && token.len() > 300), "{tokens:?}");
    assert_ne!(tokens[0], tokens[1], "it names its pod");
    assert_eq!(read(pods[0], "token"), tokens[0], "and stays");
    assert_eq!(read(pods[0], "namespace"), "default");
    assert!(read(pods[0], "ca.crt").starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(read(pods[0], "else").contains("No such file or directory"));
}

#[test]
fn pods_of_one_owner_share_what_is_the_same() {
    let mut lab = Lab::new("");
    lab.make(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 6, selector: {matchLabels: \
         {app: web}}, template: {metadata: {labels: {app: web}}, spec: {nodeName: node-0, containers: [{name: c, \
         image: 'app:1'}]}}}}",
    );
    lab.run(5);
    let mine = |pod: &&std::sync::Arc<shared::api::Object>| pod.key.name.starts_with("web-");
    let pods: Vec<_> = lab.0.cluster().store().list(Kind::Pod).filter(mine).collect();
    assert_eq!(pods.len(), 6);
    for pair in pods.windows(2) {
        assert!(pair[0].body["spec"].same(&pair[1].body["spec"]));
        assert!(std::sync::Arc::ptr_eq(&pair[0].meta.common, &pair[1].meta.common));
        assert!(pair[0].body["status"]["hostIPs"].same(&pair[1].body["status"]["hostIPs"]));
        assert_ne!(pair[0].body["status"]["podIP"], pair[1].body["status"]["podIP"]);
    }
}
