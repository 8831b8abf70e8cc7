//! RuntimeClass: what a pod's class adds to it, and where it lets it run.

use crate::api::{Key, Kind};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

/// Writes down overhead, node selector and tolerations of the class that a pod names; refuses what contradicts them.
pub(super) fn apply(pod: &mut Doc, store: &Store) -> Result<(), String> {
    let named = pod["spec"]["runtimeClassName"].str();
    let given = pod["spec"]["overhead"].clone();
    let class = if named.is_empty() {
        None
    } else {
        let found = store.get(&Key::new(Kind::RuntimeClass, Str::new(), named.clone()));
        Some(found.ok_or_else(|| format!("pod rejected: RuntimeClass {:?} not found", named.as_str()))?)
    };
    let overhead = class.map(|class| class.body["overhead"]["podFixed"].clone()).unwrap_or_default();
    match (overhead.is_null(), given.is_null()) {
        (true, false) => {
            return Err(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".into()
            );
        }
        (false, false) if given != overhead => {
            return Err("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead".into());
        }
        (false, true) => pod.set_at(&["spec", "overhead"], overhead),
        _ => {}
    }
    let Some(scheduling) = class.map(|class| class.body["scheduling"].clone()) else { return Ok(()) };
    for (key, value) in scheduling["nodeSelector"].entries() {
        let own = &pod["spec"]["nodeSelector"][key.as_str()];
        if !own.is_null() && own != value {
            return Err(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                value.str(),
                own.str()
            ));
        }
        pod.at_mut(&["spec", "nodeSelector"]).set(key.clone(), value.clone());
    }
    for toleration in scheduling["tolerations"].items() {
        let mut tolerations = pod.at_mut(&["spec", "tolerations"]).edit_items();
        if !tolerations.contains(toleration) {
            tolerations.push(toleration.clone());
        }
    }
    Ok(())
}
