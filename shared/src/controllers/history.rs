//! ControllerRevisions: the history of DaemonSets and StatefulSets, and the hashes that name revisions.

use crate::api::apps::controllerrevision::ControllerRevision;
use crate::api::{Key, Kind, LabelSelector, Object, Of, PatchKind, Reason, Request, Subresource, User};
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, Str};

use super::deployment::adopt;
use super::worker::{Answer, Step};
use super::world::World;

/// FNV-1a over a template and the number of collisions so far, in letters and digits that spell no words.
pub fn hash(template: &Doc, collisions: i64) -> Str {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = template.to_json();
    let salt = if collisions == 0 { Vec::new() } else { collisions.to_le_bytes().to_vec() };
    let sum = text
        .bytes()
        .chain(salt)
        .fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let letter = |digit: u8| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]);
    sum.to_string().bytes().map(letter).collect::<String>().into()
}

/// The revisions that an object manages, oldest first.
pub fn revisions(owner: &Object, world: &World) -> Vec<Of<ControllerRevision>> {
    let mut revisions: Vec<Of<ControllerRevision>> = world.managed(owner.meta.uid).collect();
    sort_by_key(&mut revisions, |revision| (revision.revision, revision.meta().creation));
    revisions
}

/// Adopts revisions that match and have no manager.
pub fn adoptions(owner: &Object, selector: &LabelSelector, world: &World, user: &User) -> Vec<Request> {
    if owner.meta.deleting() || selector.is_empty() {
        return Vec::new();
    }
    let free = world.orphans::<ControllerRevision>(&owner.key.namespace, selector);
    let free = free.filter(|revision| !revision.meta().deleting());
    free.map(|revision| adopt(user, owner, revision.object())).collect()
}

fn collisions(owner: &Object) -> i64 {
    owner.body["status"]["collisionCount"].as_i64().unwrap_or(0)
}

/// The patch that a revision keeps.
fn data(owner: &Object) -> Doc {
    let mut template = owner.body["spec"]["template"].clone();
    template.set("$patch", "replace");
    doc!({ "spec": { "template": template } })
}

/// The revision of the template that an object has now.
///
/// # Errors
/// There is none of the highest number yet: the request that makes it, or renumbers an older one.
pub fn current(
    owner: &Object,
    revisions: &[Of<ControllerRevision>],
    hash_label: &'static str,
    user: &User,
) -> Result<Of<ControllerRevision>, Box<Request>> {
    let data = data(owner);
    let newest = revisions.last().map_or(0, |revision| revision.revision);
    let equal = revisions.iter().rev().find(|revision| revision.data == data);
    if let Some(known) = equal {
        if known.revision == newest {
            return Ok(known.clone());
        }
        let patch = doc!({ "revision": newest.saturating_add(1) });
        return Err(Box::new(Request::patch(user.clone(), known.key(), PatchKind::Merge, patch)));
    }
    let template = &owner.body["spec"]["template"];
    let hash = hash(template, collisions(owner));
    let mut labels = template["metadata"]["labels"].clone();
    labels.set(hash_label, &hash);
    let body = doc!({
        "metadata": {
            "name": format!("{}-{hash}", owner.key.name), "labels": labels,
            "annotations": owner.meta.annotations.clone(),
            "ownerReferences": [(owner.as_controller().to_doc())]
        },
        "data": data, "revision": newest.saturating_add(1)
    });
    let namespace = owner.key.namespace.clone();
    Err(Box::new(Request::create(user.clone(), Kind::ControllerRevision, namespace, body)))
}

/// What to do after the request of [`current`] was refused: another template may have the same hash; then the next
/// try salts it differently.
pub fn refused<W>(owner: &Object, answer: &Answer, world: &World, user: &User, written: W) -> Step<W> {
    let Err(refusal) = answer else { return Step::Retry };
    let taken = refusal.reason == Reason::AlreadyExists;
    let key = Key { kind: Kind::ControllerRevision, name: refusal.name.clone(), ..owner.key.clone() };
    match world.of::<ControllerRevision>(&key).filter(|_| taken) {
        Some(other) if other.data != data(owner) => {
            let patch = doc!({ "status": { "collisionCount": collisions(owner).saturating_add(1) } });
            let request = Request::patch(user.clone(), &owner.key, PatchKind::Merge, patch);
            Step::Ask(vec![request.on(Subresource::Status)], written)
        }
        _ => Step::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::hash;
    use crate::doc;

    #[test]
    fn the_hash_is_stable_and_salted() {
        let template = doc!({ "spec": { "containers": [{ "name": "c", "image": "nginx:1.25" }] } });
        assert_eq!(hash(&template, 0), hash(&template.clone(), 0));
        assert_ne!(hash(&template, 0), hash(&template, 1));
        assert!(hash(&template, 0).bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte)));
    }
}
