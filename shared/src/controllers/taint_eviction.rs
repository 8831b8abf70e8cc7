//! Taint eviction controller: pods leave nodes with a `NoExecute` taint, at once or when their toleration ends.

use crate::api::core::node::{Node, Taint};
use crate::api::core::pod::{Pod, Toleration};
use crate::api::{Key, Kind, Object, Of, Request};
use crate::client::{Delta, Wait};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::Str;
use crate::sim::{Causes, Core, Duration, Time, Timer};

use super::status::{date, pod_condition};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

const EVICTION: &str = "eviction";

/// The control loop. Its keys are pods whose time has come.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct TaintEviction {
    scheduled: BTreeMap<Key, Eviction>,
}

/// A pod's eviction: planned, or carried out and remembered so that it is not planned again.
#[derive(Codec, Clone, Debug, Hash)]
struct Eviction {
    since: Time,
    until: Time,
    done: bool,
    causes: Causes,
}

/// How long a pod may stay on a node with certain taints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stay {
    Forever,
    For(Duration),
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The pod's status tells why it is going to be deleted.
    Marked,
    /// Its deletion was asked for.
    Deleted,
}

fn stay(taints: &[Taint], tolerations: &[Toleration]) -> Stay {
    let mut shortest: Option<i64> = None;
    for taint in taints {
        let fits = |toleration: &&Toleration| toleration.tolerates(&taint.key, &taint.value, &taint.effect);
        let Some(toleration) = tolerations.iter().find(fits) else { return Stay::For(Duration::ZERO) };
        if let Some(seconds) = toleration.seconds {
            shortest = Some(shortest.map_or(seconds, |shortest| shortest.min(seconds)));
        }
    }
    shortest
        .map_or(Stay::Forever, |seconds| Stay::For(Duration::seconds(u64::try_from(seconds).unwrap_or(0))))
}

fn no_execute(node: &Node) -> Vec<Taint> {
    node.taints.iter().filter(|taint| taint.effect == "NoExecute").cloned().collect()
}

impl Controller for TaintEviction {
    const NAME: &'static str = "taint-eviction-controller";
    const WORKERS: u64 = 8;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::Node => self.observe_node(delta, world, desk),
            Kind::Pod => self.observe_pod(delta, world, desk),
            _ => {}
        }
    }

    fn timer(&mut self, timer: &Timer, _: &World, desk: &mut Desk<'_, '_>) -> bool {
        if timer.name != EVICTION {
            return false;
        }
        if let Some(key) = &timer.key
            && let Some(eviction) = self.scheduled.get_mut(key)
            && !eviction.done
            && eviction.until == desk.now()
        {
            eviction.done = true;
            desk.cx.causes.merge(&eviction.causes);
            desk.add(key.clone());
        }
        true
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(pod) = world.of::<Pod>(key) else { return Step::Done };
        let text = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
        desk.normal(pod.object(), "TaintManagerEviction", text);
        let condition = doc!({
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": date(desk.timestamp()), "observedGeneration": pod.meta().generation
        });
        Step::Ask(vec![pod_condition(desk.user, key, condition)], Waiting::Marked)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        _: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        match waiting {
            _ if answers.iter().any(is_gone) => Step::Done,
            _ if !all_ok(&answers) => Step::Retry,
            Waiting::Marked => Step::Ask(vec![Request::delete(desk.user.clone(), key)], Waiting::Deleted),
            Waiting::Deleted => Step::Done,
        }
    }

    fn waits(&self, _: &World, _: &Core, waits: &mut Vec<Wait>) {
        for (key, eviction) in self.scheduled.iter().filter(|(_, eviction)| !eviction.done) {
            let (since, until) = (eviction.since, eviction.until);
            waits.push(Wait { name: "toleration", object: key.clone(), since, until });
        }
    }
}

impl TaintEviction {
    fn observe_node(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let taints = |object: &Option<std::sync::Arc<Object>>| {
            object.as_ref().and_then(|object| object.view::<Node>()).map(no_execute).unwrap_or_default()
        };
        let (before, after) = (taints(&delta.old), taints(&delta.new));
        // What was planned stays so when a node is gone: its pods are collected as garbage, or evicted, whatever is first.
        if delta.new.is_none() || before == after {
            return;
        }
        for pod in world.pods_on(&delta.object().key.name) {
            self.consider(&pod, &after, desk);
        }
    }

    fn observe_pod(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let Some(new) = &delta.new else {
            self.cancel(delta.object(), desk);
            return;
        };
        let Some(pod) = Of::<Pod>::new(new.clone()).filter(|pod| !pod.node_name.is_empty()) else { return };
        let before = delta.old.as_ref().and_then(|old| old.view::<Pod>());
        let same = before.is_some_and(|old| {
            let shared = std::sync::Arc::ptr_eq(&old.spec, &pod.spec);
            old.node_name == pod.node_name && (shared || old.spec.tolerations == pod.spec.tolerations)
        });
        if same {
            return;
        }
        let node = world.of::<Node>(&Key::new(Kind::Node, Str::new(), pod.node_name.clone()));
        let taints = node.map(|node| no_execute(&node)).unwrap_or_default();
        if !taints.is_empty() {
            self.consider(&pod, &taints, desk);
        }
    }

    /// Plans, moves or cancels a pod's eviction.
    fn consider(&mut self, pod: &Of<Pod>, taints: &[Taint], desk: &mut Desk<'_, '_>) {
        let stay = if taints.is_empty() { Stay::Forever } else { stay(taints, &pod.spec.tolerations) };
        let key = pod.key();
        let Stay::For(length) = stay else {
            self.cancel(pod.object(), desk);
            return;
        };
        // Of two plans the earlier one stays; only a taint that is not tolerated at all overrules it.
        if let Some(planned) = self.scheduled.get(key) {
            if planned.done || length > Duration::ZERO {
                return;
            }
            self.cancel(pod.object(), desk);
        }
        let (since, until) = (desk.now(), desk.now() + length);
        desk.cx.note("Toleration", Some(key.clone()), || {
            format!("stays on {} for {length} more", pod.node_name).into()
        });
        let eviction = Eviction { since, until, done: false, causes: desk.cx.causes.clone() };
        self.scheduled.insert(key.clone(), eviction);
        desk.cx.timer(length, Timer::about(EVICTION, key.clone()));
    }

    /// Forgets a pod's eviction, and says so where it was still to come.
    fn cancel(&mut self, pod: &Object, desk: &mut Desk<'_, '_>) {
        if let Some(eviction) = self.scheduled.remove(&pod.key)
            && !eviction.done
        {
            let text = format!("Cancelling deletion of Pod {}/{}", pod.key.namespace, pod.key.name);
            desk.normal(pod, "TaintManagerEviction", text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Stay, stay};
    use crate::api::core::node::Taint;
    use crate::api::core::pod::Toleration;
    use crate::sim::Duration;

    fn taint(key: &str) -> Taint {
        Taint { key: key.into(), value: "".into(), effect: "NoExecute".into(), time_added: None }
    }

    fn toleration(key: &str, seconds: Option<i64>) -> Toleration {
        Toleration { key: key.into(), exists: true, value: "".into(), effect: "NoExecute".into(), seconds }
    }

    #[test]
    fn the_shortest_toleration_counts_and_an_untolerated_taint_most() {
        let both = [taint("a"), taint("b")];
        assert_eq!(stay(&both, &[toleration("a", Some(300))]), Stay::For(Duration::ZERO));
        assert_eq!(
            stay(&both, &[toleration("a", Some(300)), toleration("b", Some(5))]),
            Stay::For(Duration::seconds(5))
        );
        assert_eq!(
            stay(&both, &[toleration("a", Some(300)), toleration("b", None)]),
            Stay::For(Duration::seconds(300))
        );
        assert_eq!(stay(&both, &[toleration("", None)]), Stay::Forever);
        assert_eq!(stay(&both, &[toleration("", Some(-1))]), Stay::For(Duration::ZERO));
    }
}
