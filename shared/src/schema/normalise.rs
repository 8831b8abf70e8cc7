//! Makes a document what the API server's decoder would have made of it.

use crate::api::Kind;
use crate::doc::{Doc, Map, Str, Timestamp};

use super::{Field, FieldType, Schema, Type};

/// Turns times into binary ones, drops nulls, the fields that `kind` does not know, and what Go leaves out because it is
/// zero. Shared parts in which nothing changes stay shared; a kind without a schema stays as it is.
pub fn normalise(kind: Kind, doc: &mut Doc) {
    Reader { zeros: false }.read(kind, doc);
}

/// The same for a configuration to apply: who says `paused: false` owns that, and it wins over a `true`.
pub fn normalise_applied(kind: Kind, doc: &mut Doc) {
    Reader { zeros: true }.read(kind, doc);
}

#[derive(Clone, Copy)]
struct Reader {
    /// Whether what is zero stays where it is said.
    zeros: bool,
}

impl Reader {
    fn read(self, kind: Kind, doc: &mut Doc) {
        if matches!(kind, Kind::Custom(_)) {
            // What its definition says of the rest is done when it is stored.
            let metadata = Schema::of_metadata().and_then(|of| self.object(of, &doc["metadata"]));
            metadata.into_iter().for_each(|metadata| doc.set("metadata", metadata));
            return;
        }
        if let Some(changed) = Schema::of(kind).and_then(|root| self.object(root, doc)) {
            *doc = changed;
        }
    }

    /// The object as it should be; `None` when it already is.
    fn object(self, of: Type, doc: &Doc) -> Option<Doc> {
        entries(doc.as_map()?, |key, value| match of.field(key) {
            Some(_) if value.is_null() => Change::Drop,
            Some(field) if self.leaves_out(&field, value) => Change::Drop,
            Some(field) => self.value(field.field_type(), value).map_or(Change::Keep, Change::To),
            None => Change::Drop,
        })
    }

    /// Go writes no empty map, no empty list unless its field is one that is always written, and nothing that is zero
    /// unless it is held as a pointer.
    fn leaves_out(self, field: &Field, value: &Doc) -> bool {
        let zero = match (field.field_type(), value) {
            (FieldType::Map(_), Doc::Map(map)) => return map.entries().is_empty(),
            (FieldType::List(_), Doc::List(items)) => {
                return items.is_empty() && !field.required && !field.kept;
            }
            (FieldType::String | FieldType::Bytes, Doc::Str(text)) => text.is_empty(),
            (FieldType::Boolean, Doc::Bool(value)) => !value,
            (FieldType::Int32 | FieldType::Int64 | FieldType::Number, _) => value.as_i64() == Some(0),
            _ => false,
        };
        zero && !self.zeros && !field.required && !field.kept
    }

    fn value(self, expected: FieldType, value: &Doc) -> Option<Doc> {
        match (expected, value) {
            (FieldType::Object(below), Doc::Map(_)) => self.object(below, value),
            (FieldType::List(element), Doc::List(items)) => {
                let mut changed: Option<Vec<Doc>> = None;
                for (at, item) in items.iter().enumerate() {
                    if let Some(item) = self.element(element.get(), item) {
                        changed.get_or_insert_with(|| items.to_vec())[at] = item;
                    }
                }
                changed.map(|items| Doc::List(items.into()))
            }
            (FieldType::Map(element), Doc::Map(map)) => {
                entries(map, |_, value| self.element(element.get(), value).map_or(Change::Keep, Change::To))
            }
            (FieldType::Time, Doc::Str(text)) => {
                Timestamp::parse(text).map(|time| Doc::Time(time.floor_seconds()))
            }
            (FieldType::MicroTime, Doc::Str(text)) => Timestamp::parse(text).map(Doc::MicroTime),
            _ => None,
        }
    }

    /// Go makes the zero value of a null in a list or map: it has no way to leave it out.
    fn element(self, expected: FieldType, value: &Doc) -> Option<Doc> {
        if !value.is_null() {
            return self.value(expected, value);
        }
        match expected {
            FieldType::String | FieldType::Bytes => Some(Doc::from("")),
            FieldType::Quantity => Some(Doc::from("0")),
            FieldType::Int32 | FieldType::Int64 | FieldType::Number | FieldType::IntOrString => {
                Some(Doc::from(0))
            }
            FieldType::Boolean => Some(Doc::Bool(false)),
            FieldType::Object(_) => Some(Doc::map()),
            _ => None,
        }
    }
}

enum Change {
    Keep,
    Drop,
    To(Doc),
}

fn entries(map: &Map, change: impl Fn(&str, &Doc) -> Change) -> Option<Doc> {
    // Made anew in one go: there may be many fields to drop.
    let mut changed: Option<Vec<(Str, Doc)>> = None;
    for (at, (key, value)) in map.entries().iter().enumerate() {
        match (change(key, value), &mut changed) {
            (Change::Keep, None) => {}
            (Change::Keep, Some(changed)) => changed.push((key.clone(), value.clone())),
            (Change::Drop, changed) => drop(changed.get_or_insert_with(|| map.entries()[..at].to_vec())),
            (Change::To(value), changed) => {
                let changed = changed.get_or_insert_with(|| map.entries()[..at].to_vec());
                changed.push((key.clone(), value));
            }
        }
    }
    changed.map(|entries| Doc::Map(entries.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;

    #[test]
    fn makes_times_binary_and_drops_what_says_nothing() {
        let mut pod = doc!({
            "bogus": 1,
            "metadata": {
                "creationTimestamp": "2026-01-01T09:00:00.5+09:00",
                "annotations": { "t": "2026-01-01T00:00:00Z", "n": null },
                "generateName": null
            },
            "spec": {
                "containers": [{ "name": "c", "args": ["a", null], "env": [], "resources": null }, null],
                "nodeSelector": {}, "securityContext": {}, "tolerations": []
            }
        });
        let spec = doc!({ "containers": [{ "name": "c", "args": ["a", ""] }, {}], "securityContext": {} });
        normalise(Kind::Pod, &mut pod);
        assert_eq!(pod["spec"], spec);
        assert!(
            matches!(pod["metadata"]["creationTimestamp"], Doc::Time(time) if time.rfc3339() == "2026-01-01T00:00:00Z")
        );
        assert!(matches!(pod["metadata"]["annotations"]["t"], Doc::Str(_)));
        assert_eq!(pod["metadata"]["annotations"]["n"], Doc::from(""));
        assert!(pod["bogus"].is_null() && !pod["metadata"].as_map().unwrap().contains("generateName"));

        let mut lease = doc!({ "spec": { "renewTime": "2026-01-01T00:00:00.000001Z" } });
        normalise(Kind::Lease, &mut lease);
        assert!(matches!(lease["spec"]["renewTime"], Doc::MicroTime(_)));
    }

    #[test]
    fn drops_what_go_leaves_out_as_zero() {
        let mut deployment = doc!({
            "spec": {
                "paused": false, "minReadySeconds": 0, "replicas": 0,
                "template": { "spec": {
                    "hostNetwork": false, "shareProcessNamespace": false, "nodeName": "", "priority": 0,
                    "containers": [{
                        "name": "", "stdin": false, "env": [{ "name": "A", "value": "" }],
                        "securityContext": { "privileged": false }, "args": [""],
                        "ports": [{ "containerPort": 0, "hostPort": 0, "protocol": "" }]
                    }],
                    "volumes": [{ "name": "v", "emptyDir": { "medium": "" } }, { "name": "h", "hostPath": { "path": "", "type": "" } }]
                } }
            }
        });
        let mut applied = deployment.clone();
        normalise(Kind::Deployment, &mut deployment);
        let left = doc!({
            "spec": {
                "replicas": 0,
                "template": { "spec": {
                    "shareProcessNamespace": false, "priority": 0,
                    "containers": [{
                        "name": "", "env": [{ "name": "A" }], "securityContext": { "privileged": false }, "args": [""],
                        "ports": [{ "containerPort": 0 }]
                    }],
                    "volumes": [{ "name": "v", "emptyDir": {} }, { "name": "h", "hostPath": { "path": "", "type": "" } }]
                } }
            }
        });
        assert_eq!(deployment, left);
        let before = applied.clone();
        normalise_applied(Kind::Deployment, &mut applied);
        assert_eq!(applied, before);
    }

    #[test]
    fn shares_what_does_not_change() {
        let before = doc!({ "metadata": { "uid": null }, "spec": { "containers": [{ "name": "c" }] } });
        let mut after = before.clone();
        normalise(Kind::Pod, &mut after);
        assert!(!after.same(&before) && after["spec"].same(&before["spec"]));
        let mut again = after.clone();
        normalise(Kind::Pod, &mut again);
        assert!(again.same(&after));
    }
}
