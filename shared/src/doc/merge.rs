//! The three ways to patch a document: JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' strategic
//! merge patch.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use crate::collections::{BTreeMap, BTreeSet, sort_by_key};

use super::map::{FEW, order};
use super::{Doc, Entries, Map, NULL, Str};

/// What there is to merge into where there is nothing.
static EMPTY: Map = Map::empty();

/// Why a patch does not apply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatchError {
    /// The patch itself is malformed.
    Malformed(String),
    /// The patch is fine but the document has no such place, or a `test` failed.
    DoesNotApply(String),
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatchError::Malformed(why) | PatchError::DoesNotApply(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for PatchError {}

/// RFC 7386: objects merge, null removes, everything else replaces.
pub fn merge_patch(target: &Doc, patch: &Doc) -> Doc {
    let Doc::Map(patch) = patch else { return patch.clone() };
    let merged = target.as_map().cloned().unwrap_or_default();
    let changes = patch.entries().iter().map(|(key, value)| {
        let next = if value.is_null() { Doc::Null } else { merge_patch(merged.get(key), value) };
        (key.clone(), next)
    });
    Doc::Map(with_changes(&merged, changes.collect()))
}

/// `map` with these values, in order of key: `null` takes away. In one go, since patches may be long.
fn with_changes(map: &Map, mut changes: Vec<(Str, Doc)>) -> Map {
    let mut length = map.entries().len();
    changes.retain(|(key, value)| {
        let known = map.find(key).map(|at| &map.entries()[at].1);
        match (known, value) {
            (None, Doc::Null) => return false,
            (Some(_), Doc::Null) => length -= 1,
            (Some(known), value) => return !known.same(value),
            (None, _) => length += 1,
        }
        true
    });
    if changes.is_empty() {
        return map.clone();
    }
    let mut merged = Entries(SmallVec::with_capacity(length));
    let (entries, made) = (map.entries(), &mut merged.0);
    let mut kept = entries.iter().peekable();
    for (key, value) in changes {
        while let Some(entry) = kept.next_if(|(other, _)| order(other, &key).is_lt()) {
            made.push(entry.clone());
        }
        let _replaced = kept.next_if(|(other, _)| *other == key);
        if !value.is_null() {
            made.push((key, value));
        }
    }
    made.extend(kept.cloned());
    merged.take_map()
}

/// How the lists below a field merge (API types' `patchMergeKey` and `patchStrategy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListMerge {
    /// A new list replaces the old one.
    Atomic,
    /// Items are added.
    Set,
    /// Items with the same value in this field are merged.
    ByKey(&'static str),
}

/// How the list at `field` of the object at `parent` (its own field name) merges.
pub fn list_merge(parent: &str, field: &str) -> ListMerge {
    match (parent, field) {
        // Of a ServiceAccount, and of a Namespace.
        ("", "imagePullSecrets") | ("spec", "finalizers") => ListMerge::Atomic,
        (
            _,
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "env"
            | "imagePullSecrets"
            | "schedulingGates"
            | "resourceClaims"
            | "resourceClaimStatuses"
            | "allocatedResourcesStatus"
            | "drivers"
            | "matchConditions"
            | "variables"
            | "webhooks",
        ) => ListMerge::ByKey("name"),
        ("spec", "ports") => ListMerge::ByKey("port"),
        // Of an EndpointSlice.
        ("", "ports") => ListMerge::Atomic,
        (_, "ports") => ListMerge::ByKey("containerPort"),
        (_, "volumeMounts") => ListMerge::ByKey("mountPath"),
        (_, "volumeDevices") => ListMerge::ByKey("devicePath"),
        (_, "conditions" | "addresses") => ListMerge::ByKey("type"),
        (_, "hostAliases" | "podIPs" | "hostIPs") => ListMerge::ByKey("ip"),
        (_, "ownerReferences" | "reservedFor") => ListMerge::ByKey("uid"),
        (_, "topologySpreadConstraints") => ListMerge::ByKey("topologyKey"),
        (_, "finalizers" | "podCIDRs") => ListMerge::Set,
        // Of a ServiceAccount.
        ("", "secrets") => ListMerge::ByKey("name"),
        _ => ListMerge::Atomic,
    }
}

/// Strategic merge patch with its directives (`$patch`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`,
/// `$retainKeys`).
///
/// # Errors
/// A directive is malformed or an element lacks its merge key.
pub fn strategic_merge(target: &Doc, patch: &Doc) -> Result<Doc, PatchError> {
    strategic_map(target, patch, "")
}

fn strategic_map(target: &Doc, patch: &Doc, name: &str) -> Result<Doc, PatchError> {
    let Doc::Map(patch) = patch else { return Ok(patch.clone()) };
    if target.is_null() && patch.entries().iter().all(|(key, value)| is_plain(key, value)) {
        return Ok(Doc::Map(patch.clone()));
    }
    // Directives come first in the order of keys, where there are any.
    if !patch.entries().first().is_some_and(|(key, _)| key.starts_with('$')) {
        return Ok(Doc::Map(strategic_fields(target.as_map().unwrap_or(&EMPTY), patch, name)?));
    }
    let mut merged = match patch.get("$patch").as_str() {
        Some("replace") => {
            return Ok(Doc::Map(
                patch.entries().iter().filter(|(key, _)| key != "$patch").cloned().collect(),
            ));
        }
        Some("delete") => return Ok(Doc::Null),
        Some("merge") | None => target.as_map().cloned().unwrap_or_default(),
        Some(other) => return Err(PatchError::Malformed(format!("unknown patch type: {other}"))),
    };
    if let Doc::List(retained) = patch.get("$retainKeys") {
        merged = merged
            .entries()
            .iter()
            .filter(|(key, _)| retained.contains(&Doc::Str(key.clone())))
            .cloned()
            .collect();
    }
    for (key, value) in patch.entries() {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone: BTreeSet<String> = value.items().iter().map(Doc::to_json).collect();
            let items = merged.get(field).items().iter();
            let kept: Vec<Doc> = items.filter(|item| !gone.contains(&item.to_json())).cloned().collect();
            merged.insert(super::intern(field), kept);
        }
    }
    let mut merged = strategic_fields(&merged, patch, name)?;
    reorder_untouched(&mut merged, patch, name);
    Ok(Doc::Map(merged))
}

/// Whether a field of a patch says what will be there, and nothing of what is not to be.
fn is_plain(key: &Str, value: &Doc) -> bool {
    let inside = match value {
        Doc::Null => false,
        Doc::Map(map) => map.entries().iter().all(|(key, value)| is_plain(key, value)),
        Doc::List(items) => {
            items.iter().all(|item| !matches!(item, Doc::Map(_) | Doc::List(_)) || is_plain(key, item))
        }
        _ => true,
    };
    inside && !key.starts_with('$')
}

/// Merges the fields of `patch` that are no directives: both are in the order of their keys, and gone through once.
fn strategic_fields(merged: &Map, patch: &Map, name: &str) -> Result<Map, PatchError> {
    let mut made = Entries::default();
    let mut differs = false;
    let mut kept = merged.entries().iter().peekable();
    for (key, value) in patch.entries().iter().filter(|(key, _)| !key.starts_with('$')) {
        while let Some(entry) = kept.next_if(|(other, _)| order(other, key).is_lt()) {
            made.0.push(entry.clone());
        }
        let known = kept.next_if(|(other, _)| other == key).map(|(_, known)| known);
        let target = known.unwrap_or(&NULL);
        if known.is_some_and(|known| !known.is_null() && known.same(value)) {
            made.0.push((key.clone(), value.clone()));
            continue;
        }
        let next = match value {
            Doc::Map(_) => strategic_map(target, value, key)?,
            Doc::List(items) => match list_merge(name, key) {
                ListMerge::ByKey(merge_key) => {
                    strategic_list(target, value, merge_key, key, order_of(patch, key))?
                }
                ListMerge::Set => strategic_set(target.items(), items, order_of(patch, key)),
                ListMerge::Atomic => value.clone(),
            },
            _ => value.clone(),
        };
        if next.is_null() {
            differs |= known.is_some();
            continue;
        }
        differs |= known.is_none_or(|known| !known.same(&next));
        made.0.push((key.clone(), next));
    }
    if !differs {
        return Ok(merged.clone());
    }
    made.0.extend(kept.cloned());
    Ok(made.take_map())
}

/// The order that `patch` asks for the elements of the list `field`.
fn order_of<'a>(patch: &'a Map, field: &str) -> &'a Doc {
    let directives = patch.entries().iter().take_while(|(key, _)| key.starts_with('$'));
    let order = |key: &Str| key.strip_prefix("$setElementOrder/") == Some(field);
    directives.filter(|(key, _)| order(key)).map(|(_, order)| order).next().unwrap_or(&Doc::Null)
}

/// `$setElementOrder/x` may come without a list `x`: then only the order changes.
fn reorder_untouched(merged: &mut Map, patch: &Map, name: &str) {
    for (key, order) in patch.entries() {
        let Some(field) = key.strip_prefix("$setElementOrder/") else { continue };
        if patch.contains(field) || merged.get(field).is_null() {
            continue;
        }
        if let ListMerge::ByKey(merge_key) = list_merge(name, field) {
            let items: Vec<_> = merged.get(field).items().iter().cloned().map(Some).collect();
            let (named, known) = (named_by(order, &items, merge_key), items.len());
            merged.insert(super::intern(field), interleaved(items, &named, known));
        }
    }
}

/// Texts of a patch beside those that are there, where those of the patch are new before the others.
fn strategic_set(target: &[Doc], patch: &[Doc], order: &Doc) -> Doc {
    let mut places = BTreeMap::new();
    let mut items: Vec<Option<Doc>> = Vec::new();
    for item in target.iter().chain(patch) {
        places.entry(item.to_json()).or_insert_with(|| {
            items.push(Some(item.clone()));
            items.len() - 1
        });
    }
    let known = target.iter().filter_map(|item| places.get(&item.to_json())).max().map_or(0, |last| last + 1);
    let named = if order.is_null() { patch } else { order.items() };
    let named: Vec<usize> = named.iter().filter_map(|item| places.get(&item.to_json()).copied()).collect();
    interleaved(items, &named, known)
}

fn strategic_list(
    target: &Doc,
    patch: &Doc,
    merge_key: &str,
    name: &Str,
    order: &Doc,
) -> Result<Doc, PatchError> {
    if patch.items().iter().any(|item| item["$patch"].as_str() == Some("replace")) {
        return Ok(Doc::list(patch.items().iter().filter(|item| item["$patch"].is_null()).cloned()));
    }
    // Items are found by their key; a deleted one leaves a gap until the end.
    let mut items: Vec<Option<Doc>> = target.items().iter().cloned().map(Some).collect();
    // Where each is; few are looked through one by one.
    let mut places = BTreeMap::new();
    let few = items.len() + patch.items().len() <= FEW;
    let mut keys: SmallVec<[&Doc; 8]> = target.items().iter().map(|item| &item[merge_key]).collect();
    for (at, item) in target.items().iter().enumerate().rev().filter(|_| !few) {
        places.insert(identity(&item[merge_key]), at);
    }
    let mut named = Vec::with_capacity(patch.items().len());
    for change in patch.items() {
        let key = &change[merge_key];
        if key.is_null() {
            return Err(PatchError::Malformed(format!(
                "map: {change} does not contain declared merge key: {merge_key} in {name}"
            )));
        }
        let place = match few {
            true => (0..items.len()).find(|&at| items[at].is_some() && keys[at] == key),
            false => places.get(&identity(key)).copied(),
        };
        match (change["$patch"].as_str(), place) {
            (Some("delete"), Some(at)) => {
                items[at] = None;
                places.remove(&identity(key));
            }
            (Some("delete"), None) => {}
            (_, Some(at)) => {
                let merged = strategic_map(items[at].as_ref().unwrap_or(&NULL), change, name)?;
                items[at] = Some(merged);
                named.push(at);
            }
            (_, None) => {
                named.push(items.len());
                if !few {
                    places.insert(identity(key), items.len());
                }
                keys.push(key);
                items.push(Some(strategic_map(&Doc::Null, change, name)?));
            }
        }
    }
    if !order.is_null() {
        named = named_by(order, &items, merge_key);
    }
    // Upstream, components say in which order conditions stand, new ones last; here they send what they changed.
    let known = if name == "conditions" { items.len() } else { target.items().len() };
    Ok(interleaved(items, &named, known))
}

/// What tells an item of a list from the others: most often a text, which need not be copied.
fn identity(key: &Doc) -> (bool, Cow<'_, str>) {
    match key.as_str() {
        Some(text) => (true, Cow::Borrowed(text)),
        None => (false, Cow::Owned(key.to_json())),
    }
}

/// The places in `items` of those that `order` names, in its order.
fn named_by(order: &Doc, items: &[Option<Doc>], merge_key: &str) -> Vec<usize> {
    let order = order.items();
    // Few are looked through one by one.
    let few = order.len() <= FEW;
    let wanted: SmallVec<[&Doc; 8]> = order.iter().filter(|_| few).map(|item| &item[merge_key]).collect();
    let mut ranks = BTreeMap::new();
    for (rank, wanted) in order.iter().enumerate().rev().filter(|_| !few) {
        ranks.insert(identity(&wanted[merge_key]), rank);
    }
    let rank = |item: &Doc| match few {
        true => wanted.iter().position(|wanted| **wanted == item[merge_key]),
        false => ranks.get(&identity(&item[merge_key])).copied(),
    };
    let items = items.iter().enumerate();
    let mut ranked: Vec<(usize, usize)> =
        items.filter_map(|(at, item)| Some((rank(item.as_ref()?)?, at))).collect();
    sort_by_key(&mut ranked, |(rank, _)| *rank);
    ranked.into_iter().map(|(_, at)| at).collect()
}

/// `items` without gaps, as upstream arranges them: those that a patch has `named` in its order, the others in theirs,
/// one of these before one of those where it stood so before. The first `known` were there before: new ones, which
/// stand nowhere, come before all that is left.
fn interleaved(mut items: Vec<Option<Doc>>, named: &[usize], known: usize) -> Doc {
    let as_before = named.is_sorted() && named.last().is_none_or(|&last| last < known);
    if as_before {
        return Doc::list(items.into_iter().flatten());
    }
    let mut is_named = vec![false; items.len()];
    for &at in named {
        is_named[at] = true;
    }
    let mut others = (0..items.len()).filter(|&at| !is_named[at]).peekable();
    let mut arranged = Vec::with_capacity(items.len());
    for &at in named {
        while let Some(before) = others.next_if(|&other| other < at && at < known) {
            arranged.push(before);
        }
        arranged.push(at);
    }
    arranged.extend(others);
    // What a patch names twice stands where it was named first.
    Doc::list(arranged.into_iter().filter_map(|at| items[at].take()).collect::<Vec<_>>())
}

/// RFC 6902.
///
/// # Errors
/// The patch is no list of operations, a place does not exist, or a `test` fails.
pub fn json_patch(target: &Doc, patch: &Doc) -> Result<Doc, PatchError> {
    let Doc::List(operations) = patch else {
        return Err(PatchError::Malformed("a JSON patch is a list of operations".into()));
    };
    let mut result = target.clone();
    let (mut copies, mut moves) = (MOST_PATCHED_NODES, MOST_MOVED);
    for operation in operations.iter() {
        let path = pointer(&operation["path"])?;
        let moved = beside(&result, &operation["path"]) + beside(&result, &operation["from"]);
        moves = moves.checked_sub(moved).ok_or_else(|| {
            PatchError::DoesNotApply(format!("the operations move more than {MOST_MOVED} values"))
        })?;
        match operation["op"].as_str() {
            Some("add") => add(&mut result, &path, operation["value"].clone())?,
            Some("remove") => drop(take(&mut result, &path)?),
            Some("replace") => {
                take(&mut result, &path)?;
                add(&mut result, &path, operation["value"].clone())?;
            }
            Some("move") => {
                let moved = take(&mut result, &pointer(&operation["from"])?)?;
                add(&mut result, &path, moved)?;
            }
            Some("copy") => {
                let copied = find(&result, &pointer(&operation["from"])?)?.clone();
                // Copies of copies grow beyond all bounds in a few operations.
                if !fits(&copied, &mut copies, MOST_PATCHED_DEPTH) {
                    return Err(PatchError::DoesNotApply("the patch makes the object too large".into()));
                }
                add(&mut result, &path, copied)?;
            }
            Some("test") => {
                if tested(&result, &path)? != &operation["value"] {
                    let path = operation["path"].str();
                    return Err(PatchError::DoesNotApply(format!(
                        "testing value {path} failed: test failed"
                    )));
                }
            }
            _ => {
                let why = format!("Unexpected kind: {}", operation["op"].str());
                return Err(PatchError::DoesNotApply(why));
            }
        }
    }
    if !fits(&result, &mut { MOST_PATCHED_NODES }, MOST_PATCHED_DEPTH) {
        return Err(PatchError::Malformed("the patch nests the object too deeply".into()));
    }
    Ok(result)
}

/// How much a JSON patch may copy, and how large it may make an object, in values.
const MOST_PATCHED_NODES: u32 = 1_000_000;
/// How many values beside those that it changes it may move, which takes a second or two.
const MOST_MOVED: u32 = 200_000_000;
/// How deep it may nest them.
const MOST_PATCHED_DEPTH: u32 = 128;

/// How many values there are beside one, to be put together anew with it.
fn beside(doc: &Doc, place: &Doc) -> u32 {
    let path = pointer(place).unwrap_or_default();
    let holder = path.split_last().and_then(|(_, parents)| find(doc, parents).ok());
    holder.map_or(0, |holder| (holder.items().len() + holder.entries().len()) as u32)
}

/// Whether a document has at most `nodes` values, `depth` deep.
fn fits(doc: &Doc, nodes: &mut u32, depth: u32) -> bool {
    let Some(left) = nodes.checked_sub(1).filter(|_| depth > 0) else { return false };
    *nodes = left;
    doc.items()
        .iter()
        .chain(doc.entries().iter().map(|(_, value)| value))
        .all(|value| fits(value, nodes, depth - 1))
}

fn pointer(path: &Doc) -> Result<Vec<String>, PatchError> {
    match path.as_str() {
        Some("") => Ok(Vec::new()),
        Some(text) if text.starts_with('/') => {
            Ok(text[1..].split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
        }
        _ => Err(PatchError::DoesNotApply("a JSON patch operation needs a path that starts with /".into())),
    }
}

fn missing(path: &[String]) -> PatchError {
    PatchError::DoesNotApply(format!("doc is missing path: \"/{}\": missing value", path.join("/")))
}

fn list_index(part: &str, length: usize) -> Option<usize> {
    part.parse().ok().filter(|&at: &usize| at < length)
}

fn find<'a>(doc: &'a Doc, path: &[String]) -> Result<&'a Doc, PatchError> {
    path.iter().try_fold(doc, |doc, part| match doc {
        Doc::Map(map) if map.contains(part) => Ok(map.get(part)),
        Doc::List(items) => list_index(part, items.len()).map(|at| &items[at]).ok_or_else(|| missing(path)),
        _ => Err(missing(path)),
    })
}

/// What a `test` looks at: as upstream, a field that a map does not have is null. kube-rs adds the first finalizer so.
fn tested<'a>(doc: &'a Doc, path: &[String]) -> Result<&'a Doc, PatchError> {
    if let Some((last, parents)) = path.split_last()
        && let Ok(Doc::Map(map)) = find(doc, parents)
    {
        return Ok(map.get(last));
    }
    find(doc, path)
}

fn find_mut<'a>(doc: &'a mut Doc, path: &[String]) -> Result<&'a mut Doc, PatchError> {
    find(doc, path)?;
    Ok(path.iter().fold(doc, |doc, part| match doc {
        Doc::List(_) => {
            let items = doc.items_mut();
            let at = list_index(part, items.len()).expect("found above");
            &mut items[at]
        }
        _ => doc.map_mut().entry(part),
    }))
}

fn add(doc: &mut Doc, path: &[String], value: Doc) -> Result<(), PatchError> {
    let Some((last, parents)) = path.split_last() else {
        *doc = value;
        return Ok(());
    };
    match find_mut(doc, parents)? {
        parent @ Doc::List(_) => {
            let mut items = parent.edit_items();
            let at = if last == "-" {
                items.len()
            } else {
                list_index(last, items.len() + 1).ok_or_else(|| missing(path))?
            };
            items.insert(at, value);
        }
        parent @ Doc::Map(_) => parent.set(last.as_str(), value),
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn take(doc: &mut Doc, path: &[String]) -> Result<Doc, PatchError> {
    let taken = find(doc, path)?.clone();
    if let Some((last, parents)) = path.split_last() {
        match find_mut(doc, parents)? {
            parent @ Doc::List(_) => {
                let mut items = parent.edit_items();
                let at = list_index(last, items.len()).expect("found above");
                items.remove(at);
            }
            parent => {
                parent.remove(last);
            }
        }
    }
    Ok(taken)
}
