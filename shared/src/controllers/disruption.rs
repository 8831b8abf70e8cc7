//! Disruption controller: tells of each budget how many of its pods may be taken away now.

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::apps::deployment::{Deployment, scaled};
use crate::api::apps::replicaset::ReplicaSet;
use crate::api::core::pod::Pod;
use crate::api::policy::poddisruptionbudget::PodDisruptionBudget;
use crate::api::{Key, Kind, Of, OwnerReference, Subresource, Uid};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::labels::go_selector;
use super::status::{condition as known, date, omit_empty, resource_version, write};
use super::worker::{Answer, Controller, Desk, Step, all_ok};
use super::world::World;

/// An eviction that was granted should have come to pass within so long, in seconds.
const PATIENCE: i64 = 120;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct DisruptionController {}

impl Controller for DisruptionController {
    const NAME: &'static str = "disruption-controller";
    const SOURCE: &'static str = "controllermanager";
    const WORKERS: u64 = 1;
    /// Whether the key has to come back.
    type Waiting = bool;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        match object.key.kind {
            Kind::PodDisruptionBudget => desk.add(object.key.clone()),
            Kind::Pod => {
                for budget in world.may_concern::<PodDisruptionBudget>(delta) {
                    let sides = [&delta.old, &delta.new];
                    if sides.into_iter().flatten().any(|pod| budget.protects(&pod.meta.labels)) {
                        desk.add(budget.key().clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<bool> {
        let Some(budget) = world.of::<PodDisruptionBudget>(key) else { return Step::Done };
        let selector = budget.selector.as_ref();
        let pods = selector.map(|selector| world.selected_pods(&key.namespace, selector)).unwrap_or_default();
        if pods.is_empty() {
            desk.normal(budget.object(), "NoPods", "No matching pods found");
        }
        match expected(&budget, &pods, world) {
            Ok((expected, desired)) => {
                let by_manager = !budget.max_unavailable.is_null() || budget.min_available.as_str().is_some();
                if by_manager && pods.iter().any(|pod| pod.meta().controller().is_none()) {
                    let selector = go_selector(&budget.object().body["spec"]["selector"]);
                    let text = format!(
                        "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. \
                         As a result, the status of the PDB cannot be calculated correctly, which may result in \
                         undefined behavior. To account for these pods please set \".spec.minAvailable\" field of \
                         the PDB to an integer value."
                    );
                    desk.warning(budget.object(), "UnmanagedPods", text);
                }
                let disrupted = disrupted(&budget, &pods, desk);
                let healthy = |pod: &&Of<Pod>| {
                    pod.ready && !pod.meta().deleting() && disrupted[pod.key().name.as_str()].is_null()
                };
                let healthy = pods.iter().filter(healthy).count() as i64;
                let mut allowed = (healthy - desired).max(0);
                if expected <= 0 {
                    // Nothing is known yet of pods that are about to appear.
                    allowed = 0;
                }
                let mut status = doc!({
                    "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
                    "expectedPods": expected, "disruptedPods": disrupted,
                    "observedGeneration": budget.meta().generation
                });
                omit_empty(&mut status, &["disruptedPods"]);
                let (holds, reason) =
                    if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
                let condition = condition(&budget, holds, reason, "", desk.timestamp());
                status.set("conditions", conditions(&budget, condition));
                tell(&budget, &status, false, desk)
            }
            Err(why) => {
                let text = format!("Failed to calculate the number of expected pods: {why}");
                desk.warning(budget.object(), "CalculateExpectedPodCountFailed", text);
                let mut status = budget.object().body["status"].clone();
                // Whoever wants to evict has to wait.
                status.set("disruptionsAllowed", 0i64);
                let condition = condition(&budget, "False", "SyncFailed", &why, desk.timestamp());
                status.set("conditions", conditions(&budget, condition));
                tell(&budget, &status, true, desk)
            }
        }
    }

    fn answered(
        &mut self,
        _: &Key,
        again: bool,
        answers: Vec<Answer>,
        _: &World,
        _: &mut Desk<'_, '_>,
    ) -> Step<bool> {
        if again || !all_ok(&answers) { Step::Retry } else { Step::Done }
    }
}

/// Writes the status, unless somebody was faster: an eviction that was granted meanwhile has to be counted.
fn tell(budget: &Of<PodDisruptionBudget>, status: &Doc, again: bool, desk: &Desk<'_, '_>) -> Step<bool> {
    let old = &budget.object().body["status"];
    match write(desk.user, budget.key(), old, status) {
        Some(mut request) => {
            let version = resource_version(budget.meta().resource_version);
            request.body.set_at(&["metadata", "resourceVersion"], version);
            Step::Ask(vec![request], again)
        }
        None if again => Step::Retry,
        None => Step::Done,
    }
}

/// How many pods there should be, and how many of them have to be healthy.
fn expected(budget: &Of<PodDisruptionBudget>, pods: &[Of<Pod>], world: &World) -> Result<(i64, i64), String> {
    let (most, least) = (&budget.max_unavailable, &budget.min_available);
    if !most.is_null() {
        let all = scale(pods, world)?;
        return Ok((all, (all - scaled(most, all, true)).max(0)));
    }
    match least {
        Doc::Null => Ok((0, 0)),
        Doc::Int(count) => Ok((pods.len() as i64, count.get())),
        share => {
            let all = scale(pods, world)?;
            Ok((all, scaled(share, all, true)))
        }
    }
}

/// The wanted sizes of all that manages these pods, together. Pods that nobody manages count nowhere.
fn scale(pods: &[Of<Pod>], world: &World) -> Result<i64, String> {
    let mut managers: Vec<(Uid, i64)> = Vec::new();
    for pod in pods {
        let Some(owner) = pod.meta().controller() else { continue };
        if managers.iter().any(|(uid, _)| *uid == owner.uid) {
            continue;
        }
        let namespace = &pod.key().namespace;
        let set = world.resolve::<ReplicaSet>(namespace, owner);
        let deployment = set.as_ref().and_then(|set| world.manager::<Deployment>(namespace, set.meta()));
        let sized = match (deployment, set) {
            // All ReplicaSets of a Deployment have one size together.
            (Some(deployment), _) => Some((deployment.meta().uid, deployment.replicas)),
            (None, Some(set)) => Some((owner.uid, set.replicas)),
            (None, None) => scaled_owner(namespace, owner, world)?,
        };
        let Some(sized) = sized else {
            return Err(format!("found no controllers for pod {:?}", pod.key().name.as_str()));
        };
        if !managers.contains(&sized) {
            managers.push(sized);
        }
    }
    Ok(managers.iter().map(|(_, size)| size).sum())
}

/// The size that an owner wants, as its scale tells it; nothing where there is no such owner.
fn scaled_owner(
    namespace: &Str,
    owner: &OwnerReference,
    world: &World,
) -> Result<Option<(Uid, i64)>, String> {
    let Some(kind) = world.kind_of(owner) else { return Ok(None) };
    let info = kind.info();
    if !info.subresources.contains(&Subresource::Scale) {
        return Err(format!("{} does not implement the scale subresource", info.qualified()));
    }
    let Some(object) = world.owner(kind, namespace, owner) else { return Ok(None) };
    let custom = || {
        let name = format!("{}.{}", info.plural, info.group);
        let definition = world.object(&Key::new(Kind::CustomResourceDefinition, Str::new(), name))?;
        CustomResources::of(definition, |version| version.kind.info().version == info.version)
    };
    let wanted = match kind {
        Kind::Custom(_) => custom().and_then(|custom| custom.scale(object).0.as_i64()),
        _ => object.body["spec"]["replicas"].as_i64(),
    };
    Ok(wanted.map(|wanted| (owner.uid, wanted)))
}

/// Pods whose eviction was granted and that are not gone yet.
fn disrupted(budget: &Of<PodDisruptionBudget>, pods: &[Of<Pod>], desk: &mut Desk<'_, '_>) -> Doc {
    let now = desk.timestamp();
    let mut waiting = Doc::map();
    let mut next: Option<i64> = None;
    for (name, since) in budget.disrupted.entries() {
        let pod = pods.iter().find(|pod| pod.key().name == *name && !pod.meta().deleting());
        let (Some(pod), Some(moment)) = (pod, since.as_time()) else { continue };
        let left = (moment.seconds() + PATIENCE) * 1000 - now.millis();
        if left > 0 {
            waiting.set(name.clone(), since.clone());
            next = Some(next.map_or(left, |next| next.min(left)));
        } else {
            let budget = budget.key();
            let text = format!(
                "Pod was expected by PDB {}/{} to be deleted but it wasn't",
                budget.namespace, budget.name
            );
            desk.warning(pod.object(), "NotDeleted", text);
        }
    }
    if let Some(left) = next {
        desk.add_after(budget.key().clone(), Duration::millis(left.unsigned_abs()));
    }
    waiting
}

/// What the status says beside this, and this: others have conditions of their own there.
fn conditions(budget: &Of<PodDisruptionBudget>, condition: Doc) -> Vec<Doc> {
    let mut all = budget.object().body["status"]["conditions"].items().to_vec();
    match all.iter_mut().find(|known| known["type"] == condition["type"]) {
        Some(known) => *known = condition,
        None => all.push(condition),
    }
    all
}

fn condition(
    budget: &Of<PodDisruptionBudget>,
    holds: &'static str,
    reason: &'static str,
    message: &str,
    now: Timestamp,
) -> Doc {
    let before = known(&budget.object().body["status"], "DisruptionAllowed");
    let since = if before["status"].as_str() == Some(holds) {
        before["lastTransitionTime"].clone()
    } else {
        date(now)
    };
    doc!({
        "type": "DisruptionAllowed", "status": holds, "reason": reason, "message": Str::from(message),
        "lastTransitionTime": since, "observedGeneration": budget.meta().generation
    })
}
