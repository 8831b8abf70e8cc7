//! Sets of fields, as `managedFields` keeps them: `f:` a field, `k:` an item of a list by its keys, `v:` an item of a
//! set; `.` stands for the place itself where more lies below it.

use crate::collections::BTreeSet;
use crate::doc::{Doc, Str, parse_json};

/// A place in an object.
pub(super) type Place = Vec<Str>;

/// Places in an object.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Fields(pub BTreeSet<Place>);

/// How the items of a list are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListKind {
    Atomic,
    Set,
    Keys(&'static [&'static str]),
}

/// Lists whose items are owned one by one: the field they are in (with the field above, where that matters).
const LISTS: &[(&str, &str, ListKind)] = &[
    ("spec", "ports", ListKind::Keys(&["port", "protocol"])),
    ("", "ports", ListKind::Keys(&["containerPort", "protocol"])),
    ("", "containers", ListKind::Keys(&["name"])),
    ("", "initContainers", ListKind::Keys(&["name"])),
    ("", "ephemeralContainers", ListKind::Keys(&["name"])),
    ("", "volumes", ListKind::Keys(&["name"])),
    ("", "env", ListKind::Keys(&["name"])),
    ("", "imagePullSecrets", ListKind::Keys(&["name"])),
    ("", "volumeMounts", ListKind::Keys(&["mountPath"])),
    ("", "volumeDevices", ListKind::Keys(&["devicePath"])),
    ("", "hostAliases", ListKind::Keys(&["ip"])),
    ("", "podIPs", ListKind::Keys(&["ip"])),
    ("", "conditions", ListKind::Keys(&["type"])),
    ("", "ownerReferences", ListKind::Keys(&["uid"])),
    ("", "topologySpreadConstraints", ListKind::Keys(&["topologyKey", "whenUnsatisfiable"])),
    ("", "schedulingGates", ListKind::Keys(&["name"])),
    ("", "resourceClaims", ListKind::Keys(&["name"])),
    ("", "finalizers", ListKind::Set),
];

/// Objects that are owned as a whole.
const ATOMIC_MAPS: &[&str] = &[
    "selector",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "configMapRef",
    "secretRef",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// Parts of an object that Go always writes, if only as `null`: their coming is nobody's doing.
const ALWAYS_THERE: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "template",
    "strategy",
    "updateStrategy",
    "jobTemplate",
    "containers",
    "loadBalancer",
];

fn list_kind(above: &str, field: &str) -> ListKind {
    let found = LISTS.iter().find(|(of, name, _)| *name == field && (of.is_empty() || *of == above));
    found.map_or(ListKind::Atomic, |(_, _, kind)| *kind)
}

/// The key of an item; ports are TCP where they say nothing.
fn item_key(item: &Doc, keys: &[&str]) -> Str {
    let parts = keys.iter().map(|key| {
        let value = match (*key, &item[*key]) {
            ("protocol", Doc::Null) => Doc::from("TCP"),
            (_, value) => value.clone(),
        };
        format!("{key:?}:{value}")
    });
    format!("k:{{{}}}", parts.collect::<Vec<_>>().join(",")).into()
}

/// A value taken apart into what is owned by itself.
enum Parts<'a> {
    Whole,
    Named(Vec<(Str, &'a str, &'a Doc)>),
}

fn parts<'a>(doc: &'a Doc, above: &str, field: &'a str) -> Parts<'a> {
    match doc {
        Doc::Map(map) if !map.entries().is_empty() && !ATOMIC_MAPS.contains(&field) => Parts::Named(
            map.entries()
                .iter()
                .map(|(key, value)| (format!("f:{key}").into(), key.as_str(), value))
                .collect(),
        ),
        Doc::List(items) => match list_kind(above, field) {
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

/// What of an object nobody owns.
fn is_nobodys(path: &[Str]) -> bool {
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
    match path {
        [first] => matches!(first.as_str(), "f:apiVersion" | "f:kind" | "f:metadata"),
        [first, second, ..] => first == "f:metadata" && METADATA.contains(&second.as_str()),
        [] => true,
    }
}

impl Fields {
    /// Everything that `doc`, a whole document, says.
    pub fn said(doc: &Doc) -> Fields {
        let mut fields = Fields::default();
        fields.add_said(doc, &mut Vec::new(), "", "");
        fields
    }

    fn add_said(&mut self, doc: &Doc, path: &mut Place, above: &str, field: &str) {
        match parts(doc, above, field) {
            Parts::Whole => self.add(path),
            Parts::Named(parts) => {
                if path.last().is_some_and(|step| step.starts_with("k:")) {
                    self.add(path);
                }
                for (step, name, value) in parts {
                    path.push(step);
                    self.add_said(value, path, field, name);
                    path.pop();
                }
            }
        }
    }

    /// What is in `new` and was not so in `old`.
    pub fn changed(old: &Doc, new: &Doc) -> Fields {
        let mut fields = Fields::default();
        fields.add_changed(old, new, &mut Vec::new(), "", "");
        fields
    }

    fn add_changed(&mut self, old: &Doc, new: &Doc, path: &mut Place, above: &str, field: &str) {
        if old.same(new) {
            return;
        }
        let Parts::Named(after) = parts(new, above, field) else {
            if old != new {
                self.add(path);
            }
            return;
        };
        let before = match parts(old, above, field) {
            Parts::Named(before) => before,
            Parts::Whole => {
                if !ALWAYS_THERE.contains(&field) {
                    self.add(path);
                }
                Vec::new()
            }
        };
        for (step, name, value) in after {
            let previous = before.iter().find(|(other, ..)| *other == step).map(|(_, _, value)| *value);
            path.push(step);
            self.add_changed(previous.unwrap_or(&Doc::Null), value, path, field, name);
            path.pop();
        }
    }

    fn add(&mut self, path: &Place) {
        if !is_nobodys(path) {
            self.0.insert(path.clone());
        }
    }

    /// Those that are in both.
    pub fn common<'a>(&'a self, other: &'a Fields) -> impl Iterator<Item = &'a Place> {
        self.0.intersection(&other.0)
    }

    /// Takes out those of `other`.
    pub fn subtract(&mut self, other: &Fields) {
        self.0.retain(|place| !other.0.contains(place));
    }

    /// Takes out what is no longer there, in `doc`.
    pub fn retain_in(&mut self, doc: &Doc) {
        self.0.retain(|place| find(doc, place, "", "").is_some());
    }

    /// As `fieldsV1` has them.
    pub fn to_doc(&self) -> Doc {
        let mut root = Doc::map();
        for (at, place) in self.0.iter().enumerate() {
            let steps: Vec<&str> = place.iter().map(Str::as_str).collect();
            let node = root.at_mut(&steps);
            node.map_mut();
            // In order, what lies below a place comes right after it.
            let more_below = self.0.iter().nth(at + 1).is_some_and(|next| next.starts_with(place));
            if more_below {
                node.set(".", Doc::map());
            }
        }
        root
    }

    /// Reads `fieldsV1`.
    pub fn from_doc(doc: &Doc) -> Fields {
        fn read(doc: &Doc, path: &mut Place, fields: &mut Fields) {
            if doc.entries().is_empty() && !path.is_empty() {
                fields.0.insert(path.clone());
            }
            for (step, below) in doc.entries() {
                if step == "." {
                    fields.0.insert(path.clone());
                    continue;
                }
                path.push(step.clone());
                read(below, path, fields);
                path.pop();
            }
        }
        let mut fields = Fields::default();
        read(doc, &mut Vec::new(), &mut fields);
        fields
    }
}

/// The value at a place.
fn find<'a>(doc: &'a Doc, place: &[Str], above: &str, field: &'a str) -> Option<&'a Doc> {
    let Some((step, rest)) = place.split_first() else { return Some(doc) };
    let Parts::Named(parts) = parts(doc, above, field) else { return None };
    let (_, name, value) = parts.into_iter().find(|(other, ..)| other == step)?;
    find(value, rest, field, name)
}

/// `config` laid over `live`: what it says wins, what it does not speak of stays.
pub(super) fn merge(live: &Doc, config: &Doc) -> Doc {
    merge_at(live, config, "", "")
}

fn merge_at(live: &Doc, config: &Doc, above: &str, field: &str) -> Doc {
    let (Parts::Named(before), Parts::Named(said)) = (parts(live, above, field), parts(config, above, field))
    else {
        // An empty map or list says nothing against what is there.
        let says_nothing =
            config.is_empty() && !config.is_null() && matches!(config, Doc::Map(_) | Doc::List(_));
        return if says_nothing
            && std::mem::discriminant(live) == std::mem::discriminant(config)
            && !(matches!(config, Doc::List(_)) && list_kind(above, field) == ListKind::Atomic)
        {
            live.clone()
        } else {
            config.clone()
        };
    };
    let mut merged = live.clone();
    let mut added: Vec<Doc> = Vec::new();
    for (step, name, value) in said {
        let known = before.iter().position(|(other, ..)| *other == step);
        let next = known.map_or_else(|| value.clone(), |at| merge_at(before[at].2, value, field, name));
        match (&mut merged, known) {
            (Doc::Map(map), _) => map.insert(crate::doc::intern(name), next),
            (list, Some(at)) => list.items_mut()[at] = next,
            (_, None) => added.push(next),
        }
    }
    if !added.is_empty() {
        merged.items_mut().extend(added);
    }
    merged
}

/// Takes the value at a place out of `doc`, and the places above it that become empty.
pub(super) fn remove(doc: &mut Doc, place: &[Str]) {
    remove_at(doc, place, "", "");
}

fn remove_at(doc: &mut Doc, place: &[Str], above: &str, field: &str) {
    let Some((step, rest)) = place.split_first() else { return };
    let Parts::Named(parts) = parts(doc, above, field) else { return };
    let Some(at) = parts.iter().position(|(other, ..)| other == step) else { return };
    let name = parts[at].1.to_owned();
    drop(parts);
    match (doc, rest.is_empty()) {
        (Doc::Map(map), false) => remove_at(map.entry(&name), rest, field, &name),
        (Doc::Map(map), true) => drop(map.remove(&name)),
        (list, false) => remove_at(&mut list.items_mut()[at], rest, field, &name),
        (list, true) => drop(list.items_mut().remove(at)),
    }
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
    use crate::doc;

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
        let said = Fields::said(&deployment()).to_doc().to_json();
        let expected = concat!(
            r#"{"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}},"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"#,
            r#""f:selector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"#,
            r#""f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}"#,
        );
        assert_eq!(said, expected);
        assert_eq!(Fields::from_doc(&parse_json(expected).unwrap()), Fields::said(&deployment()));
    }

    #[test]
    fn what_comes_new_is_owned_with_the_place_it_is_in() {
        let changed = Fields::changed(&Doc::Null, &deployment()).to_doc();
        assert_eq!(changed["f:metadata"]["f:labels"].to_json(), r#"{".":{},"f:app":{}}"#);
        let template = &changed["f:spec"]["f:template"]["f:spec"]["f:containers"];
        assert!(template["."].is_null() && !template["k:{\"name\":\"c\"}"]["."].is_null());
        let mut scaled = deployment();
        scaled.set_at(&["spec", "replicas"], 5i64);
        assert_eq!(
            Fields::changed(&deployment(), &scaled).to_doc().to_json(),
            r#"{"f:spec":{"f:replicas":{}}}"#
        );
    }

    #[test]
    fn merges_and_removes_by_place() {
        let config = doc!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": "j" }, { "name": "x" }] } } } });
        let merged = merge(&deployment(), &config);
        let containers = &merged["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers.items().len(), 2);
        assert_eq!(containers[0]["image"].as_str(), Some("j"));
        assert_eq!(containers[0]["ports"].items().len(), 1);
        assert_eq!(merged["spec"]["replicas"].as_i64(), Some(3));
        let mut pruned = merged.clone();
        let place: Place =
            ["f:spec", "f:template", "f:spec", "f:containers", "k:{\"name\":\"x\"}"].map(Str::from).into();
        assert_eq!(shown(&place), ".spec.template.spec.containers[name=\"x\"]");
        remove(&mut pruned, &place);
        assert_eq!(pruned["spec"]["template"]["spec"]["containers"].items().len(), 1);
    }
}
