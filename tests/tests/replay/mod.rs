//! Plays what was recorded from a real control plane in a simulated cluster: the same six nodes, the same commands at
//! the same moments, images and options in the place of the recording's `fake/…` annotations.

pub mod agreement;
mod recording;
mod words;

use serde_json::Value;
use shared::api::{Kind, Object};
use shared::collections::BTreeMap;
use shared::doc::{Doc, Str, Timestamp};
use shared::runtime::ImageSpec;
use shared::scenario::{FaultStep, RepairStep, RequestStep, Scenario, StepAction};
use shared::session::{Player, StepResult};
use shared::sim::{ChangeKind, Duration, Fault, Target, Time};

pub use recording::{Command, Recording};
use words::{Hashes, plain};

/// What was done to the recorded cluster besides commands.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// A kubelet ended: what runs on its node runs on.
    KubeletStops(&'static str),
    KubeletReturns(&'static str),
    /// What stood in for the kubelet says of the oldest pod that it is ready, or is not.
    OldestPod {
        ready: bool,
    },
    /// So many clients send a request a second each to the Service `web`.
    Clients(u32),
}

/// How a recording is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub name: &'static str,
    /// How long, in seconds.
    pub until: u64,
    /// When it begins, in milliseconds of the cluster's time: until then nodes come up. Leases are renewed every ten
    /// seconds, and what is seen of a node that fails depends on when the last one was.
    pub start: u64,
    /// How many nodes there are.
    pub nodes: usize,
    /// Add-ons of the cluster, as a scenario lists them.
    pub addons: &'static str,
    /// Images of a scenario, besides those that the recording's annotations ask for.
    pub images: &'static str,
    /// What is applied before the recording begins.
    pub before: &'static str,
    /// What happens besides commands, and when (in seconds).
    pub deeds: &'static [(f64, Deed)],
}

/// A recording while it is played.
pub struct Replay {
    pub player: Player,
    pub recording: Recording,
    pub hashes: Hashes,
    start: u64,
    seen: u64,
    steps: Vec<u64>,
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
        scenario.spec.epoch = epoch(&recording, plan.start).map(Str::from);
        let mut player = Player::new(scenario, 0).expect("a cluster");
        let namespace = format!("create namespace {}", recording.namespace);
        player.submit_at(Time(plan.start - 2000), StepAction::Kubectl(namespace.into()), Str::new());
        if !plan.before.is_empty() {
            player.submit_at(Time(plan.start - 1500), StepAction::Apply(plan.before.into()), Str::new());
        }
        player.advance_to(Time(plan.start - 1));
        let seen = player.cluster().store().revision();
        let mut replay = Replay {
            player,
            recording,
            hashes: Hashes::default(),
            start: plan.start,
            seen,
            steps: Vec::new(),
            wide: None,
            described: None,
        };
        let mut deeds = plan.deeds.iter().peekable();
        let mut inputs = 0;
        for at in 0..replay.recording.commands.len() {
            let seconds = replay.recording.commands[at].at;
            while let Some((_, deed)) = deeds.next_if(|(when, _)| *when <= seconds) {
                replay.deed(*deed, plan);
            }
            replay.player.advance_to(replay.moment(seconds));
            replay.command(at, &mut inputs);
        }
        for (_, deed) in deeds {
            replay.deed(*deed, plan);
        }
        replay.player.advance_to(Time(plan.start + plan.until * 1000));
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

    fn deed(&mut self, deed: Deed, plan: &Plan) {
        let at = plan.deeds.iter().find(|(_, other)| format!("{other:?}") == format!("{deed:?}"));
        let moment = self.moment(at.expect("one of the plan").0);
        self.player.advance_to(moment);
        let kubelet = |node| Target::parse(&format!("component/kubelet@{node}")).expect("a target");
        let action = match deed {
            Deed::KubeletStops(node) => {
                StepAction::Fault(FaultStep { target: kubelet(node), fault: Fault::Stop })
            }
            Deed::KubeletReturns(node) => StepAction::Repair(RepairStep { target: kubelet(node) }),
            Deed::OldestPod { ready } => self.say_ready(ready),
            Deed::Clients(number) => {
                StepAction::Kubectl(format!("scale deploy/clients --replicas={number}").into())
            }
        };
        self.player.submit(action, Str::new());
    }

    fn say_ready(&self, ready: bool) -> StepAction {
        let pods = self.history(Kind::Pod);
        let (_, pod) = pods.first().expect("a pod");
        let why = r#", "reason": "ContainersNotReady", "message": "containers with unready status: [c]""#;
        let (status, why) = if ready { ("True", "") } else { ("False", why) };
        let condition = |kind: &str| format!(r#"{{"type": "{kind}", "status": "{status}"{why}}}"#);
        let body = format!(
            r#"{{"status": {{"conditions": [{}, {}]}}}}"#,
            condition("Ready"),
            condition("ContainersReady")
        );
        StepAction::Request(RequestStep {
            method: "PATCH".into(),
            path: format!("/api/v1/namespaces/{}/pods/{}/status", pod.key.namespace, pod.key.name).into(),
            content_type: "application/strategic-merge-patch+json".into(),
            body: body.into(),
            ..RequestStep::default()
        })
    }

    fn action(&self, at: usize, inputs: &mut usize) -> StepAction {
        let namespace = &self.recording.namespace;
        let line = &self.recording.commands[at].line;
        if line.ends_with("apply -f -") {
            *inputs += 1;
            return StepAction::Apply(manifest(&self.recording.inputs[*inputs - 1], namespace).into());
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
            let about_node = revision.object.body["involvedObject"]["kind"].as_str() == Some("Node");
            key.kind == kind && (key.namespace == *self.recording.namespace || about_node)
        });
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    fn moment(&self, seconds: f64) -> Time {
        Time(self.start + (seconds.max(0.0) * 1000.0).round() as u64)
    }

    /// A date in seconds after the beginning.
    pub fn seconds(&self, date: Timestamp) -> f64 {
        let epoch = self.player.cluster().core().epoch.millis();
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

fn scenario(plan: &Plan) -> String {
    let zones = ["zone-a", "zone-b", "zone-c"].into_iter().cycle().take(plan.nodes);
    let nodes =
        zones.map(|zone| format!("{{count: 1, memory: 16Gi, zone: {zone}}}")).collect::<Vec<_>>().join(", ");
    // What the recording had take a second in all: the hops of messages are the rest.
    format!(
        "{{apiVersion: kubarium.dev/v1alpha1, kind: Scenario, metadata: {{name: recorded}}, spec: {{seed: 7, \
         cluster: {{nodes: [{nodes}], addons: [{}]}}, images: {{{}}}, \
         options: {{imagePull: 0s, containerStart: 950ms, containerStop: 950ms}}}}}}",
        plan.addons, plan.images
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
/// `fake/ready-delay` a probe.
fn manifest(input: &str, namespace: &str) -> String {
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
        if !annotations["fake/ready-delay"].is_null() {
            let probe = shared::doc!({ "periodSeconds": 1i64, "tcpSocket": { "port": i64::from(PROBED) } });
            object.at_mut(&path).items_mut()[0].set("readinessProbe", probe);
        }
        text.push_str(&object.to_json());
        text.push_str("\n---\n");
    }
    text
}
