//! ResourceQuota: what a new object uses is written into the quotas of its namespace before the object is stored; what
//! is too much is refused. The quota controller gives back what goes away.

use std::sync::Arc;

use crate::api::core::resourcequota::usage::{self, Amounts};
use crate::api::quantity::Amount;
use crate::api::{Key, Kind, Object, Subresource};
use crate::doc::{Doc, Str};

use super::super::Call;

/// Charges the object to every quota that concerns it, or says why not.
pub(super) fn charge(
    call: &mut Call<'_, '_>,
    key: &Key,
    doc: &Doc,
    old: Option<&Object>,
) -> Result<(), String> {
    let counts_changes = matches!(key.kind, Kind::Service | Kind::PersistentVolumeClaim)
        || call.request.subresource == Subresource::Resize;
    if !key.kind.info().namespaced || (old.is_some() && !counts_changes) {
        return Ok(());
    }
    let concerned: Vec<(Arc<Object>, Vec<Str>)> = call
        .store
        .list_namespace(Kind::ResourceQuota, &key.namespace)
        .filter(|quota| usage::in_scope(&quota.body["spec"], key.kind, doc))
        .map(|quota| (Arc::clone(quota), bounded(quota, key.kind)))
        .filter(|(_, resources)| !resources.is_empty())
        .collect();
    if concerned.is_empty() {
        return Ok(());
    }
    for (quota, resources) in &concerned {
        fit_for(quota, resources, key.kind, doc)?;
    }
    let requested = difference(call, key, doc, old)?;
    // None is charged for what another refuses.
    let usages: Vec<Option<Amounts>> =
        concerned.iter().map(|(quota, _)| usage_with(quota, &requested)).collect::<Result<_, _>>()?;
    for ((quota, _), used) in concerned.iter().zip(usages) {
        if let Some(used) = used {
            let mut body = quota.body.clone();
            body.set_at(&["status", "used"], usage::to_doc(&used));
            call.put(Object::new(quota.key.clone(), quota.meta.clone(), body, Some(quota)));
        }
    }
    Ok(())
}

/// The resources that a quota bounds and a kind uses.
fn bounded(quota: &Object, kind: Kind) -> Vec<Str> {
    let hard = quota.body["status"]["hard"].entries().iter();
    hard.map(|(resource, _)| resource).filter(|resource| usage::is_used_by(resource, kind)).cloned().collect()
}

/// Whether the object says what it uses, and the quota knows what is used already.
fn fit_for(quota: &Object, resources: &[Str], kind: Kind, doc: &Doc) -> Result<(), String> {
    let names: Vec<&str> = resources.iter().map(Str::as_str).collect();
    if kind == Kind::Pod
        && let Some(why) = usage::unsaid(&doc["spec"], &names)
    {
        return Err(format!("failed quota: {}: {why}", quota.key.name));
    }
    if names.iter().any(|resource| quota.body["status"]["used"][*resource].is_null()) {
        return Err(format!("status unknown for quota: {}, resources: {}", quota.key.name, names.join(",")));
    }
    Ok(())
}

/// What the object uses more than it did before.
fn difference(call: &Call<'_, '_>, key: &Key, doc: &Doc, old: Option<&Object>) -> Result<Amounts, String> {
    let now = call.cx.timestamp();
    let mut requested = usage::of(key.kind, doc, None, now);
    let negative: Vec<&str> =
        requested.iter().filter(|(_, amount)| amount.milli < 0).map(|(name, _)| name.as_str()).collect();
    if !negative.is_empty() {
        return Err(format!("quota usage is negative for resource(s): {}", negative.join(",")));
    }
    if let Some(old) = old {
        for (resource, amount) in usage::of(key.kind, &old.body, None, now).iter() {
            let new = requested.get(resource).copied().unwrap_or_default();
            requested.insert(resource.clone(), new.minus(*amount));
        }
    }
    requested.retain(|_, amount| amount.milli != 0);
    Ok(requested)
}

/// What is used of a quota together with `requested`; `None` where nothing changes.
fn usage_with(quota: &Object, requested: &Amounts) -> Result<Option<Amounts>, String> {
    let status = &quota.body["status"];
    let (hard, mut used) = (usage::from_doc(&status["hard"]), usage::from_doc(&status["used"]));
    let before = used.clone();
    let mut exceeded = [Vec::new(), Vec::new(), Vec::new()];
    for (resource, amount) in requested.iter() {
        let Some(limit) = hard.get(resource) else { continue };
        let so_far = used.get(resource).copied().unwrap_or_default();
        let sum = so_far.plus(*amount);
        if sum.milli > limit.milli && amount.milli > 0 {
            let mut say = |at: usize, amount: Amount| exceeded[at].push(format!("{resource}={amount}"));
            say(0, *amount);
            say(1, so_far);
            say(2, *limit);
        }
        used.insert(resource.clone(), sum);
    }
    if !exceeded[0].is_empty() {
        let [requested, used, limited] = exceeded.map(|each| each.join(","));
        return Err(format!(
            "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
            quota.key.name
        ));
    }
    Ok(Some(used).filter(|used| *used != before))
}
