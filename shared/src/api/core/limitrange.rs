//! LimitRange: how much a container or pod of a namespace may ask for, and what it gets where it asks for nothing.

use crate::api::core::pod::resource_amount;
use crate::api::validation::{At, Faults, names};
use crate::api::{Info, Resource, parse_quantity, quantity};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

/// The kind's registration.
#[derive(Debug)]
pub struct LimitRanges;

impl Resource for LimitRanges {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "LimitRange",
            plural: "limitranges",
            singular: "limitrange",
            short_names: &["limits"],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        for at in 0..doc["spec"]["limits"].items().len() {
            let limit = &mut doc.at_mut(&["spec", "limits"]).items_mut()[at];
            for bound in ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] {
                for (resource, amount) in limit[bound].clone().entries() {
                    if let Some(text) = quantity::canonical(amount) {
                        limit.at_mut(&[bound]).set(resource.clone(), text);
                    }
                }
            }
            if limit["type"].as_str() == Some("Container") {
                // What there is at most is what one gets, and what one gets is what is asked for.
                inherit(limit, "default", "max");
                inherit(limit, "defaultRequest", "default");
                inherit(limit, "defaultRequest", "min");
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let mut kinds: Vec<Str> = Vec::new();
        for limit in spec.field("limits").each() {
            let kind = limit.field("type");
            let (text, before) = (Doc::from(kind.text()), faults.0.len());
            for message in names::qualified_name(kind.text()) {
                faults.invalid(&kind, &text, message);
            }
            let standard = ["Pod", "Container", "PersistentVolumeClaim"].contains(&kind.text());
            if faults.0.len() == before && !standard && !kind.text().contains('/') {
                faults.invalid(&kind, &text, "must be a standard limit type or fully qualified");
            }
            if kinds.contains(&kind.str()) {
                faults.duplicate(&kind, &kind);
            }
            kinds.push(kind.str());
            one_limit(&limit, kind.text(), faults);
        }
    }
}

fn inherit(limit: &mut Doc, to: &'static str, from: &str) {
    for (resource, amount) in limit[from].clone().entries() {
        if limit[to][resource.as_str()].is_null() {
            limit.at_mut(&[to]).set(resource.clone(), amount.clone());
        }
    }
}

/// Pairs of which the first may not be more than the second: where that is reported, whose value is shown (the first's
/// or, by a slip of upstream's, another's), and how both are called.
const ORDERED: &[(&str, &str, &str, &str, &str)] = &[
    ("min", "max", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min value", "default value"),
    ("default", "max", "default", "default value", "max value"),
];

fn one_limit(limit: &At<'_>, kind: &str, faults: &mut Faults) {
    if kind == "Pod" {
        for field in ["default", "defaultRequest"] {
            if !limit[field].is_empty() {
                faults.forbidden(&limit.field(field), "may not be specified when `type` is 'Pod'");
            }
        }
    }
    if kind == "PersistentVolumeClaim" && limit["min"].is_empty() && limit["max"].is_empty() {
        faults
            .required(limit, "either minimum or maximum storage value is required, but neither was provided");
    }
    let mut resources: BTreeSet<&Str> = BTreeSet::new();
    for bound in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        for (resource, amount) in limit.doc()[bound].entries() {
            resources.insert(resource);
            if kind != "PersistentVolumeClaim" {
                resource_amount(&limit.field(bound).key(resource), resource, amount, faults);
            }
        }
    }
    for resource in resources {
        let amount = |bound: &str| {
            let text = quantity::canonical(&limit[bound][resource.as_str()])?;
            Some((parse_quantity(&text)?, text))
        };
        for (low, high, place, low_name, high_name) in ORDERED {
            let (Some(less), Some(more)) = (amount(low), amount(high)) else { continue };
            if less.0 <= more.0 {
                continue;
            }
            let shown = match (*place, *low) {
                ("default", "min") => &less.1,
                ("default", _) => &more.1,
                ("defaultRequest", "min") => &more.1,
                _ => &less.1,
            };
            let why = format!("{low_name} {} is greater than {high_name} {}", less.1, more.1);
            faults.invalid(&limit.field(place).key(resource), &Doc::from(&**shown), why);
        }
        if let Some((_, text)) = amount("maxLimitRequestRatio").filter(|(ratio, _)| *ratio < 1000) {
            let why = format!("ratio {text} is less than 1");
            faults.invalid(&limit.field("maxLimitRequestRatio").key(resource), &Doc::from(&*text), why);
        }
        if let (Some((ratio, text)), Some((least, _)), Some((most, _))) =
            (amount("maxLimitRequestRatio"), amount("min"), amount("max"))
            && least > 0
            && ratio.saturating_mul(least) > most.saturating_mul(1000)
        {
            let why = format!("ratio {text} is greater than max/min = {:.6}", most as f64 / least as f64);
            faults.invalid(&limit.field("maxLimitRequestRatio").key(resource), &Doc::from(&*text), why);
        }
    }
}
