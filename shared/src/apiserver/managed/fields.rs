//! Sets of fields, as `managedFields` keeps them: `f:` a field, `k:` an item of a list by its keys, `v:` an item of a
//! set; `.` stands for the place itself where more lies below it.

use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Map, Str, intern, literal, parse_json};

use super::shape::{ListKind, Shape, item_key, named_key};

/// A place in an object: the steps to it.
pub(super) type Place = Vec<Str>;

/// Places in an object, as a tree: whether this place is one of them, and those below it. No branch is empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Fields {
    here: bool,
    below: BTreeMap<Str, Fields>,
}

/// A value taken apart into what is owned by itself.
enum Parts<'a> {
    Whole,
    Named(Vec<(Str, &'a str, &'a Doc)>),
}

fn parts<'a>(doc: &'a Doc, shape: Shape<'a>) -> Parts<'a> {
    match doc {
        Doc::Map(map) if !map.entries().is_empty() && !shape.is_atomic() => Parts::Named(
            map.entries()
                .iter()
                .map(|(key, value)| (format!("f:{key}").into(), key.as_str(), value))
                .collect(),
        ),
        Doc::List(items) => match shape.list_kind() {
            ListKind::Named(schema) if !items.is_empty() => {
                Parts::Named(items.iter().map(|item| (named_key(item, schema), "", item)).collect())
            }
            ListKind::Keys(keys) if !items.is_empty() => {
                Parts::Named(items.iter().map(|item| (item_key(item, keys), "", item)).collect())
            }
            ListKind::Set if !items.is_empty() => {
                Parts::Named(items.iter().map(|item| (format!("v:{item}").into(), "", item)).collect())
            }
            _ => Parts::Whole,
        },
        _ => Parts::Whole,
    }
}

/// The parts of a value, found by their step.
enum Lookup<'a> {
    Nothing,
    Map(&'a Map),
    /// Where in the list, and the item.
    List(BTreeMap<Str, (usize, &'a Doc)>),
}

impl<'a> Lookup<'a> {
    fn of(doc: &'a Doc, shape: Shape<'a>) -> Lookup<'a> {
        match (doc, parts(doc, shape)) {
            (_, Parts::Whole) => Lookup::Nothing,
            (Doc::Map(map), _) => Lookup::Map(map),
            (_, Parts::Named(parts)) => {
                let mut items = BTreeMap::new();
                for (at, (step, _, item)) in parts.into_iter().enumerate() {
                    items.entry(step).or_insert((at, item));
                }
                Lookup::List(items)
            }
        }
    }

    /// Where in a list, the name of the field in a map, and the value.
    fn get<'s>(&self, step: &'s str) -> Option<(usize, &'s str, &'a Doc)> {
        match self {
            Lookup::Nothing => None,
            Lookup::Map(map) => {
                let name = step.strip_prefix("f:").filter(|name| map.contains(name))?;
                Some((0, name, map.get(name)))
            }
            Lookup::List(items) => items.get(step).map(|(at, item)| (*at, "", *item)),
        }
    }
}

/// How near to the root a place is: what stands there may be nobody's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Metadata,
    Below,
}

impl Level {
    /// The level of a place below; `None` where all is nobody's.
    fn next(self, step: &str) -> Option<Level> {
        const METADATA: &[&str] = &[
            "f:name",
            "f:namespace",
            "f:uid",
            "f:resourceVersion",
            "f:generation",
            "f:creationTimestamp",
            "f:deletionTimestamp",
            "f:deletionGracePeriodSeconds",
            "f:managedFields",
            "f:selfLink",
        ];
        match (self, step) {
            (Level::Root, "f:apiVersion" | "f:kind") => None,
            (Level::Root, "f:metadata") => Some(Level::Metadata),
            (Level::Metadata, step) if METADATA.contains(&step) => None,
            _ => Some(Level::Below),
        }
    }
}

impl Fields {
    /// Everything that `doc`, a whole document, says.
    pub fn said(doc: &Doc, shape: Shape<'_>) -> Fields {
        Fields::said_at(doc, Level::Root, shape, false)
    }

    fn said_at(doc: &Doc, level: Level, shape: Shape<'_>, is_item: bool) -> Fields {
        let mut fields = Fields::default();
        match parts(doc, shape) {
            Parts::Whole => fields.here = level == Level::Below,
            Parts::Named(parts) => {
                fields.here = is_item;
                for (step, name, value) in parts {
                    if let Some(level) = level.next(&step) {
                        let is_item = step.starts_with("k:");
                        let below = Fields::said_at(value, level, shape.below(name), is_item);
                        fields.add(step, below);
                    }
                }
            }
        }
        fields
    }

    /// What is in `new` and was not so in `old`.
    pub fn changed(old: &Doc, new: &Doc, shape: Shape<'_>) -> Fields {
        Fields::changed_at(old, new, Level::Root, shape)
    }

    fn changed_at(old: &Doc, new: &Doc, level: Level, shape: Shape<'_>) -> Fields {
        let mut fields = Fields::default();
        if old.same(new) {
            return fields;
        }
        let Parts::Named(after) = parts(new, shape) else {
            fields.here = level == Level::Below && old != new;
            return fields;
        };
        let before = Lookup::of(old, shape);
        fields.here = level == Level::Below && matches!(before, Lookup::Nothing) && !shape.is_always_there();
        for (step, name, value) in after {
            if let Some(level) = level.next(&step) {
                let previous = before.get(&step).map_or(&Doc::Null, |(.., value)| value);
                let below = Fields::changed_at(previous, value, level, shape.below(name));
                fields.add(step, below);
            }
        }
        fields
    }

    fn add(&mut self, step: Str, below: Fields) {
        if below.is_empty() {
            return;
        }
        match self.below.get_mut(&step) {
            Some(known) => known.extend(&below),
            None => drop(self.below.insert(step, below)),
        }
    }

    /// Lets what is at a place and below be at another one. What an annotation holds is one text.
    pub fn relocate(&mut self, from: &[Str], to: &[Str]) {
        let path: Vec<&str> = from.iter().map(Str::as_str).collect();
        let mut part = self.take(&path);
        for step in path {
            part = part.below.remove(step).unwrap_or_default();
        }
        if part.is_empty() {
            return;
        }
        if to.iter().any(|step| step == "f:annotations") {
            part = Fields { here: true, ..Fields::default() };
        }
        for step in to.iter().rev() {
            part = Fields { here: false, below: [(step.clone(), part)].into_iter().collect() };
        }
        self.extend(&part);
    }

    /// Whether there is no place in it.
    pub fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    /// Puts in those of `other`.
    pub fn extend(&mut self, other: &Fields) {
        self.here |= other.here;
        for (step, below) in other.below.iter() {
            self.below.entry(step.clone()).or_default().extend(below);
        }
    }

    /// Takes out what is at a place and below.
    pub fn take(&mut self, place: &[&str]) -> Fields {
        let [step, rest @ ..] = place else { return std::mem::take(self) };
        let mut taken = Fields::default();
        if let Some(below) = self.below.get_mut(*step) {
            let part = below.take(rest);
            if below.is_empty() {
                self.below.remove(*step);
            }
            if !part.is_empty() {
                taken.below.insert(Str::from(*step), part);
            }
        }
        taken
    }

    /// Takes out an item of a list, and the list itself where it was the only one.
    pub fn take_with_list(&mut self, list: &[&str], item: &str) {
        let place: Vec<&str> = list.iter().copied().chain([item]).collect();
        self.take(&place);
        if self.at(list).is_some_and(|list| list.below.is_empty()) {
            self.take(list);
        }
    }

    fn at(&mut self, place: &[&str]) -> Option<&mut Fields> {
        match place {
            [] => Some(self),
            [step, rest @ ..] => self.below.get_mut(*step)?.at(rest),
        }
    }

    /// The place itself belongs to it, too, where anything below does.
    pub fn own(&mut self, place: &[&str]) {
        if let Some(fields) = self.at(place) {
            fields.here = true;
        }
    }

    /// The place itself does not, only what is below it.
    pub fn disown(&mut self, place: &[&str]) {
        if let Some(fields) = self.at(place) {
            fields.here = false;
        }
    }

    /// Those that are in both, in order.
    pub fn common(&self, other: &Fields) -> Vec<Place> {
        fn collect(a: &Fields, b: &Fields, path: &mut Place, found: &mut Vec<Place>) {
            if a.here && b.here {
                found.push(path.clone());
            }
            for (step, a) in a.below.iter() {
                if let Some(b) = b.below.get(step) {
                    path.push(step.clone());
                    collect(a, b, path, found);
                    path.pop();
                }
            }
        }
        let mut found = Vec::new();
        collect(self, other, &mut Vec::new(), &mut found);
        found
    }

    /// Takes out those of `other`.
    pub fn subtract(&mut self, other: &Fields) {
        self.here &= !other.here;
        if other.below.is_empty() {
            return;
        }
        self.below.retain(|step, below| {
            if let Some(other) = other.below.get(step) {
                below.subtract(other);
            }
            !below.is_empty()
        });
    }

    /// Takes out what is no longer there, in `doc`.
    pub fn retain_in(&mut self, doc: &Doc, shape: Shape<'_>) {
        self.retain_at(doc, shape);
    }

    fn retain_at(&mut self, doc: &Doc, shape: Shape<'_>) {
        if self.below.is_empty() {
            return;
        }
        let there = Lookup::of(doc, shape);
        self.below.retain(|step, below| {
            let Some((_, name, value)) = there.get(step) else { return false };
            below.retain_at(value, shape.below(name));
            !below.is_empty()
        });
    }

    /// As `fieldsV1` has them; `.` stands for a place below which there are more.
    pub fn to_doc(&self) -> Doc {
        let own = (self.here && !self.below.is_empty()).then(|| (literal!("."), Doc::map()));
        let below = self.below.iter().map(|(step, below)| (step.clone(), below.to_doc()));
        Doc::Map(own.into_iter().chain(below).collect())
    }

    /// Reads `fieldsV1`.
    pub fn from_doc(doc: &Doc) -> Fields {
        let mut fields = Fields::default();
        for (step, below) in doc.entries() {
            if step == "." {
                fields.here = true;
                continue;
            }
            let mut below = Fields::from_doc(below);
            below.here |= below.below.is_empty();
            fields.below.insert(step.clone(), below);
        }
        fields
    }
}

/// What is said twice, of lists whose items are told apart: where, and of which item.
pub(super) fn duplicates(doc: &Doc, shape: Shape<'_>) -> Vec<String> {
    fn collect(doc: &Doc, shape: Shape<'_>, path: &mut Place, found: &mut Vec<String>) {
        let Parts::Named(parts) = parts(doc, shape) else { return };
        let mut seen: BTreeSet<Str> = BTreeSet::new();
        for (step, name, value) in parts {
            if !seen.insert(step.clone()) {
                let item = shown(std::slice::from_ref(&step));
                found.push(format!("{}: duplicate entries for key {item}", shown(path)));
            }
            path.push(step);
            collect(value, shape.below(name), path, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    collect(doc, shape, &mut Vec::new(), &mut found);
    found
}

/// `config` laid over `live`: what it says wins, what it does not speak of stays.
pub(super) fn merge(live: &Doc, config: &Doc, shape: Shape<'_>) -> Doc {
    let before = Lookup::of(live, shape);
    let (false, Parts::Named(said)) = (matches!(before, Lookup::Nothing), parts(config, shape)) else {
        // An empty map or list says nothing against what is there.
        let says_nothing =
            config.is_empty() && !config.is_null() && matches!(config, Doc::Map(_) | Doc::List(_));
        return if says_nothing
            && std::mem::discriminant(live) == std::mem::discriminant(config)
            && !(matches!(config, Doc::List(_)) && shape.list_kind() == ListKind::Atomic)
        {
            live.clone()
        } else {
            config.clone()
        };
    };
    match live {
        Doc::List(items) => {
            let mut merged = items.to_vec();
            for (step, name, value) in said {
                match before.get(&step) {
                    Some((at, _, live)) => merged[at] = merge(live, value, shape.below(name)),
                    None => merged.push(value.clone()),
                }
            }
            Doc::from(merged)
        }
        _ => {
            let kept = live.entries().iter().filter(|(name, _)| !contains(config, name)).cloned();
            let said = said.into_iter().map(|(_, name, value)| {
                let next = match contains(live, name) {
                    true => merge(live.get(name), value, shape.below(name)),
                    false => value.clone(),
                };
                (intern(name), next)
            });
            Doc::Map(kept.chain(said).collect())
        }
    }
}

fn contains(doc: &Doc, name: &str) -> bool {
    doc.as_map().is_some_and(|map| map.contains(name))
}

/// Takes out of `doc` what an applier owned (`before`) and no longer says, unless it says something below it or
/// somebody else owns it or something below.
pub(super) fn prune(
    doc: &mut Doc,
    before: &Fields,
    said: Option<&Fields>,
    others: &[&Fields],
    shape: Shape<'_>,
) {
    if before.below.is_empty() {
        return;
    }
    let snapshot = doc.clone();
    let there = Lookup::of(&snapshot, shape);
    let mut gone: BTreeSet<(usize, &str)> = BTreeSet::new();
    for (step, before) in before.below.iter() {
        let Some((at, name, _)) = there.get(step) else { continue };
        let said = said.and_then(|said| said.below.get(step));
        let others: Vec<&Fields> = others.iter().filter_map(|other| other.below.get(step)).collect();
        if before.here && said.is_none() && others.is_empty() {
            gone.insert((at, name));
            continue;
        }
        let part = match &mut *doc {
            Doc::Map(map) => map.entry(name),
            list => &mut list.items_mut()[at],
        };
        prune(part, before, said, &others, shape.below(name));
    }
    if gone.is_empty() {
        return;
    }
    *doc = match &*doc {
        Doc::Map(map) => {
            let kept = map.entries().iter().filter(|(name, _)| !gone.contains(&(0, name.as_str())));
            Doc::Map(kept.cloned().collect())
        }
        list => {
            let kept = list.items().iter().enumerate().filter(|(at, _)| !gone.contains(&(*at, "")));
            Doc::list(kept.map(|(_, item)| item.clone()).collect::<Vec<_>>())
        }
    };
}

/// `.spec.template.spec.containers[name="c"].image`
pub(super) fn shown(place: &[Str]) -> String {
    let mut text = String::new();
    for step in place {
        let (kind, rest) = step.split_once(':').unwrap_or(("f", step));
        match kind {
            "k" => {
                let key = parse_json(rest).unwrap_or_default();
                let parts = key.entries().iter().map(|(field, value)| format!("{field}={value}"));
                text.push_str(&format!("[{}]", parts.collect::<Vec<_>>().join(",")));
            }
            "v" => text.push_str(&format!("[={rest}]")),
            _ => {
                text.push('.');
                text.push_str(rest);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::doc;

    fn plain() -> Shape<'static> {
        Shape::of(Kind::Deployment, None)
    }

    fn deployment() -> Doc {
        doc!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "d", "labels": { "app": "d" }, "finalizers": ["a/b"] },
            "spec": {
                "replicas": 3, "selector": { "matchLabels": { "app": "d" } },
                "template": { "spec": { "containers": [{ "name": "c", "image": "i", "ports": [{ "containerPort": 80 }] }] } }
            }
        })
    }

    #[test]
    fn what_is_said_is_owned_in_parts() {
        let said = Fields::said(&deployment(), plain()).to_doc().to_json();
        let expected = concat!(
            r#"{"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}},"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"#,
            r#""f:selector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"#,
            r#""f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}"#,
        );
        assert_eq!(said, expected);
        assert_eq!(Fields::from_doc(&parse_json(expected).unwrap()), Fields::said(&deployment(), plain()));
    }

    #[test]
    fn what_comes_new_is_owned_with_the_place_it_is_in() {
        let changed = Fields::changed(&Doc::Null, &deployment(), plain()).to_doc();
        assert_eq!(changed["f:metadata"]["f:labels"].to_json(), r#"{".":{},"f:app":{}}"#);
        let template = &changed["f:spec"]["f:template"]["f:spec"]["f:containers"];
        assert!(template["."].is_null() && !template["k:{\"name\":\"c\"}"]["."].is_null());
        let mut scaled = deployment();
        scaled.set_at(&["spec", "replicas"], 5i64);
        assert_eq!(
            Fields::changed(&deployment(), &scaled, plain()).to_doc().to_json(),
            r#"{"f:spec":{"f:replicas":{}}}"#
        );
    }

    #[test]
    fn merges_and_removes_by_place() {
        let config = doc!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": "j" }, { "name": "x" }] } } } });
        let merged = merge(&deployment(), &config, plain());
        let containers = &merged["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers.items().len(), 2);
        assert_eq!(containers[0]["image"].as_str(), Some("j"));
        assert_eq!(containers[0]["ports"].items().len(), 1);
        assert_eq!(merged["spec"]["replicas"].as_i64(), Some(3));
        let place: Place =
            ["f:spec", "f:template", "f:spec", "f:containers", "k:{\"name\":\"x\"}"].map(Str::from).into();
        assert_eq!(shown(&place), ".spec.template.spec.containers[name=\"x\"]");
        let said = Fields::said(&doc!({ "spec": { "replicas": 3 } }), plain());
        let names = |others: &[&Fields]| {
            let mut pruned = merged.clone();
            prune(&mut pruned, &Fields::said(&config, plain()), Some(&said), others, plain());
            let left = pruned["spec"]["template"]["spec"]["containers"].items();
            left.iter().map(|container| container["name"].str().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), [""; 0]);
        let other = doc!({ "spec": { "template": { "spec": { "containers": [{ "name": "c" }] } } } });
        assert_eq!(names(&[&Fields::said(&other, plain())]), ["c"]);
    }
}
