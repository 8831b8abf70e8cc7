//! `pods/resize`: CPU and memory of containers that run may change, and when that needs another start; nothing else.

use crate::api::validation::{At, Faults};
use crate::doc::Doc;

use super::{qos_class, resources};

const LISTS: [&str; 2] = ["containers", "initContainers"];
const BOUNDS: [&str; 2] = ["requests", "limits"];
/// What of a container may change.
const FIELDS: [&str; 2] = ["resources", "resizePolicy"];

/// Says of containers that run which resources they have, where their status does not: those of their spec, which nobody
/// has changed then. That is not kept twice.
pub fn tell_resources(pod: &mut Doc) {
    for (list, statuses) in [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")]
    {
        let containers = pod["spec"][list].clone();
        let told = |status: &Doc| !status["resources"].is_null() || status["state"]["running"].is_null();
        if pod["status"][statuses].items().iter().all(told) {
            continue;
        }
        for status in pod.at_mut(&["status", statuses]).items_mut().iter_mut().filter(|status| !told(status))
        {
            let named = containers.items().iter().find(|container| container["name"] == status["name"]);
            let resources = named.map_or(&Doc::Null, |container| &container["resources"]);
            if !resources["requests"].is_null() {
                status.set("allocatedResources", &resources["requests"]);
            }
            status.set("resources", if resources.is_null() { Doc::map() } else { resources.clone() });
        }
    }
}

/// The spec that comes of it: the old one, with what the new one says of resources. Where the containers are others, it
/// is the new one, and [`validate`] says what is wrong with that.
pub fn resized(new: &Doc, old: &Doc) -> Doc {
    let named = |spec: &Doc, list: &str| -> Vec<Doc> {
        spec[list].items().iter().map(|container| container["name"].clone()).collect()
    };
    if LISTS.iter().any(|list| named(new, list) != named(old, list)) {
        return new.clone();
    }
    let mut spec = old.clone();
    for list in LISTS.into_iter().filter(|list| !new[*list].items().is_empty()) {
        for (container, wanted) in spec.at_mut(&[list]).items_mut().iter_mut().zip(new[list].items()) {
            for field in FIELDS {
                match &wanted[field] {
                    Doc::Null => drop(container.remove(field)),
                    value if container[field] != *value => container.set(field, value.clone()),
                    _ => {}
                }
            }
        }
    }
    spec
}

/// Says what is wrong with it. `class` is the pod's class of service, which stays.
pub fn validate(new: &Doc, old: &Doc, class: &str, faults: &mut Faults) {
    let spec = At::root(new, "spec");
    let known = faults.0.len();
    for list in LISTS {
        let (after, before) = (new[list].items(), old[list].items());
        if after.len() != before.len() {
            let why = format!("{list} may not be added or removed on resize");
            return faults.forbidden(&spec.field(list), &why);
        }
        for (container, before) in spec.field(list).each().zip(before) {
            if container["name"] != before["name"] {
                let why = format!("{list} may not be renamed or reordered on resize");
                faults.forbidden(&container.field("name"), &why);
            }
        }
    }
    if faults.0.len() > known {
        return;
    }
    if qos_class(new) != class {
        let why = "Pod QOS Class may not change as a result of resizing";
        faults.invalid(&spec, &Doc::from(class), why);
    }
    for list in LISTS {
        for (container, before) in spec.field(list).each().zip(old[list].items()) {
            let at = container.field("resources");
            resources(&at, faults);
            for bound in BOUNDS {
                let gone = |resource: &str| {
                    !before["resources"][bound][resource].is_null() && at[bound][resource].is_null()
                };
                if gone("cpu") || gone("memory") {
                    let why = format!("resource {bound} cannot be removed");
                    faults.forbidden(&at.field(bound), &why);
                }
            }
            check_policy(&container.field("resizePolicy"), faults);
        }
    }
    if without_resources(new) != without_resources(old) {
        faults.forbidden(&spec, "only cpu and memory resources are mutable");
    }
}

fn check_policy(policies: &At<'_>, faults: &mut Faults) {
    for policy in policies.each() {
        policy.field("resourceName").one_of(faults, &["cpu", "memory"]);
        policy.field("restartPolicy").one_of(faults, &["NotRequired", "RestartContainer"]);
    }
}

/// A spec with nothing said of CPU and memory, nor of how they change.
fn without_resources(spec: &Doc) -> Doc {
    let mut spec = spec.clone();
    for list in LISTS {
        if spec[list].is_null() {
            continue;
        }
        for container in spec.at_mut(&[list]).items_mut() {
            container.remove("resizePolicy");
            for bound in BOUNDS {
                let bounds = container.at_mut(&["resources", bound]);
                bounds.remove("cpu");
                bounds.remove("memory");
                if bounds.is_empty() {
                    container.at_mut(&["resources"]).remove(bound);
                }
            }
        }
    }
    spec
}
