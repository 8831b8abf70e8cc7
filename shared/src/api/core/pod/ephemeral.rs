//! Containers that are put beside those of a pod that runs, as `kubectl debug` does: they can be added, and that is all.

use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::api::{Key, Status};
use crate::doc::Doc;

/// What such a container cannot have.
const FORBIDDEN: [&str; 7] = [
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resizePolicy",
    "restartPolicy",
];

/// Says what is wrong with the containers that a pod would have then.
///
/// # Errors
/// What the API server answers.
pub fn validate(new: &Doc, old: &Doc, key: &Key) -> Result<(), Status> {
    let mut faults = Faults::default();
    let spec = At::root(new, "spec");
    let list = spec.field("ephemeralContainers");
    let kept = old["ephemeralContainers"].items();
    for before in kept {
        let name = before["name"].str().to_string();
        let after = new["ephemeralContainers"].items().iter().find(|one| one["name"] == before["name"]);
        match after {
            None => faults
                .forbidden(&list, &format!("existing ephemeral containers {name:?} may not be removed\n")),
            Some(after) if after != before => {
                faults.forbidden(
                    &list,
                    &format!("existing ephemeral containers {name:?} may not be changed\n"),
                );
            }
            Some(_) => {}
        }
    }
    let mut names: Vec<Doc> = Vec::new();
    for list in ["containers", "initContainers"] {
        names.extend(new[list].items().iter().map(|container| container["name"].clone()));
    }
    for container in list.each() {
        let name = container.field("name");
        if name.text().is_empty() {
            faults.required(&name, "");
        } else if names.contains(&*name) {
            faults.duplicate(&name, &name);
        } else {
            name.check(&mut faults, names::dns_label);
        }
        names.push((*name).clone());
        if container.field("image").text().is_empty() {
            faults.required(&container.field("image"), "");
        }
        for field in FORBIDDEN {
            container.field(field).forbid(&mut faults, "cannot be set for an Ephemeral Container");
        }
        let target = container.field("targetContainerName");
        let mut known = new["containers"].items().iter().chain(new["initContainers"].items());
        if target.is_set() && !known.any(|one| one["name"] == *target) {
            faults.not_found(&target, &target);
        }
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(key, faults.0)) }
}
