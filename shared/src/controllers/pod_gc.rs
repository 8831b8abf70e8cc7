//! Pod garbage collector: removes pods that no kubelet will ever remove: those of nodes that no longer exist or are
//! declared out of service, and finished pods beyond a number nobody reads.

use crate::api::core::node::Node;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Kind, Of, PatchKind, Request, Subresource};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::{BTreeMap, sort_by};
use crate::doc;
use crate::doc::Str;
use crate::sim::{Duration, Time, Timer};

use super::status::date;
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

/// How often it looks.
const PERIOD: Duration = Duration::seconds(20);
/// How long a node has to be missing before its pods are given up.
const QUARANTINE: Duration = Duration::seconds(40);
const LOOK: &str = "pod gc";

/// The control loop. Its keys are nodes to be asked for, and pods to be removed.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct PodGarbageCollector {
    /// Since when nodes that pods are bound to have been missing.
    missing: BTreeMap<Str, Time>,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The API server was asked whether the node is really gone.
    NodeAsked,
    /// The pod was marked as failed.
    Marked,
    /// Its deletion was asked for.
    Deleted,
}

impl Controller for PodGarbageCollector {
    const NAME: &'static str = "pod-garbage-collector";
    const WORKERS: u64 = 8;
    type Waiting = Waiting;

    fn start(&mut self, desk: &mut Desk<'_, '_>) {
        desk.cx.timer(PERIOD, Timer::named(LOOK));
    }

    fn observe(&mut self, _: &Delta, _: &World, _: &mut Desk<'_, '_>) {}

    fn timer(&mut self, timer: &Timer, world: &World, desk: &mut Desk<'_, '_>) -> bool {
        if timer.name != LOOK {
            return false;
        }
        desk.cx.timer(PERIOD, Timer::named(LOOK));
        if world.informers.synced() {
            self.look(world, desk);
        }
        true
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        if key.kind == Kind::Node {
            return Step::Ask(vec![Request::get(desk.user.clone(), key)], Waiting::NodeAsked);
        }
        let Some(pod) = world.of::<Pod>(key) else { return Step::Done };
        if pod.phase.is_terminal() {
            return remove(key, desk);
        }
        let lost = world.object(&Key::new(Kind::Node, Str::new(), pod.node_name.clone())).is_none();
        desk.cx.note("PodGC", Some(key.clone()), || {
            format!("nobody runs it any more: {} is gone or out of service", pod.node_name).into()
        });
        let mut patch = doc!({ "status": { "phase": "Failed" } });
        if lost {
            let condition = doc!({
                "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists", "lastTransitionTime": date(desk.timestamp()),
                "observedGeneration": pod.meta().generation
            });
            patch.set_at(&["status", "conditions"], doc!([condition]));
        }
        let request =
            Request::patch(desk.user.clone(), key, PatchKind::Strategic, patch).on(Subresource::Status);
        Step::Ask(vec![request], Waiting::Marked)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let gone = answers.iter().any(is_gone);
        match waiting {
            Waiting::NodeAsked if gone => {
                world.pods_on(&key.name).for_each(|pod| desk.add(pod.key().clone()));
                Step::Done
            }
            // The next look asks again where that is needed.
            Waiting::NodeAsked => Step::Done,
            _ if gone => Step::Done,
            _ if !all_ok(&answers) => Step::Retry,
            Waiting::Marked => remove(key, desk),
            Waiting::Deleted => Step::Done,
        }
    }
}

/// Removes a pod without grace: there is nobody to take leave of.
fn remove(key: &Key, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let mut request = Request::delete(desk.user.clone(), key);
    request.options.delete.grace_period_seconds = Some(0);
    Step::Ask(vec![request], Waiting::Deleted)
}

impl PodGarbageCollector {
    fn look(&mut self, world: &World, desk: &mut Desk<'_, '_>) {
        let now = desk.now();
        let exists = |name: &Str| world.of::<Node>(&Key::new(Kind::Node, Str::new(), name.clone()));
        let mut missing = BTreeMap::new();
        for name in world.nodes_with_pods() {
            match exists(name) {
                None => {
                    missing.insert(name.clone(), self.missing.get(name).copied().unwrap_or(now));
                }
                Some(node) if is_out_of_service(&node) => {
                    let leaving = world.pods_on(name).filter(|pod| pod.meta().deleting());
                    leaving.for_each(|pod| desk.add(pod.key().clone()));
                }
                Some(_) => {}
            }
        }
        for (name, since) in &missing {
            if now.since(*since) >= QUARANTINE {
                desk.add(Key::new(Kind::Node, Str::new(), name.clone()));
            }
        }
        self.missing = missing;
        finished_surplus(world).into_iter().for_each(|key| desk.add(key));
    }
}

fn is_out_of_service(node: &Of<Node>) -> bool {
    node.ready != "True" && node.taints.iter().any(|taint| taint.key == "node.kubernetes.io/out-of-service")
}

/// Finished pods beyond `--terminated-pod-gc-threshold`, oldest first.
fn finished_surplus(world: &World) -> Vec<Key> {
    const THRESHOLD: usize = 12_500;
    if world.informers.cache(Kind::Pod).len() <= THRESHOLD {
        return Vec::new();
    }
    let finished = |pod: &Of<Pod>| matches!(pod.phase, Phase::Succeeded | Phase::Failed);
    let mut pods: Vec<Of<Pod>> = world.informers.list::<Pod>().filter(finished).collect();
    sort_by(&mut pods, |a, b| (a.meta().creation, a.key()).cmp(&(b.meta().creation, b.key())));
    let surplus = pods.len().saturating_sub(THRESHOLD);
    pods.iter().take(surplus).map(|pod| pod.key().clone()).collect()
}
