//! Namespace controller: empties namespaces that are being deleted, then lets them go.

use crate::api::apiregistration::apiservice;
use crate::api::{Key, Kind, Object, PatchKind, Propagation, Reply, Request, Subresource, User, Verb};
use crate::client::{Delta, Share, Wait};
use crate::codec::Codec;
use crate::collections::{BTreeMap, sort};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{Core, Duration, Time};

use super::status::{condition, date, write};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

/// Before and between looks: caches of other API servers get time to learn of the deletion.
const GRACE: Duration = Duration::seconds(5);
const FINALIZER: &str = "kubernetes";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct NamespaceController {
    /// When a terminating namespace was last noticed, for the countdown.
    noticed: BTreeMap<Key, Time>,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// All pods were told to go: the others' turn comes when they have.
    PodsDeleted,
    /// What pods are left?
    PodsListed,
    /// Everything else was deleted.
    RestDeleted,
    /// What else is left?
    RestListed,
    /// The status says that nothing is left: the namespace may go.
    Told,
    /// The status says that nobody knows what else is left.
    Undiscovered,
    /// The status was written.
    StatusWritten,
    /// The namespace was let go.
    Finalized,
}

impl Controller for NamespaceController {
    const NAME: &'static str = "namespace-controller";
    const WORKERS: u64 = 10;
    /// Every kind is asked twice for every namespace.
    const SHARE: Share = Share { steady: 20, burst: 100 };
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.key.kind != Kind::Namespace {
            return;
        }
        match &delta.new {
            Some(namespace) if namespace.meta.deleting() => {
                self.noticed.insert(object.key.clone(), desk.now());
                desk.add_after(object.key.clone(), GRACE);
            }
            Some(_) => {}
            None => {
                self.noticed.remove(&object.key);
            }
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let terminating = |object: &&std::sync::Arc<Object>| object.meta.deleting() && is_held(object);
        if world.object(key).filter(terminating).is_none() {
            return Step::Done;
        }
        Step::Ask(vec![of_all(desk.user, Verb::DeleteCollection, Kind::Pod, &key.name)], Waiting::PodsDeleted)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let Some(namespace) = world.object(key).cloned() else { return Step::Done };
        if answers.iter().any(is_gone) {
            return Step::Done;
        }
        if !all_ok(&answers) {
            return Step::Retry;
        }
        let custom = world.custom_kinds();
        let all = || Kind::ALL.iter().chain(&custom).copied();
        let rest = || all().filter(|kind| kind.info().namespaced && *kind != Kind::Pod);
        let of_rest =
            |verb: Verb, user: &User| rest().map(|kind| of_all(user, verb, kind, &key.name)).collect();
        match waiting {
            Waiting::PodsDeleted => {
                Step::Ask(vec![of_all(desk.user, Verb::List, Kind::Pod, &key.name)], Waiting::PodsListed)
            }
            Waiting::PodsListed => {
                let pods = items(&answers);
                if pods.is_empty() {
                    return Step::Ask(of_rest(Verb::DeleteCollection, desk.user), Waiting::RestDeleted);
                }
                // Pods go first and other content waits for them; the conditions do not count them.
                desk.add_after(key.clone(), half_of_grace(&pods));
                self.tell(&namespace, &[], None, Waiting::StatusWritten, desk)
            }
            Waiting::RestDeleted => {
                let mut requests: Vec<Request> = of_rest(Verb::List, desk.user);
                // What is served tells which kinds there are.
                requests.push(Request::list(desk.user.clone(), Kind::ApiService));
                Step::Ask(requests, Waiting::RestListed)
            }
            Waiting::RestListed => {
                let (registered, left): (Vec<&Object>, Vec<&Object>) =
                    items(&answers).into_iter().partition(|object| object.key.kind == Kind::ApiService);
                if let Some(why) = undiscovered(&registered) {
                    return match self.tell(&namespace, &left, Some(why), Waiting::Undiscovered, desk) {
                        Step::Done => Step::Retry,
                        told => told,
                    };
                }
                if left.is_empty() {
                    return match self.tell(&namespace, &[], None, Waiting::Told, desk) {
                        Step::Done => Step::Ask(vec![finalize(&namespace, desk.user)], Waiting::Finalized),
                        told => told,
                    };
                }
                // What finalizers hold is looked at again after half of fifteen seconds.
                desk.add_after(key.clone(), Duration::seconds(8));
                self.tell(&namespace, &left, None, Waiting::StatusWritten, desk)
            }
            Waiting::Told => Step::Ask(vec![finalize(&namespace, desk.user)], Waiting::Finalized),
            Waiting::Undiscovered => Step::Retry,
            Waiting::StatusWritten | Waiting::Finalized => Step::Done,
        }
    }

    fn waits(&self, _: &World, core: &Core, waits: &mut Vec<Wait>) {
        for (key, &since) in self.noticed.iter().filter(|(_, since)| **since + GRACE > core.now) {
            waits.push(Wait { name: "namespaceDeletion", object: key.clone(), since, until: since + GRACE });
        }
    }
}

impl NamespaceController {
    /// Writes the conditions that say how far the deletion has come.
    fn tell(
        &mut self,
        namespace: &Object,
        left: &[&Object],
        undiscovered: Option<String>,
        then: Waiting,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let old = &namespace.body["status"];
        let mut new = old.clone();
        let mut conditions: Vec<Doc> = Vec::new();
        for (kind, state, reason, message) in conditions_for(left, undiscovered) {
            let known = condition(old, kind);
            let same = known["status"].as_str() == Some(state) && known["message"].as_str() == Some(&message);
            conditions.push(if same {
                known.clone()
            } else {
                doc!({
                    "type": kind, "status": state, "reason": reason, "message": message,
                    "lastTransitionTime": date(desk.timestamp())
                })
            });
        }
        new.set("conditions", conditions);
        match write(desk.user, &namespace.key, old, &new) {
            Some(request) => Step::Ask(vec![request], then),
            None => Step::Done,
        }
    }
}

/// Why it is not known which kinds there are, if it is not.
fn undiscovered(registered: &[&Object]) -> Option<String> {
    let silent = registered.iter().filter(|service| apiservice::is_silent(service));
    let mut stale: Vec<String> = silent
        .map(|service| {
            let spec = &service.body["spec"];
            let version = format!("{}/{}", spec["group"].str(), spec["version"].str());
            format!("{version}: stale GroupVersion discovery: {version}")
        })
        .collect();
    sort(&mut stale);
    (!stale.is_empty()).then(|| {
        let what = "unable to retrieve the complete list of server APIs";
        format!("Discovery failed for some groups, {} failing: {what}: {}", stale.len(), stale.join(", "))
    })
}

fn is_held(namespace: &Object) -> bool {
    namespace.body["spec"]["finalizers"].items().iter().any(|finalizer| finalizer.as_str() == Some(FINALIZER))
}

fn of_all(user: &User, verb: Verb, kind: Kind, namespace: &Str) -> Request {
    let mut request = Request { verb, namespace: namespace.clone(), ..Request::list(user.clone(), kind) };
    // Whatever was asked for before, nothing waits for its dependents now, and none are kept.
    request.options.delete.propagation = Some(Propagation::Background);
    request
}

fn items(answers: &[Answer]) -> Vec<&Object> {
    let lists = answers.iter().filter_map(|answer| match answer {
        Ok(Reply::List(items, _)) => Some(items.iter().map(|item| &**item)),
        _ => None,
    });
    lists.flatten().collect()
}

/// Half of the longest grace of pods that still run, and a second.
fn half_of_grace(pods: &[&Object]) -> Duration {
    let graces = pods.iter().filter_map(|pod| pod.view::<crate::api::core::pod::Pod>());
    let longest =
        graces.filter(|pod| !pod.phase.is_terminal()).map(|pod| pod.spec.grace_seconds).max().unwrap_or(0);
    Duration::seconds(u64::try_from(longest / 2 + 1).unwrap_or(1))
}

fn finalize(namespace: &Object, user: &User) -> Request {
    let finalizers = namespace.body["spec"]["finalizers"].items();
    let kept: Vec<Doc> = finalizers.iter().filter(|held| held.as_str() != Some(FINALIZER)).cloned().collect();
    let patch = doc!({ "spec": { "finalizers": kept } });
    Request::patch(user.clone(), &namespace.key, PatchKind::Merge, patch).on(Subresource::Finalize)
}

/// Type, status, reason and message of every condition, given what is left.
fn conditions_for(
    left: &[&Object],
    undiscovered: Option<String>,
) -> Vec<(&'static str, &'static str, &'static str, String)> {
    let mut by_kind: BTreeMap<String, u32> = BTreeMap::new();
    let mut by_finalizer: BTreeMap<&str, u32> = BTreeMap::new();
    for object in left {
        let info = object.key.kind.info();
        *by_kind.entry(format!("{}.{}", info.plural, info.group)).or_default() += 1;
        for finalizer in object.meta.finalizers.iter() {
            *by_finalizer.entry(finalizer.as_str()).or_default() += 1;
        }
    }
    let join = |parts: Vec<String>| parts.join(", ");
    let kinds =
        by_kind.iter().map(|(kind, count)| format!("{kind} has {count} resource instances")).collect();
    let finalizers =
        by_finalizer.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
    let discovery = "NamespaceDeletionDiscoveryFailure";
    let mut conditions = vec![
        match undiscovered {
            Some(why) => (discovery, "True", "DiscoveryFailed", why),
            None => {
                let text = "All resources successfully discovered".to_owned();
                (discovery, "False", "ResourcesDiscovered", text)
            }
        },
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
    ];
    conditions.push(if by_kind.is_empty() {
        (
            "NamespaceContentRemaining",
            "False",
            "ContentRemoved",
            "All content successfully removed".to_owned(),
        )
    } else {
        let text = format!("Some resources are remaining: {}", join(kinds));
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", text)
    });
    conditions.push(if by_finalizer.is_empty() {
        let text = "All content-preserving finalizers finished".to_owned();
        ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", text)
    } else {
        let text = format!("Some content in the namespace has finalizers remaining: {}", join(finalizers));
        ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", text)
    });
    conditions
}

#[cfg(test)]
mod tests {
    use super::conditions_for;
    use crate::api::{Key, Kind, Meta, Object};
    use crate::doc::Doc;

    #[test]
    fn what_is_left_is_counted_by_kind_and_by_finalizer() {
        let mut held = Meta::default();
        held.finalizers.push("example.com/hold".into());
        let object = Object::new(Key::new(Kind::ConfigMap, "x", "held"), held, Doc::map(), None);
        let conditions = conditions_for(&[&object], None);
        let texts: Vec<&str> = conditions[3..].iter().map(|(_, _, _, text)| text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Some resources are remaining: configmaps. has 1 resource instances",
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
            ]
        );
    }
}
