//! Priority: what a pod's PriorityClass makes of it.

use crate::api::{Key, Kind, Object};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

/// Only one class can be the default one.
pub(super) fn check_class(key: &Key, class: &Doc, store: &Store) -> Result<(), String> {
    let is_default = |class: &Doc| class["globalDefault"].as_bool() == Some(true);
    if !is_default(class) {
        return Ok(());
    }
    let mut others = store.list(Kind::PriorityClass).filter(|other| other.key != *key);
    let Some(other) = others.find(|other| is_default(&other.body)) else { return Ok(()) };
    let name = &other.key.name;
    Err(format!("PriorityClass {name} is already marked as default. Only one default can exist"))
}

/// Writes down priority and preemption policy; refuses what a person set otherwise.
pub(super) fn apply(pod: &mut Doc, store: &Store) -> Result<(), String> {
    let named = pod["spec"]["priorityClassName"].str();
    let mut classes = store.list(Kind::PriorityClass);
    let class = if named.is_empty() {
        let default = |class: &&std::sync::Arc<Object>| class.body["globalDefault"].as_bool() == Some(true);
        classes.filter(default).min_by_key(|class| class.body["value"].as_i64())
    } else {
        let found = classes.find(|class| class.key.name == named);
        Some(found.ok_or_else(|| format!("no PriorityClass with name {named} was found"))?)
    };
    let (value, policy) = class.map_or((0, Str::from("PreemptLowerPriority")), |class| {
        (class.body["value"].as_i64().unwrap_or(0), class.body["preemptionPolicy"].str())
    });
    let computed = |what: &str, value: &str| {
        format!(
            "{what} must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        )
    };
    let spec = &pod["spec"];
    if let Some(given) = spec["priority"].as_i64().filter(|given| *given != value) {
        return Err(computed(&format!("the integer value of priority ({given})"), &value.to_string()));
    }
    if let Some(given) = spec["preemptionPolicy"].as_str().filter(|given| *given != policy) {
        return Err(computed(&format!("the string value of PreemptionPolicy ({given})"), &policy));
    }
    let name = class.map(|class| class.key.name.clone());
    let spec = pod.at_mut(&["spec"]);
    spec.set("priority", value);
    spec.set("preemptionPolicy", policy);
    if let Some(name) = name {
        spec.set("priorityClassName", name);
    }
    Ok(())
}
