//! Workloads beyond the recordings: what their policies, limits and clocks make of them.

use std::collections::{BTreeMap, BTreeSet};

use shared::api::core::pod::Pod;
use shared::api::{Key, Kind, Object};
use shared::doc::{Doc, Str};
use shared::scenario::{Scenario, StepAction};
use shared::session::Player;
use shared::sim::{ChangeKind, Duration, Fault, Target};

/// A cluster of four nodes that people work on.
struct Lab {
    player: Player,
    seen: u64,
}

const CLUSTER: &str = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: lab}
spec:
  seed: 3
  epoch: "2026-01-05T09:00:00Z"
  cluster: {nodes: [{count: 4}]}
  images: {"ok:1": {exitAfter: 1s}, "bad:1": {exitAfter: 1s, exitCode: 1}, "app:1": {}, "app:2": {}, "gone:1": {missing: true},
    "db:1": {ports: [80]}, "caller:1": {client: true}}
  options: {imagePull: 0s, containerStart: 500ms, containerStop: 500ms}
"#;

impl Lab {
    fn new() -> Lab {
        let mut player = Player::new(Scenario::parse(CLUSTER).unwrap(), 0).unwrap();
        player.advance_to(shared::sim::Time(20_000));
        let seen = player.cluster().store().revision();
        Lab { player, seen }
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

    fn kubectl(&mut self, line: &str) -> String {
        self.act(StepAction::Kubectl(line.into()))
    }

    fn object(&self, kind: Kind, name: &str) -> Doc {
        self.player.cluster().read(&Key::new(kind, "default", name))
    }

    fn status(&self, kind: Kind, name: &str, field: &str) -> Doc {
        self.object(kind, name)["status"][field].clone()
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        let objects = self.player.cluster().store().list(kind);
        let mine = objects.filter(|object| object.key.namespace == "default");
        mine.map(|object| object.key.name.to_string()).collect()
    }

    fn pods(&self) -> Vec<Object> {
        let pods = self.player.cluster().store().list(Kind::Pod);
        pods.filter(|pod| pod.key.namespace == "default").map(|pod| (**pod).clone()).collect()
    }

    fn images(&self) -> Vec<String> {
        let image = |pod: &Object| pod.body["spec"]["containers"][0]["image"].str().to_string();
        self.pods().iter().filter(|pod| !pod.meta.deleting()).map(image).collect()
    }

    fn history(&self, kind: Kind) -> Vec<(ChangeKind, Object)> {
        let all = self.player.cluster().store().since(self.seen).expect("a short history");
        let mine = all.filter(|revision| revision.object.key.kind == kind);
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    /// What the containers of a pod have printed.
    fn log(&self, pod: &str) -> String {
        let cluster = self.player.cluster();
        let sandboxes = (0..4).flat_map(|machine| cluster.runtime(machine).sandboxes().values());
        let mine = sandboxes.filter(|sandbox| sandbox.key.name == pod);
        let lines =
            mine.flat_map(|sandbox| sandbox.containers.iter().flat_map(|container| container.log.lines()));
        lines.map(|line| format!("{}\n", line.text)).collect()
    }

    /// Reasons of the events about an object, in order.
    fn reasons(&self, name: &str) -> Vec<String> {
        let history = self.history(Kind::Event);
        let about = history
            .iter()
            .filter(|(_, event)| event.document()["involvedObject"]["name"].as_str() == Some(name));
        about.map(|(_, event)| event.document()["reason"].str().to_string()).collect()
    }

    /// Condition types that hold, in order.
    fn conditions(&self, kind: Kind, name: &str) -> Vec<String> {
        let conditions = self.status(kind, name, "conditions");
        let held = conditions.items().iter().filter(|condition| condition["status"].as_str() == Some("True"));
        held.map(|condition| format!("{} {}", condition["type"].str(), condition["reason"].str())).collect()
    }
}

fn job(name: &str, image: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{{spec}, template: {{spec: \
         {{restartPolicy: Never, containers: [{{name: c, image: \"{image}\"}}]}}}}}}}}"
    )
}

#[test]
fn a_job_stops_at_its_deadline() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "app:1", "activeDeadlineSeconds: 5"));
    lab.run(4);
    assert_eq!(lab.status(Kind::Job, "j", "active"), Doc::from(1i64));
    lab.run(8);
    assert_eq!(lab.conditions(Kind::Job, "j"), ["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]);
    assert_eq!(lab.reasons("j"), ["SuccessfulCreate", "SuccessfulDelete", "DeadlineExceeded"]);
    assert!(lab.pods().is_empty(), "nothing holds the pod any more");
    assert_eq!(lab.status(Kind::Job, "j", "failed"), Doc::from(1i64));
}

#[test]
fn a_job_whose_pods_are_refused_has_begun_all_the_same() {
    let mut lab = Lab::new();
    lab.kubectl("create quota none --hard=pods=0");
    lab.apply(&job("refused", "ok:1", "activeDeadlineSeconds: 30"));
    lab.run(5);
    assert!(lab.status(Kind::Job, "refused", "startTime").as_time().is_some());
    lab.run(40);
    assert_eq!(
        lab.conditions(Kind::Job, "refused"),
        ["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]
    );
}

#[test]
fn a_job_rests_while_it_is_suspended() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "app:1", "suspend: true"));
    lab.run(3);
    assert_eq!(lab.conditions(Kind::Job, "j"), ["Suspended JobSuspended"]);
    assert!(lab.pods().is_empty() && lab.status(Kind::Job, "j", "startTime").is_null());
    lab.kubectl(r#"patch job j -p '{"spec":{"suspend":false}}'"#);
    lab.run(3);
    assert_eq!(lab.status(Kind::Job, "j", "active"), Doc::from(1i64));
    lab.kubectl(r#"patch job j -p '{"spec":{"suspend":true}}'"#);
    lab.run(5);
    assert!(lab.pods().is_empty());
    assert_eq!(
        lab.reasons("j"),
        ["Suspended", "SuccessfulCreate", "Resumed", "SuccessfulDelete", "Suspended"]
    );
}

#[test]
fn a_finished_job_goes_when_its_time_is_over() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "ok:1", "ttlSecondsAfterFinished: 10"));
    lab.run(6);
    assert_eq!(lab.conditions(Kind::Job, "j").last().unwrap(), "Complete CompletionsReached");
    assert_eq!(lab.names(Kind::Pod).len(), 1);
    lab.run(14);
    assert!(lab.names(Kind::Job).is_empty() && lab.names(Kind::Pod).is_empty());
}

#[test]
fn a_failure_policy_ends_a_job_at_once() {
    let mut lab = Lab::new();
    let policy = "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [1]}}]}";
    lab.apply(&job("j", "bad:1", policy));
    lab.run(8);
    assert_eq!(lab.conditions(Kind::Job, "j"), ["FailureTarget PodFailurePolicy", "Failed PodFailurePolicy"]);
    assert_eq!(lab.names(Kind::Pod).len(), 1);
    let why = lab.status(Kind::Job, "j", "conditions")[0]["message"].str();
    assert!(why.ends_with("failed with exit code 1 matching FailJob rule at index 0"), "{why}");
}

#[test]
fn restarts_count_where_pods_stay() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "bad:1", "backoffLimit: 2").replace("Never", "OnFailure"));
    lab.run(60);
    assert_eq!(lab.conditions(Kind::Job, "j").last().unwrap(), "Failed BackoffLimitExceeded");
    let made = lab.history(Kind::Pod).iter().filter(|(change, _)| *change == ChangeKind::Added).count();
    assert_eq!(made, 1, "the kubelet restarts, the Job does not replace");
}

#[test]
fn without_completions_one_success_is_enough() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "ok:1", "parallelism: 3"));
    lab.run(8);
    assert_eq!(lab.conditions(Kind::Job, "j").last().unwrap(), "Complete CompletionsReached");
    assert_eq!(lab.names(Kind::Pod).len(), 3, "those that ran could finish, and none was added");
    let said = lab.kubectl("get job j");
    assert!(said.contains("3/1 of 3"), "{said}");
}

#[test]
fn a_crash_in_the_middle_counts_every_pod_once() {
    let mut lab = Lab::new();
    lab.apply(&job("j", "ok:1", "completions: 12, parallelism: 4"));
    for _ in 0..10 {
        lab.player.submit(
            StepAction::Fault(shared::scenario::FaultStep {
                target: Target::parse("component/kube-controller-manager").unwrap(),
                fault: Fault::Crash,
            }),
            Str::new(),
        );
        let until = lab.player.now() + Duration::millis(1300);
        lab.player.advance_to(until);
    }
    lab.run(120);
    assert_eq!(lab.status(Kind::Job, "j", "succeeded"), Doc::from(12i64));
    assert_eq!(lab.conditions(Kind::Job, "j").last().unwrap(), "Complete CompletionsReached");
    assert!(lab.pods().iter().all(|pod| pod.meta.finalizers.is_empty()), "nothing is held");
}

fn cron_job(concurrency: &str, image: &str, more: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: cj}}, spec: {{schedule: \"* * * * *\", \
         concurrencyPolicy: {concurrency}{more}, jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, \
         containers: [{{name: c, image: \"{image}\"}}]}}}}}}}}}}}}"
    )
}

#[test]
fn a_cron_job_replaces_what_still_runs() {
    let mut lab = Lab::new();
    lab.apply(&cron_job("Replace", "app:1", ""));
    lab.run(50);
    let first = lab.names(Kind::Job);
    lab.run(60);
    let second = lab.names(Kind::Job);
    assert!(first.len() == 1 && second.len() == 1 && first != second, "{first:?} {second:?}");
    assert_eq!(lab.reasons("cj"), ["SuccessfulCreate", "SuccessfulDelete", "SuccessfulCreate"]);
    assert_eq!(lab.status(Kind::CronJob, "cj", "active").items().len(), 1);
}

#[test]
fn a_cron_job_keeps_some_of_its_jobs() {
    let mut lab = Lab::new();
    lab.apply(&cron_job("Allow", "ok:1", ", successfulJobsHistoryLimit: 2"));
    lab.run(6 * 60);
    assert_eq!(lab.names(Kind::Job).len(), 2);
    assert_eq!(lab.names(Kind::Pod).len(), 2, "pods go with their Jobs");
    lab.kubectl(r#"patch cronjob cj -p '{"spec":{"suspend":true}}'"#);
    let before = lab.names(Kind::Job);
    lab.run(3 * 60);
    assert_eq!(lab.names(Kind::Job), before);
    lab.kubectl(r#"patch cronjob cj -p '{"spec":{"suspend":false,"startingDeadlineSeconds":5}}'"#);
    lab.run(1);
    assert_eq!(lab.names(Kind::Job), before, "what was missed is too late");
    lab.run(70);
    assert_ne!(lab.names(Kind::Job), before);
}

fn stateful_set(replicas: u32, image: &str, more: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{serviceName: db, replicas: {replicas}\
         {more}, selector: {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: \
         {{containers: [{{name: c, image: \"{image}\"}}]}}}}}}}}"
    )
}

#[test]
fn a_stateful_set_that_is_stuck_stays_so_until_somebody_helps() {
    let mut lab = Lab::new();
    lab.apply(&stateful_set(3, "app:1", ""));
    lab.run(10);
    lab.apply(&stateful_set(3, "gone:1", ""));
    lab.run(10);
    assert_eq!(lab.images(), ["app:1", "app:1", "gone:1"]);
    lab.apply(&stateful_set(3, "app:2", ""));
    lab.run(10);
    assert_eq!(lab.images(), ["app:1", "app:1", "gone:1"], "as in Kubernetes");
    lab.kubectl("delete pod db-2");
    lab.run(15);
    assert_eq!(lab.images(), ["app:2"; 3]);
    let said = lab.kubectl("rollout history sts/db");
    assert!(said.contains("\n1 ") && said.contains("\n2 ") && said.contains("\n3 "), "{said}");
}

#[test]
fn parallel_pods_do_not_wait_for_each_other() {
    let mut lab = Lab::new();
    lab.apply(&stateful_set(4, "gone:1", ", podManagementPolicy: Parallel"));
    lab.run(2);
    assert_eq!(lab.names(Kind::Pod), ["db-0", "db-1", "db-2", "db-3"]);
    lab.kubectl("scale sts/db --replicas=1");
    lab.run(3);
    assert_eq!(lab.names(Kind::Pod), ["db-0"]);
}

#[test]
fn claims_outlive_their_pods() {
    let mut lab = Lab::new();
    let claims = ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: \
                  {requests: {storage: 1Gi}}}}]";
    lab.apply(&stateful_set(2, "app:1", claims));
    lab.run(6);
    let claim = lab.object(Kind::Pod, "db-1")["spec"]["volumes"][0].to_json();
    assert_eq!(claim, r#"{"name":"data","persistentVolumeClaim":{"claimName":"data-db-1"}}"#);
    lab.kubectl("scale sts/db --replicas=0");
    lab.run(6);
    let said = lab.kubectl("get pvc");
    assert!(lab.names(Kind::Pod).is_empty() && said.matches("Bound").count() == 2, "{said}");
    lab.kubectl("scale sts/db --replicas=2");
    lab.run(6);
    assert_eq!(lab.names(Kind::PersistentVolumeClaim), ["data-db-0", "data-db-1"]);
    let made = lab.history(Kind::PersistentVolumeClaim);
    assert_eq!(made.iter().filter(|(change, _)| *change == ChangeKind::Added).count(), 2);
}

#[test]
fn a_claim_that_was_deleted_comes_again_with_its_pod() {
    let mut lab = Lab::new();
    lab.apply(&set_with_claims("whenScaled: Retain"));
    lab.run(12);
    let volume = |lab: &Lab| lab.object(Kind::PersistentVolumeClaim, "data-db-1")["spec"]["volumeName"].str();
    let before = volume(&lab);
    lab.kubectl("delete pvc data-db-1 --wait=false");
    lab.kubectl("delete pod db-1");
    lab.run(20);
    assert_eq!(lab.status(Kind::Pod, "db-1", "phase").as_str(), Some("Running"));
    assert!(volume(&lab) != before && !before.is_empty(), "{before}");
}

/// A StatefulSet with a claim for each pod.
fn set_with_claims(policy: &str) -> String {
    let claims = ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], \
                  resources: {requests: {storage: 1Gi}}}}]";
    stateful_set(3, "app:1", &format!("{claims}, persistentVolumeClaimRetentionPolicy: {{{policy}}}"))
}

#[test]
fn claims_go_with_their_pods_or_their_set_where_the_policy_says_so() {
    let claims = |lab: &Lab| {
        let claims = lab.player.cluster().store().list(Kind::PersistentVolumeClaim);
        claims.map(|claim| claim.key.name.to_string()).collect::<Vec<_>>()
    };
    for (policy, scaled, deleted) in [
        ("whenScaled: Delete", 1, 1),
        ("whenDeleted: Delete", 3, 0),
        ("whenDeleted: Delete, whenScaled: Delete", 1, 0),
    ] {
        let mut lab = Lab::new();
        lab.apply(&set_with_claims(policy));
        lab.run(20);
        assert_eq!(claims(&lab), ["data-db-0", "data-db-1", "data-db-2"], "{policy}");
        lab.kubectl("scale statefulset/db --replicas=1");
        lab.run(20);
        assert_eq!(claims(&lab).len(), scaled, "{policy}");
        lab.kubectl("delete statefulset/db");
        lab.run(20);
        assert_eq!(claims(&lab).len(), deleted, "{policy}");
    }
}

#[test]
fn a_runtime_class_adds_what_it_costs() {
    let mut lab = Lab::new();
    let class = "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: kata}, handler: kata, \
                 overhead: {podFixed: {cpu: 250m, memory: 120Mi}}, scheduling: {nodeSelector: {kata: \"yes\"}}}";
    let pod = |name: &str, class: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{runtimeClassName: {class}, \
             containers: [{{name: c, image: \"app:1\"}}]}}}}"
        )
    };
    lab.apply(class);
    lab.apply(&pod("a", "kata"));
    let spec = &lab.object(Kind::Pod, "a")["spec"];
    assert_eq!(spec["overhead"]["cpu"].as_str(), Some("250m"));
    assert_eq!(spec["nodeSelector"]["kata"].as_str(), Some("yes"));
    let said = lab.act(StepAction::Apply(pod("b", "gvisor").as_str().into()));
    assert!(
        said.contains("pods \"b\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found"),
        "{said}"
    );
}

#[test]
fn pods_of_a_stateful_set_have_names_of_their_own() {
    let mut lab = Lab::new();
    lab.apply("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}}");
    lab.apply(&stateful_set(2, "db:1", ""));
    for (name, host) in [("right", "db-1.db"), ("wrong", "db-7.db")] {
        lab.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, image: \"caller:1\", \
             env: [{{name: TARGET, value: \"http://{host}:80\"}}]}}]}}}}"
        ));
    }
    lab.run(15);
    assert!(lab.log("right").contains("ok default/db-1"), "{}", lab.log("right"));
    let wrong = lab.log("wrong");
    assert!(!wrong.contains("ok") && wrong.contains("could not resolve host"), "{wrong}");
}

#[test]
fn on_delete_leaves_the_pace_to_people() {
    let mut lab = Lab::new();
    lab.apply(&stateful_set(2, "app:1", ", updateStrategy: {type: OnDelete}"));
    lab.run(8);
    lab.apply(&stateful_set(2, "app:2", ", updateStrategy: {type: OnDelete}"));
    lab.run(8);
    assert_eq!(lab.images(), ["app:1", "app:1"]);
    lab.kubectl("delete pod db-0");
    lab.run(8);
    assert_eq!(lab.images(), ["app:2", "app:1"]);
    let said = lab.kubectl("rollout status sts/db");
    assert!(said.contains("only available for RollingUpdate"), "{said}");
}

fn daemon_set(image: &str, strategy: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: ds}}, spec: {{updateStrategy: {strategy}, selector: \
         {{matchLabels: {{app: ds}}}}, template: {{metadata: {{labels: {{app: ds}}}}, spec: {{containers: \
         [{{name: c, image: \"{image}\"}}]}}}}}}}}"
    )
}

#[test]
fn a_surge_keeps_every_node_served() {
    let mut lab = Lab::new();
    let strategy = "{rollingUpdate: {maxSurge: 2, maxUnavailable: 0}}";
    lab.apply(&daemon_set("app:1", strategy));
    lab.run(5);
    lab.seen = lab.player.cluster().store().revision();
    let old = lab.pods();
    lab.apply(&daemon_set("app:2", strategy));
    lab.run(20);
    assert_eq!(lab.images(), ["app:2"; 4]);
    // Node by pod, for those that serve.
    let mut serving: BTreeMap<Key, Str> = BTreeMap::new();
    for pod in &old {
        serving.insert(pod.key.clone(), pod.body["spec"]["nodeName"].str());
    }
    for (change, object) in lab.history(Kind::Pod) {
        let ready = object.view::<Pod>().is_some_and(|pod| pod.ready);
        if change != ChangeKind::Deleted && ready && !object.meta.deleting() {
            serving.insert(object.key.clone(), object.body["spec"]["nodeName"].str());
        } else {
            serving.remove(&object.key);
        }
        let nodes: BTreeSet<&Str> = serving.values().collect();
        assert_eq!(nodes.len(), 4, "a node is left alone: {serving:?}");
    }
}

#[test]
fn a_surge_goes_on_once_its_pods_have_been_ready_for_long_enough_and_waits_for_none_that_leaves() {
    let mut lab = Lab::new();
    let strategy = "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, minReadySeconds: 5";
    lab.apply(&daemon_set("app:1", strategy));
    lab.run(10);
    lab.apply(&daemon_set("app:2", strategy));
    lab.run(60);
    assert_eq!(lab.images(), ["app:2"; 4]);

    let mut lab = Lab::new();
    let slow = daemon_set("app:1", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}");
    let slow = slow.replace("image: \"app:1\"", "image: busybox, command: [sleep, 1d]");
    lab.apply(&slow);
    lab.run(10);
    lab.kubectl("delete pod --all --wait=false");
    lab.run(5);
    assert_eq!((lab.pods().len(), lab.images().len()), (8, 4), "the old ones take their time");
}

#[test]
fn a_daemon_set_follows_the_nodes() {
    let mut lab = Lab::new();
    lab.apply(&daemon_set("app:1", "{type: OnDelete}"));
    lab.run(5);
    assert_eq!(lab.images().len(), 4);
    lab.player.submit(
        StepAction::Fault(shared::scenario::FaultStep {
            target: Target::parse("node/node-3").unwrap(),
            fault: Fault::PowerOff,
        }),
        Str::new(),
    );
    lab.run(400);
    let on_3 = |pod: &&Object| pod.view::<Pod>().is_some_and(|pod| pod.node_name == "node-3");
    assert_eq!(lab.pods().iter().filter(on_3).count(), 1, "daemons stay where others are evicted");
    assert_eq!(lab.status(Kind::DaemonSet, "ds", "numberAvailable"), Doc::from(3i64));
    lab.kubectl("delete node node-3");
    lab.run(70);
    assert_eq!(lab.pods().len(), 3);
    assert_eq!(lab.status(Kind::DaemonSet, "ds", "desiredNumberScheduled"), Doc::from(3i64));
}

#[test]
fn everything_is_shown_by_get_all() {
    let mut lab = Lab::new();
    lab.apply(&daemon_set("app:1", "{}"));
    lab.apply(&stateful_set(1, "app:1", ""));
    lab.apply(&job("j", "app:1", "parallelism: 1"));
    lab.apply(&cron_job("Allow", "ok:1", ""));
    lab.run(5);
    let said = lab.kubectl("get all");
    for name in ["daemonset.apps/ds", "statefulset.apps/db", "job.batch/j", "cronjob.batch/cj", "pod/db-0"] {
        assert!(said.contains(name), "{name} in\n{said}");
    }
}

#[test]
fn clocks_that_are_set_forward_upset_nothing() {
    let mut lab = Lab::new();
    lab.apply(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: \
         web}}\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: \"app:1\"}]}}\n",
    );
    lab.run(30);
    let statuses = |lab: &Lab| -> Vec<Doc> {
        lab.names(Kind::Pod).iter().map(|name| lab.object(Kind::Pod, name)["status"].clone()).collect()
    };
    let (before, made) = (statuses(&lab), lab.object(Kind::Deployment, "web")["metadata"].clone());
    assert_eq!(lab.act(StepAction::Clock("2026-01-06T09:00:00Z".into())), "");
    lab.run(300);
    assert_eq!(statuses(&lab), before, "pods run on, and began when they began");
    assert_eq!(
        lab.object(Kind::Deployment, "web")["metadata"]["creationTimestamp"],
        made["creationTimestamp"]
    );
    assert!(!lab.kubectl("get nodes").contains("NotReady"));
    lab.kubectl("create configmap later");
    let later = lab.object(Kind::ConfigMap, "later")["metadata"]["creationTimestamp"].to_json();
    assert!(later.starts_with("\"2026-01-06T09:05:"), "{later}");
    let back = lab.act(StepAction::Clock("2026-01-06T09:00:00Z".into()));
    assert!(back.starts_with("error: \"2026-01-06T09:00:00Z\" is no date after 2026-01-06T09:05:"), "{back}");
    // It is part of what can be played again.
    let mut again = Player::new(lab.player.to_scenario(), 0).expect("it can be played");
    again.advance_to(lab.player.now());
    assert_eq!(again.cluster().hash(), lab.player.cluster().hash());
    let nonsense = CLUSTER.to_owned() + "  steps: [{at: 1s, clock: tomorrow}]\n";
    let why = Scenario::parse(&nonsense).expect_err("that is no date");
    assert!(why.to_string().contains("\"tomorrow\" is no date such as 2026-01-01T00:00:00Z"), "{why}");
}
