//! `POST pods/x/eviction`: a deletion that disruption budgets may refuse.

use std::sync::Arc;

use crate::api::core::pod::{Phase, Pod};
use crate::api::policy::poddisruptionbudget::PodDisruptionBudget;
use crate::api::{CauseDetail, Kind, Object, Reason, Reply, Status};
use crate::doc;
use crate::doc::{Doc, strategic_merge};

use super::delete::check_preconditions;
use super::{ApiServer, Call};

/// As what it is noted that a budget did not let a pod go: the cause that the answer names.
pub const REFUSED: &str = "DisruptionBudget";

/// A budget that so many pods are about to leave takes no more.
const MOST_DISRUPTED: usize = 2000;

impl ApiServer {
    /// Deletes the pod if its budget allows it.
    pub(super) fn evict(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let pod = call.existing(&call.request.key())?;
        check_preconditions(&pod, &call.request.options.delete)?;
        if let Some(budget) = protected(call, &pod)?
            && let Err(refusal) = grant(call, &budget, &pod)
        {
            // Nothing in the store tells of it: whoever looks on would not know why a drain stands still.
            let why = refusal.causes.first().map_or(&refusal.message, |cause| &cause.message).clone();
            call.cx.note(REFUSED, Some(pod.key.clone()), || why);
            return Err(refusal);
        }
        let pod = call.existing(&pod.key)?;
        let marked = if pod.meta.deleting() { pod } else { mark(call, &pod)? };
        self.remove_object(call, &marked)?;
        Ok(Reply::Doc(
            doc!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201i64 }),
        ))
    }
}

/// The budget that has to agree, if one has.
fn protected(call: &Call<'_, '_>, object: &Arc<Object>) -> Result<Option<Arc<Object>>, Status> {
    let Some(pod) = object.view::<Pod>() else { return Ok(None) };
    if pod.phase.is_terminal() || pod.phase == Phase::Pending || object.meta.deleting() {
        return Ok(None);
    }
    let budgets = call.store.list_namespace(Kind::PodDisruptionBudget, &object.key.namespace);
    let protects = |budget: &&Arc<Object>| {
        budget.view::<PodDisruptionBudget>().is_some_and(|budget| budget.protects(&object.meta.labels))
    };
    let mut budgets = budgets.filter(protects);
    let (Some(first), second) = (budgets.next(), budgets.next()) else { return Ok(None) };
    if second.is_some() {
        return Err(Status::new(
            Reason::InternalError,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    let budget = first.view::<PodDisruptionBudget>().filter(|_| !pod.ready);
    let free = budget.is_some_and(|budget| {
        // An unhealthy pod keeps nothing up: whether it may go regardless is for the policy to say.
        budget.unhealthy_policy == "AlwaysAllow"
            || budget.desired_healthy > 0 && budget.current_healthy >= budget.desired_healthy
    });
    Ok((!free).then(|| Arc::clone(first)))
}

/// Takes one disruption off the budget.
fn grant(call: &mut Call<'_, '_>, object: &Arc<Object>, pod: &Object) -> Result<(), Status> {
    let Some(budget) = object.view::<PodDisruptionBudget>() else { return Ok(()) };
    let name = &object.key.name;
    if budget.observed_generation < object.meta.generation {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refusal(why, 10));
    }
    if budget.disrupted.entries().len() > MOST_DISRUPTED {
        return Err(Status::forbidden(
            &object.key,
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        ));
    }
    if budget.disruptions_allowed <= 0 {
        let (needed, there) = (budget.desired_healthy, budget.current_healthy);
        let why =
            format!("The disruption budget {name} needs {needed} healthy pods and has {there} currently");
        return Err(refusal(why, 0));
    }
    let mut body = object.body.clone();
    let left = budget.disruptions_allowed - 1;
    body.set_at(&["status", "disruptionsAllowed"], left);
    let now = call.cx.timestamp().floor_seconds();
    body.at_mut(&["status", "disruptedPods"]).set(pod.key.name.clone(), Doc::Time(now));
    call.put(Object::new(object.key.clone(), object.meta.clone(), body, Some(object)));
    Ok(())
}

/// 429 with the cause `DisruptionBudget`.
fn refusal(why: String, retry_after: u32) -> Status {
    let cause = CauseDetail { reason: REFUSED, message: why.into(), field: "".into() };
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    Status {
        causes: vec![cause],
        retry_after_seconds: (retry_after > 0).then_some(retry_after),
        ..Status::new(Reason::TooManyRequests, message)
    }
}

/// The pod says why it goes.
fn mark(call: &mut Call<'_, '_>, pod: &Arc<Object>) -> Result<Arc<Object>, Status> {
    let condition = doc!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "observedGeneration": pod.meta.generation,
        "lastTransitionTime": Doc::Time(call.cx.timestamp().floor_seconds())
    });
    let patch = doc!({ "status": { "conditions": [condition] } });
    let body = strategic_merge(&pod.body, &patch)
        .map_err(|error| Status::new(Reason::InternalError, error.to_string()))?;
    Ok(call.put(Object::new(pod.key.clone(), pod.meta.clone(), body, Some(pod))))
}
