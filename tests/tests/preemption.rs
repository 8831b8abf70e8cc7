//! Preemption: who goes, who stays, what is said of it, and where the pod ends.

use shared::api::{Key, Kind, Object};
use shared::doc::{Doc, Str};
use shared::scenario::{Scenario, StepAction};
use shared::scheduler::AttemptOutcome;
use shared::session::Player;
use shared::sim::{ChangeKind, Duration, Time};

const CLASSES: &str = "
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: low}
value: 10
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: middle}
value: 500
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: never}
value: 900
preemptionPolicy: Never
";

/// A cluster that people work on.
struct Lab {
    player: Player,
    seen: u64,
}

impl Lab {
    fn new(nodes: &str) -> Lab {
        let scenario = format!(
            "{{apiVersion: kubarium.dev/v1alpha1, kind: Scenario, metadata: {{name: lab}}, spec: {{seed: 5, \
             cluster: {{nodes: {nodes}, addons: []}}, images: {{\"app:1\": {{}}}}, \
             options: {{imagePull: 0s, containerStart: 500ms, containerStop: 500ms}}}}}}"
        );
        let mut player = Player::new(Scenario::parse(&scenario).unwrap(), 10_000).unwrap();
        player.advance_to(Time(20_000));
        let seen = player.cluster().store().revision();
        let mut lab = Lab { player, seen };
        lab.apply(CLASSES);
        lab
    }

    fn run(&mut self, seconds: u64) {
        let until = self.player.now() + Duration::seconds(seconds);
        self.player.advance_to(until);
    }

    fn act(&mut self, action: StepAction) -> String {
        let step = self.player.submit(action, Str::new());
        for _ in 0..600 {
            if let Some(result) = self.player.results().iter().find(|result| result.step == step) {
                return format!("{}{}", result.stdout, result.stderr);
            }
            let soon = self.player.now() + Duration::millis(100);
            self.player.advance_to(soon);
        }
        panic!("the command does not end");
    }

    fn apply(&mut self, yaml: &str) {
        let said = self.act(StepAction::Apply(yaml.into()));
        assert!(said.contains("created") || said.contains("configured"), "{said}");
    }

    fn pod(&mut self, name: &str, class: &str, cpu: &str, more: &str) {
        self.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}, set: all}}}}, spec: \
             {{priorityClassName: {class}, terminationGracePeriodSeconds: 5, containers: [{{name: c, image: \
             'app:1', resources: {{requests: {{cpu: {cpu}}}}}}}] {more}}}}}"
        ));
        self.run(3);
    }

    fn object(&self, name: &str) -> Doc {
        self.player.cluster().read(&Key::new(Kind::Pod, "default", name))
    }

    fn node(&self, name: &str) -> String {
        self.object(name)["spec"]["nodeName"].str().to_string()
    }

    fn names(&self) -> Vec<String> {
        let pods = self.player.cluster().store().list(Kind::Pod);
        pods.map(|pod| pod.key.name.to_string()).collect()
    }

    fn history(&self, kind: Kind) -> Vec<(ChangeKind, Object)> {
        let all = self.player.cluster().store().since(self.seen).expect("a short history");
        let mine = all.filter(|revision| revision.object.key.kind == kind);
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    fn messages(&self, pod: &str, reason: &str) -> Vec<String> {
        let history = self.history(Kind::Event);
        let about = history.iter().filter(|(_, event)| {
            event.document()["involvedObject"]["name"].as_str() == Some(pod)
                && event.document()["reason"].as_str() == Some(reason)
        });
        about.map(|(_, event)| event.document()["message"].str().to_string()).collect()
    }
}

const ONE: &str = "[{count: 1, cpu: '4', memory: 8Gi}]";
const TWO: &str = "[{count: 2, cpu: '4', memory: 8Gi}]";

#[test]
fn only_as_many_go_as_have_to_and_the_least_important() {
    let mut lab = Lab::new(ONE);
    for (name, class, cpu) in [("a", "low", "1"), ("b", "middle", "1"), ("c", "low", "1"), ("d", "low", "1")]
    {
        lab.pod(name, class, cpu, "");
    }
    lab.pod("vip", "high", "2", "");
    lab.run(10);
    // Of those of the lowest priority, the ones that have run the shortest.
    assert_eq!(lab.names(), ["a", "b", "vip"]);
    assert_eq!(lab.node("vip"), "node-0");
    let uid = lab.object("vip")["metadata"]["uid"].str();
    for victim in ["c", "d"] {
        assert_eq!(lab.messages(victim, "Preempted"), [format!("Preempted by pod {uid} on node node-0")]);
    }
    let failed = lab.messages("vip", "FailedScheduling");
    assert_eq!(failed[0], "0/1 nodes are available: 1 Insufficient cpu.");
    // Between the end of the first victim and that of the second it is tried again, and lets no third one go.
    assert!(
        failed[1..]
            .iter()
            .all(|message| message.ends_with("due to a terminating pod on the nominated node."))
    );
    let last = |name: &str| {
        let history = lab.history(Kind::Pod);
        history.into_iter().rfind(|(_, pod)| pod.key.name == name).expect("it was there").1
    };
    let told = last("c").body["status"]["conditions"].clone();
    let target = told.items().iter().find(|one| one["type"].as_str() == Some("DisruptionTarget"));
    let target = target.expect("it is told why");
    assert_eq!(target["reason"].as_str(), Some("PreemptionByScheduler"));
    assert_eq!(
        target["message"].as_str(),
        Some("default-scheduler: preempting to accommodate a higher priority pod")
    );
}

#[test]
fn the_node_with_the_cheapest_victims_is_chosen_and_budgets_count_first() {
    let mut lab = Lab::new(TWO);
    lab.pod("a", "middle", "3", ", nodeName: node-0");
    lab.pod("b", "low", "3", ", nodeName: node-1");
    lab.pod("vip", "high", "3", "");
    lab.run(10);
    assert_eq!((lab.names(), lab.node("vip")), (vec!["a".into(), "vip".into()], "node-1".into()));

    let mut lab = Lab::new(TWO);
    lab.pod("a", "middle", "3", ", nodeName: node-0");
    lab.pod("b", "low", "3", ", nodeName: node-1");
    lab.apply(
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: keep}, spec: {minAvailable: 1, \
         selector: {matchLabels: {app: b}}}}",
    );
    lab.run(3);
    lab.pod("vip", "high", "3", "");
    lab.run(10);
    assert_eq!((lab.names(), lab.node("vip")), (vec!["b".into(), "vip".into()], "node-0".into()));
    let attempts = lab.player.cluster().scheduler().attempts(&Key::new(Kind::Pod, "default", "vip"));
    assert!(matches!(attempts[0].outcome(), AttemptOutcome::Unschedulable(_)));
    let seen = attempts[0].explain().expect("still known").preemption;
    let of = |node: &str| seen.iter().find(|verdict| verdict.node == node).expect("it was tried").clone();
    assert_eq!(
        of("node-0").victims.map(|(pods, violations)| (pods[0].name.to_string(), violations)),
        Ok(("a".into(), 0))
    );
    assert_eq!(
        of("node-1").victims.map(|(pods, violations)| (pods[0].name.to_string(), violations)),
        Ok(("b".into(), 1))
    );
    assert!(of("node-0").chosen && !of("node-1").chosen);
    assert!(matches!(attempts.last().map(|last| last.outcome()), Some(AttemptOutcome::Assigned(_))));
    let last = attempts.last().and_then(|last| last.explain()).expect("still known");
    assert_eq!(
        last.nodes.iter().map(|node| node.node.to_string()).collect::<Vec<_>>(),
        ["node-0"],
        "it was kept"
    );
}

#[test]
fn protected_pods_go_only_where_there_is_no_other_way() {
    let mut lab = Lab::new(ONE);
    lab.pod("a", "low", "2", "");
    lab.pod("b", "low", "2", "");
    lab.apply(
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: keep}, spec: {minAvailable: 1, \
         selector: {matchLabels: {app: b}}}}",
    );
    lab.run(3);
    lab.pod("vip", "high", "2", "");
    lab.run(10);
    assert_eq!(lab.names(), ["b", "vip"], "though b is the younger one");
    lab.pod("boss", "high", "2", "");
    lab.run(10);
    assert_eq!(lab.names(), ["boss", "vip"], "a budget does not hold against that");
}

#[test]
fn room_that_is_made_is_kept_for_whom_it_was_made() {
    let mut lab = Lab::new(ONE);
    lab.pod("a", "low", "4", ", volumes: []");
    // While the victim goes, a smaller pod of lower priority comes along, and one of higher priority.
    lab.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: vip}, spec: {priorityClassName: middle, \
        containers: [{name: c, image: 'app:1', resources: {requests: {cpu: 3}}}]}}",
    );
    lab.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: late}, spec: {priorityClassName: low, \
        containers: [{name: c, image: 'app:1', resources: {requests: {cpu: 2}}}]}}",
    );
    lab.run(20);
    assert_eq!(lab.node("vip"), "node-0");
    assert_eq!(lab.node("late"), "");
    let said = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes \
                are available: 1 No preemption victims found for incoming pod.";
    assert!(lab.messages("late", "FailedScheduling").iter().all(|message| message == said));
    // Nobody goes for a pod that must not make others go.
    lab.pod("shy", "never", "4", "");
    let said = lab.messages("shy", "FailedScheduling");
    assert_eq!(
        said[0],
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to \
         preemptionPolicy=Never."
    );
    assert_eq!(lab.node("vip"), "node-0");
}

#[test]
fn affinity_to_others_is_tried_without_the_victims_too() {
    let mut lab = Lab::new(TWO);
    lab.pod("a", "low", "1", ", nodeName: node-0");
    lab.pod("b", "middle", "1", ", nodeName: node-1");
    let alone = ", affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: \
                 {matchLabels: {set: all}}, topologyKey: kubernetes.io/hostname}]}}";
    lab.pod("vip", "high", "1", alone);
    assert_eq!(
        lab.messages("vip", "FailedScheduling"),
        ["0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."]
    );
    lab.run(10);
    assert_eq!((lab.names(), lab.node("vip")), (vec!["b".into(), "vip".into()], "node-0".into()));
    // Removing others from a node does not help where the others are elsewhere in its domain.
    let mut lab = Lab::new("[{count: 2, cpu: '4', memory: 8Gi, zone: z}]");
    lab.pod("a", "low", "1", ", nodeName: node-0");
    lab.pod("b", "low", "1", ", nodeName: node-1");
    lab.pod("vip", "high", "1", &alone.replace("kubernetes.io/hostname", "topology.kubernetes.io/zone"));
    lab.run(10);
    assert_eq!(lab.names(), ["a", "b", "vip"]);
    let said = lab.messages("vip", "FailedScheduling");
    assert_eq!(
        said[0],
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, \
         preemption: 0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
    );
}

#[test]
fn a_nominated_pod_that_is_deleted_frees_what_was_kept_for_it() {
    let mut lab = Lab::new(ONE);
    lab.pod("a", "low", "4", "");
    lab.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: vip}, spec: {priorityClassName: high, \
        containers: [{name: c, image: 'app:1', resources: {requests: {cpu: 3}}}]}}",
    );
    lab.act(StepAction::Kubectl("delete pod vip --now".into()));
    lab.pod("next", "low", "2", "");
    lab.run(20);
    assert_eq!(lab.names(), ["next"]);
    assert_eq!(lab.node("next"), "node-0");
}

#[test]
fn a_pod_of_a_daemon_set_is_told_of_its_own_node() {
    let mut lab = Lab::new(TWO);
    lab.pod("full", "high", "3", ", nodeName: node-1");
    lab.apply(
        "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, \
         template: {metadata: {labels: {app: agent}}, spec: {priorityClassName: low, containers: [{name: c, image: \
         'app:1', resources: {requests: {cpu: 2}}}]}}}}",
    );
    lab.run(5);
    let pods: Vec<String> = lab.names().into_iter().filter(|name| name.starts_with("agent")).collect();
    let (there, waiting): (Vec<_>, Vec<_>) = pods.into_iter().partition(|name| !lab.node(name).is_empty());
    assert_eq!(there.len(), 1);
    assert_eq!(
        lab.messages(&waiting[0], "FailedScheduling"),
        [
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims \
          to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 \
          Preemption is not helpful for scheduling."
        ]
    );
    // Who matters more makes room, and only there.
    lab.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: pinned}, spec: {priorityClassName: high, affinity: {nodeAffinity: \
         {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, \
         operator: In, values: [node-0]}]}]}}}, containers: [{name: c, image: 'app:1', resources: {requests: {cpu: \
         3}}}]}}",
    );
    lab.run(40);
    assert_eq!(lab.node("pinned"), "node-0");
    assert_eq!(lab.node("full"), "node-1");
}
