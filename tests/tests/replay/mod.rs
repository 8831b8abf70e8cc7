//! Plays what was recorded from a real control plane in a simulated cluster: the same six nodes, the same commands at
//! the same moments, images and options in the place of the recording's `fake/…` annotations.

pub mod agreement;
mod deeds;
mod recording;
mod words;

use serde_json::Value;
use shared::api::{Key, Kind, Object};
use shared::collections::BTreeMap;
use shared::doc::{Doc, Str, Timestamp};
use shared::runtime::ImageSpec;
use shared::scenario::{FaultStep, Scenario, StepAction};
use shared::session::{Player, StepResult};
use shared::sim::{ChangeKind, Duration, Fault, Target, Time};

pub use recording::{Command, Recording};
use words::{Hashes, plain};

/// How a recording is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub name: &'static str,
    /// How long, in seconds.
    pub until: u64,
    /// How many nodes there are.
    pub nodes: usize,
    /// When it begins, in milliseconds of the cluster's time, where that matters to the hundredth of a second; else it
    /// follows from the recording.
    pub start: Option<u64>,
    /// How long a command begins after the one before at the earliest, in milliseconds: what was recorded ran one kubectl
    /// after the other, each of which took 70 to 200 to start and to end.
    pub rest: u64,
}

/// When recordings begin at the earliest, in milliseconds of the cluster's time: until then nodes come up.
const START: u64 = 20_000;
/// Classes of priority that recordings speak of.
const PRIORITIES: &str = "
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: low}, value: 10}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: never}, value: 900, preemptionPolicy: Never}
";

/// A recording while it is played.
pub struct Replay {
    pub player: Player,
    pub recording: Recording,
    pub hashes: Hashes,
    start: u64,
    seen: u64,
    steps: Vec<u64>,
    /// What the pods use together, where metrics are told.
    load: u64,
    /// What `get … -o wide` and `describe` of all that was left print; none where nothing was recorded.
    pub wide: Option<String>,
    pub described: Option<String>,
}

impl Replay {
    /// Plays a recording to its end.
    pub fn play(recording: Recording, plan: &Plan) -> Replay {
        let mut scenario = Scenario::parse(&scenario(plan)).expect("a scenario");
        for input in &recording.inputs {
            images(input, &mut scenario.spec.images);
        }
        let start = plan.start.unwrap_or_else(|| start(&scenario, &recording));
        scenario.spec.epoch = epoch(&recording, start).map(Str::from);
        let mut player = Player::new(scenario, 0).expect("a cluster");
        // The recorded clusters had no cloud that hands out addresses.
        let target = Target::parse("component/load-balancer").expect("a target");
        player.submit(StepAction::Fault(FaultStep { target, fault: Fault::Stop }), Str::new());
        let namespace = format!("create namespace {}", recording.namespace);
        player.submit_at(Time(start - 2000), StepAction::Kubectl(namespace.into()), Str::new());
        let before = recording.definitions.iter().map(String::as_str).chain([PRIORITIES]);
        let before = before.collect::<Vec<_>>().join("\n---\n");
        player.submit_at(Time(start - 1500), StepAction::Apply(before.into()), Str::new());
        player.advance_to(Time(start - 1));
        let seen = player.cluster().store().revision();
        let mut replay = Replay {
            player,
            recording,
            hashes: Hashes::default(),
            start,
            seen,
            steps: Vec::new(),
            load: deeds::UNTOLD,
            wide: None,
            described: None,
        };
        let deeds = replay.recording.deeds.clone();
        let mut deeds = deeds.iter().peekable();
        let mut inputs = 0;
        for at in 0..replay.recording.commands.len() {
            let seconds = replay.recording.commands[at].at;
            while let Some((when, deed)) = deeds.next_if(|(when, _)| *when <= seconds) {
                replay.deed(*when, deed);
            }
            // A process takes a while to end, and the next one to begin.
            let free = replay.player.now() + Duration::millis(plan.rest);
            let then = replay.moment(seconds).max(if at > 0 { free } else { Time::ZERO });
            replay.advance_to(then);
            replay.command(at, &mut inputs);
        }
        for (when, deed) in deeds {
            replay.deed(*when, deed);
        }
        replay.advance_to(Time(start + plan.until * 1000));
        replay.look_again();
        let sets = replay.history(Kind::ReplicaSet);
        let made = sets.iter().filter(|(change, _)| *change == ChangeKind::Added);
        replay.hashes = Hashes::of(made.map(|(_, set)| set.key.name.as_str()));
        replay
    }

    /// Runs a command to its end, as the recording did.
    fn command(&mut self, at: usize, inputs: &mut usize) {
        let action = self.action(at, inputs);
        let step = finish(&mut self.player, action);
        self.steps.push(step);
    }

    /// The recordings end with a look at all that was left, a moment after the objects were written down.
    fn look_again(&mut self) {
        const ALL: &str = "deploy,rs,sts,ds,jobs,cronjobs,pods,svc,hpa,pdb,endpointslices,quota";
        let mut later = self.player.clone();
        let next = later.now() + Duration::millis(700);
        later.advance_to(next);
        let known: Vec<&str> = ALL.split(',').filter(|name| Kind::named(name).is_some()).collect();
        let mut run = |command: String| {
            let step = finish(&mut later, StepAction::Kubectl(command.into()));
            let result = later.results().iter().find(|result| result.step == step);
            result.map(|result| format!("{}\n{}", result.stdout, result.stderr)).unwrap_or_default()
        };
        let (all, namespace) = (known.join(","), &self.recording.namespace);
        if !self.recording.wide.is_empty() {
            self.wide = Some(run(format!("get {all} -o wide -n {namespace}")));
        }
        if !self.recording.described.is_empty() {
            self.described = Some(run(format!("describe {all} -n {namespace}")));
        }
    }

    fn action(&self, at: usize, inputs: &mut usize) -> StepAction {
        let namespace = &self.recording.namespace;
        let line = &self.recording.commands[at].line;
        if line.ends_with("apply -f -") {
            *inputs += 1;
            let probed = self.recording.probes_fail();
            let manifest = manifest(&self.recording.inputs[*inputs - 1], namespace, probed);
            return StepAction::Apply(manifest.into());
        }
        // The flag of the namespace comes first there.
        let flag = format!("-n {namespace} ");
        let (line, flag) = match line.strip_prefix(&flag) {
            Some(rest) => (rest, format!(" -n {namespace}")),
            None => (line.as_str(), String::new()),
        };
        let words = line.split(' ').map(|word| {
            let quoted = word.contains('{');
            let name = self.ours(word);
            if quoted { format!("'{word}'") } else { name.unwrap_or_else(|| word.to_owned()) }
        });
        StepAction::Kubectl((words.collect::<Vec<_>>().join(" ") + &flag).into())
    }

    /// The pod that stands here for one of the recording with a drawn name: the one of the same owner and node, or
    /// else the oldest.
    fn ours(&self, word: &str) -> Option<String> {
        let node = |line: &Value| line["node"].as_str().map(str::to_owned);
        let mut lines = self.recording.timeline.iter().filter(|line| line["obj"] == word);
        let node = lines.find_map(node)?;
        if plain(word) == word {
            return None;
        }
        let pods = self.player.cluster().store().list(Kind::Pod);
        let mut twins: Vec<&std::sync::Arc<Object>> =
            pods.filter(|pod| plain(&pod.key.name) == plain(word)).collect();
        twins.sort_by_key(|pod| {
            (pod.body["spec"]["nodeName"].as_str() != Some(node.as_str()), pod.meta.creation)
        });
        twins.first().map(|pod| pod.key.name.to_string())
    }

    /// What came of the commands, with what the recording says of them. Those that have not ended are left out.
    pub fn results(&self) -> impl Iterator<Item = (&Command, &StepResult)> {
        let result = |step: &u64| self.player.results().iter().find(|result| result.step == *step);
        let both = self.recording.commands.iter().zip(&self.steps);
        both.filter_map(move |(command, step)| Some((command, result(step)?)))
    }

    /// The revisions of a kind in the recording's namespace since its beginning; of Events also those about nodes.
    pub fn history(&self, kind: Kind) -> Vec<(ChangeKind, Object)> {
        let store = self.player.cluster().store();
        let all = store.since(self.seen).expect("a short history");
        let mine = all.filter(|revision| {
            let key = &revision.object.key;
            let about_node = revision.object.document()["involvedObject"]["kind"].as_str() == Some("Node");
            key.kind == kind && (key.namespace == *self.recording.namespace || about_node)
        });
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    fn moment(&self, seconds: f64) -> Time {
        Time(self.start + (seconds.max(0.0) * 1000.0).round() as u64)
    }

    /// A date in seconds after the beginning.
    pub fn seconds(&self, date: Timestamp) -> f64 {
        let epoch = self.player.cluster().core().dates.of(Time(0)).millis();
        (date.millis() - epoch) as f64 / 1000.0 - self.start as f64 / 1000.0
    }

    /// The moments at which pods were made, in seconds after the beginning.
    pub fn births(&self) -> Vec<u64> {
        let history = self.history(Kind::Pod);
        let born = history.iter().filter(|(change, _)| *change == ChangeKind::Added);
        born.map(|(_, pod)| self.seconds(pod.meta.creation) as u64).collect()
    }
}

/// Runs a command to its end, or for a minute.
fn finish(player: &mut Player, action: StepAction) -> u64 {
    let step = player.submit(action, Str::new());
    let limit = player.now() + Duration::seconds(60);
    while player.results().iter().all(|result| result.step != step) && player.now() < limit {
        let next = player.now() + Duration::millis(20);
        player.advance_to(next);
    }
    step
}

/// The date at which a cluster begins whose clock agrees with the recording's.
fn epoch(recording: &Recording, start: u64) -> Option<String> {
    let first = Timestamp::parse(recording.first_date()?).expect("a date");
    Some(Timestamp::from_millis(first.millis() - start as i64).rfc3339())
}

/// When a recording begins here. Leases are renewed every ten seconds, and what is seen of a node that fails depends
/// on when the last one was.
fn start(scenario: &Scenario, recording: &Recording) -> u64 {
    let Some(before) = recording.last_renewal.as_ref() else { return START };
    let (node, seconds) = before;
    let mut player = Player::new(scenario.clone(), 0).expect("a cluster");
    player.advance_to(Time(START + 10_000));
    let key = Key::new(Kind::Lease, "kube-node-lease", node.as_str());
    let lease = player.cluster().store().get(&key).cloned().expect("the node's lease");
    let renewed = lease.body["spec"]["renewTime"].as_time().expect("a date").millis();
    let renewed = renewed - player.cluster().core().dates.of(Time(0)).millis();
    let start = renewed + (seconds * 1000.0).round() as i64;
    u64::try_from(start).expect("after the cluster's beginning")
}

fn scenario(plan: &Plan) -> String {
    let zones = ["zone-a", "zone-b", "zone-c"].into_iter().cycle().take(plan.nodes);
    let nodes =
        zones.map(|zone| format!("{{count: 1, memory: 16Gi, zone: {zone}}}")).collect::<Vec<_>>().join(", ");
    // What the recording had take a second in all: the hops of messages are the rest.
    format!(
        "{{apiVersion: kubarium.dev/v1alpha1, kind: Scenario, metadata: {{name: recorded}}, spec: {{seed: 7, \
         cluster: {{nodes: [{nodes}], addons: []}}, \
         options: {{imagePull: 0s, containerStart: 950ms, containerStop: 950ms}}}}}}"
    )
}

/// The behaviour of the images that the annotations of a manifest ask for; without any they run for ever.
fn images(input: &str, images: &mut BTreeMap<Str, ImageSpec>) {
    for document in shared::manifest::parse(input).expect("YAML") {
        for template in templates(&document.doc) {
            let annotation = |name: &str| template["metadata"]["annotations"][name].as_str();
            let time = |name: &str| annotation(name).and_then(Duration::parse);
            let code = annotation("fake/exit-code").and_then(|code| code.parse().ok()).unwrap_or(0);
            let image = template["spec"]["containers"][0]["image"].str();
            let ready_delay = match annotation("fake/ready-delay") {
                Some("never") => Duration::seconds(1_000_000),
                Some(delay) => Duration::parse(delay).expect("a length of time"),
                None => Duration::ZERO,
            };
            let spec = ImageSpec {
                ports: vec![PROBED],
                start: time("fake/start"),
                ready_delay,
                exit_after: time("fake/exit-after"),
                exit_code: code,
                stop: time("fake/term"),
                ..ImageSpec::default()
            };
            if images.get(&image).is_none_or(|known| *known == ImageSpec::default()) {
                images.insert(image, spec);
            }
        }
    }
}

/// The port at which images are asked whether they are ready.
const PROBED: u32 = 80;

fn templates(object: &Doc) -> Vec<&Doc> {
    let pod = (object["kind"].as_str() == Some("Pod")).then_some(object);
    let templates =
        [object.at(&["spec", "template"]), object.at(&["spec", "jobTemplate", "spec", "template"])];
    pod.into_iter().chain(templates.into_iter().filter(|template| !template.is_null())).collect()
}

/// The manifest in its namespace. `fake/fail-index` becomes a command that fails in the pod with that index,
/// `fake/ready-delay` a probe; with `probed` there is one everywhere.
fn manifest(input: &str, namespace: &str, probed: bool) -> String {
    let documents = shared::manifest::parse(input).expect("YAML");
    let mut text = String::new();
    for document in documents {
        let mut object = document.doc;
        object.set_at(&["metadata", "namespace"], namespace);
        let annotations = object.at(&["spec", "template", "metadata", "annotations"]).clone();
        let path = ["spec", "template", "spec", "containers"];
        if let Some(index) = annotations["fake/fail-index"].as_str() {
            let after = annotations["fake/exit-after"].str();
            let line = format!("sleep {after}; [ \"$JOB_COMPLETION_INDEX\" != {index} ]");
            object.at_mut(&path).items_mut()[0].set("command", Doc::list(["sh", "-c", &line]));
        }
        let has_pods = !object.at(&path).is_null();
        if has_pods && (probed || !annotations["fake/ready-delay"].is_null()) {
            let probe = shared::doc!({
                "periodSeconds": 1i64, "failureThreshold": 1i64, "tcpSocket": { "port": i64::from(PROBED) }
            });
            object.at_mut(&path).items_mut()[0].set("readinessProbe", probe);
        }
        text.push_str(&object.to_json());
        text.push_str("\n---\n");
    }
    text
}
