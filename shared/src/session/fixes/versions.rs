//! Kinds in other letters, and versions in which they are not served.

use super::places::key;
use super::scene::Fault;
use super::values::listed;
use super::{Edit, Fix};
use crate::api::{Info, Kind};
use crate::doc::{Path, Segment};
use crate::manifest::{Document, Span};
use crate::schema::distance;

/// What people call kinds: `deployment`, `Deployments`, `svc`, `Deploymnet`.
fn meant(written: &str) -> Option<&'static Info> {
    let lower = written.to_lowercase();
    let far = |kind: &Kind| distance(&lower, &kind.info().kind.to_lowercase());
    let near = || {
        let nearest = Kind::ALL.iter().copied().min_by_key(far)?;
        (far(&nearest) <= (lower.chars().count() / 3).max(1)).then_some(nearest)
    };
    Kind::named(written).or_else(near).map(Kind::info)
}

/// A kind that nobody knows in this version.
pub(super) fn served(fault: &Fault) -> Vec<Fix> {
    if !fault.message.starts_with("no matches for kind ") {
        return Vec::new();
    }
    let [kind, version, ..] = listed(fault.message)[..] else { return Vec::new() };
    let known = |info: &&Info| info.kind == kind;
    let mut same: Vec<&Info> = Kind::ALL.iter().map(|kind| kind.info()).filter(known).collect();
    // What only was in a group now has another; some kinds are in two.
    let group = |info: &Info| info.api_version().split('/').next() == version.split('/').next();
    crate::collections::sort_by_key(&mut same, |info| usize::from(!group(info)));
    if !same.is_empty() {
        return same.iter().flat_map(|info| set(fault, &[("apiVersion", info.api_version())])).collect();
    }
    let Some(info) = meant(kind) else { return Vec::new() };
    let both = [("kind", info.kind), ("apiVersion", info.api_version())];
    let own = Kind::of(version, info.kind).is_some();
    set(fault, if own { &both[..1] } else { &both }).into_iter().collect()
}

/// A field of the other version of a kind that is served in two.
pub(super) fn other(fault: &Fault) -> Vec<Fix> {
    let Some((field, [Segment::Key(place)])) = fault.unknown() else { return Vec::new() };
    let version = match (&**place, field) {
        ("spec", "targetCPUUtilizationPercentage") => "autoscaling/v1",
        ("spec", "metrics" | "behavior") => "autoscaling/v2",
        _ => return Vec::new(),
    };
    let is_of_kind = |document: &Document| document.doc["kind"].as_str() == Some("HorizontalPodAutoscaler");
    let fix = fault
        .document
        .filter(|document| is_of_kind(document))
        .map(|_| set(fault, &[("apiVersion", version)]));
    fix.flatten().into_iter().collect()
}

/// Other values for fields of the document itself.
fn set(fault: &Fault, values: &[(&str, &str)]) -> Option<Fix> {
    let document = fault.document?;
    let edits = values.iter().map(|(field, value)| {
        let Span { start, end } = document.spans.value(&Path(vec![key(field)]));
        Edit { from: (start.line, start.column), to: (end.line, end.column), text: (*value).into() }
    });
    let (field, value) = values.first()?;
    Some(Fix::new("fix_set", format!("{field}: {value}"), edits.collect()))
}
