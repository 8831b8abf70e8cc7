//! Containers that are put beside those of a pod that runs, as `kubectl debug` does: they can be added, and that is all.

use crate::api::validation::{At, Faults};
use crate::api::{Key, Status};
use crate::doc::Doc;

use super::container::{self, Around};
use super::{security, volumes};

/// What such a container cannot have.
const FORBIDDEN: [&str; 9] = [
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
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
    // What is wrong with the volumes was there before.
    let volumes = volumes::validate(&spec.field("volumes"), &mut Faults::default());
    let around =
        Around { volumes: &volumes, spec: new, grace: None, own_users: security::has_own_users(&spec) };
    for container in list.each() {
        container::common(&container, &around, &mut faults);
        let name = container.field("name");
        if !name.is_empty() && names.contains(&*name) {
            faults.duplicate(&name, &name);
        }
        names.push((*name).clone());
        let target = container.field("targetContainerName");
        let mut known = new["containers"].items().iter().chain(new["initContainers"].items());
        if target.is_set() && !known.any(|one| one["name"] == *target) {
            faults.not_found(&target, &target);
        }
        const WHY: &str = "cannot be set for an Ephemeral Container";
        for field in FORBIDDEN.iter().filter(|field| !container[**field].is_empty()) {
            faults.forbidden(&container.field(field), WHY);
        }
        for mount in container.field("volumeMounts").each() {
            for field in ["subPath", "subPathExpr"].into_iter().filter(|field| !mount[*field].is_empty()) {
                faults.forbidden(&mount.field(field), WHY);
            }
        }
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(key, faults.0)) }
}
