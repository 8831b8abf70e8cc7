//! What was done to a recorded cluster besides commands: its `timings.json` says when.

use serde_json::Value;
use shared::api::Kind;
use shared::doc::Str;
use shared::scenario::{FaultStep, RepairStep, RequestStep, StepAction};
use shared::sim::{Duration, Fault, Target, Time};

use super::{Recording, Replay};

/// What was done to the recorded cluster besides commands.
#[derive(Clone, PartialEq, Debug)]
pub enum Deed {
    /// A kubelet ended: what runs on its node runs on.
    KubeletStops(String),
    KubeletReturns(String),
    /// What stood in for the kubelet said of the oldest pod that it is not ready; here its probes fail.
    OldestPodFails,
    OldestPodRecovers,
    /// The pods together use so much CPU, in thousandths, as what stood in for the metrics API said.
    Load(u64),
}

/// What the stand-in for the metrics API said in the beginning.
const FIRST_LOAD: u64 = 100;
/// How often it was asked anew, and over how long it said it had measured.
const LOOK: Duration = Duration::seconds(1);
const WINDOW: &str = "15s";

/// The deeds of a recording, in order of time (in seconds).
pub fn of(timings: &Value) -> Vec<(f64, Deed)> {
    let node = || timings["lease"]["holderIdentity"].as_str().unwrap_or("node-0").to_owned();
    let moments = timings["timings"].as_object().into_iter().flatten();
    let mut deeds: Vec<(f64, Deed)> = moments
        .filter_map(|(name, at)| {
            let deed = match name.as_str() {
                "fail" => Deed::KubeletStops(node()),
                "recover" => Deed::KubeletReturns(node()),
                "unready" => Deed::OldestPodFails,
                "ready_again" => Deed::OldestPodRecovers,
                load => Deed::Load(load.strip_prefix("load_")?.strip_suffix('m')?.parse().ok()?),
            };
            Some((at.as_f64()?, deed))
        })
        .collect();
    deeds.sort_by(|one, two| one.0.total_cmp(&two.0));
    deeds
}

impl Recording {
    /// Whether a definition stood in for the metrics API.
    pub fn tells_metrics(&self) -> bool {
        self.definitions.iter().any(|definition| definition.contains("pods.metrics.k8s.io"))
    }

    /// Whether a pod's probes fail in its course.
    pub fn probes_fail(&self) -> bool {
        self.deeds.iter().any(|(_, deed)| *deed == Deed::OldestPodFails)
    }
}

impl Replay {
    /// Goes on to a moment; on the way the metrics are told, where they were.
    pub(super) fn advance_to(&mut self, to: Time) {
        while self.recording.tells_metrics() && self.player.now() + LOOK < to {
            let next = self.player.now() + LOOK;
            self.player.advance_to(next);
            self.tell_metrics();
        }
        self.player.advance_to(to);
    }

    /// Every pod that runs uses as much as the others.
    fn tell_metrics(&mut self) {
        let store = self.player.cluster().store();
        let running: Vec<Str> = store
            .list(Kind::Pod)
            .filter(|pod| pod.key.namespace == *self.recording.namespace)
            .filter(|pod| !pod.meta.deleting() && pod.body["status"]["phase"].as_str() == Some("Running"))
            .map(|pod| pod.key.name.clone())
            .collect();
        let now = self.player.cluster().core().timestamp().floor_seconds().rfc3339();
        let namespace = &self.recording.namespace;
        let mut told = Vec::new();
        for name in &running {
            let used = self.load / running.len() as u64;
            let labels = &store
                .get(&shared::api::Key::new(Kind::Pod, namespace.as_str(), name))
                .expect("it runs")
                .meta;
            let labels = labels.labels.to_json();
            let body = format!(
                r#"{{"apiVersion":"metrics.k8s.io/v1beta1","kind":"PodMetrics","metadata":{{"name":"{name}","labels":{labels}}},"timestamp":"{now}","window":"{WINDOW}","containers":[{{"name":"c","usage":{{"cpu":"{used}m","memory":"64Mi"}}}}]}}"#
            );
            told.push(StepAction::Request(RequestStep {
                method: "PATCH".into(),
                path: format!(
                    "/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{name}?fieldManager=metrics&force=true"
                )
                .into(),
                content_type: "application/apply-patch+yaml".into(),
                body: body.into(),
                ..RequestStep::default()
            }));
        }
        for action in told {
            self.player.submit(action, Str::new());
        }
    }

    pub(super) fn deed(&mut self, at: f64, deed: &Deed) {
        self.advance_to(self.moment(at));
        let kubelet = |node: &str| Target::parse(&format!("component/kubelet@{node}")).expect("a target");
        let action = match deed {
            Deed::KubeletStops(node) => {
                StepAction::Fault(FaultStep { target: kubelet(node), fault: Fault::Stop })
            }
            Deed::KubeletReturns(node) => StepAction::Repair(RepairStep { target: kubelet(node) }),
            Deed::OldestPodFails => {
                StepAction::Fault(FaultStep { target: self.oldest_pod(), fault: Fault::FailProbes })
            }
            Deed::OldestPodRecovers => StepAction::Repair(RepairStep { target: self.oldest_pod() }),
            Deed::Load(milli) => {
                self.load = *milli;
                return;
            }
        };
        self.player.submit(action, Str::new());
    }

    fn oldest_pod(&self) -> Target {
        let pods = self.history(Kind::Pod);
        let (_, pod) = pods.first().expect("a pod");
        Target::Pod(pod.key.namespace.clone(), pod.key.name.clone())
    }
}

pub(super) const UNTOLD: u64 = FIRST_LOAD;
