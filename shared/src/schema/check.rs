//! Finds what does not fit the schema, in the order in which Go's decoder meets it.

use crate::api::{Kind, parse_quantity};
use crate::doc::{Doc, Path, Segment, Timestamp};

use super::{FieldType, Schema, Type, wording};

/// Something in a document that does not fit its kind.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// Where.
    pub path: Path,
    /// What.
    pub what: What,
    /// The place as Go names it, type first: `DeploymentSpec.spec.replicas`.
    pub(super) place: String,
}

impl Problem {
    /// There is no such field.
    pub fn unknown(path: Path) -> Problem {
        Problem { path, what: What::Unknown, place: String::new() }
    }
}

/// What is wrong.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// The type has no such field.
    Unknown,
    /// The value is of another type.
    WrongType {
        /// What the field holds.
        expected: FieldType,
        /// What was found, as Go names it: `string`, `number`, `number 1.5`, `bool`, `array`, `object`.
        found: String,
    },
    /// Text that is no quantity, time or base64: what Go's decoder says of it.
    Malformed {
        /// What the field holds.
        expected: FieldType,
        /// Go's words.
        message: String,
    },
}

/// Everything in `doc` that does not fit `kind`; nothing for a kind without a schema.
///
/// What is missing is validation's business.
pub fn check(kind: Kind, doc: &Doc) -> Vec<Problem> {
    let Some(root) = Schema::of(kind) else { return Vec::new() };
    let mut checker = Checker { path: Path::default(), fields: Vec::new(), problems: Vec::new() };
    checker.object(root, doc);
    checker.problems
}

/// The same of a custom resource, of which the table knows the metadata; its definition found the `unknown` fields.
pub fn check_custom(doc: &Doc, unknown: Vec<Path>) -> Vec<Problem> {
    let mut checker = Checker { path: Path::default(), fields: vec!["metadata"], problems: Vec::new() };
    checker.path.0.push(Segment::Key("metadata".into()));
    if let Some(of) = Schema::of_metadata() {
        checker.value(of, FieldType::Object(of), &doc["metadata"]);
    }
    checker.problems.into_iter().chain(unknown.into_iter().map(Problem::unknown)).collect()
}

/// The same of a Scale, which is no kind that is kept.
pub fn check_scale(doc: &Doc) -> Vec<Problem> {
    let Some(root) = Schema::named("autoscaling/v1", "Scale") else { return Vec::new() };
    let mut checker = Checker { path: Path::default(), fields: Vec::new(), problems: Vec::new() };
    checker.object(root, doc);
    checker.problems
}

/// What Go's decoder says of metadata that stand somewhere in an object, if it does not take them.
pub fn metadata_refusal(metadata: &Doc) -> Option<String> {
    if !matches!(metadata, Doc::Null | Doc::Map(_)) {
        let found = wording::go_kind(metadata);
        return Some(format!("json: cannot unmarshal {found} into Go value of type v1.ObjectMeta"));
    }
    let mut checker = Checker { path: Path::default(), fields: Vec::new(), problems: Vec::new() };
    checker.object(Schema::of_metadata()?, metadata);
    wording::decoding_refusal(&checker.problems, false)
}

/// Whether the schema of `kind` has an amount at `path`: such numbers have bounds of their own.
pub fn is_quantity(kind: Kind, path: &[Segment]) -> bool {
    let mut at = Schema::of(kind).map(FieldType::Object);
    for segment in path {
        at = match (at, segment) {
            (Some(FieldType::Object(of)), Segment::Key(key)) => of.field(key).map(super::Field::field_type),
            (Some(FieldType::List(element) | FieldType::Map(element)), _) => Some(element.get()),
            _ => None,
        };
    }
    at == Some(FieldType::Quantity)
}

struct Checker {
    path: Path,
    /// Names of fields on the way, without map keys and list positions: Go names places so.
    fields: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Checker {
    fn report(&mut self, of: Type, what: What) {
        let mut place = of.name().to_owned();
        for field in &self.fields {
            place.push('.');
            place.push_str(field);
        }
        self.problems.push(Problem { path: self.path.clone(), what, place });
    }

    fn object(&mut self, of: Type, doc: &Doc) {
        for (key, value) in doc.entries() {
            self.path.0.push(Segment::Key(key.clone()));
            match of.field(key) {
                Some(field) => {
                    self.fields.push(field.name);
                    self.value(of, field.field_type(), value);
                    self.fields.pop();
                }
                None => self.report(of, What::Unknown),
            }
            self.path.0.pop();
        }
    }

    /// `of` is the type whose field this value is in.
    fn value(&mut self, of: Type, expected: FieldType, value: &Doc) {
        match (expected, value) {
            (_, Doc::Null) | (FieldType::Any, _) => {}
            (FieldType::Object(below), Doc::Map(_)) => self.object(below, value),
            (FieldType::List(element), Doc::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.0.push(Segment::Index(index as u32));
                    self.value(of, element.get(), item);
                    self.path.0.pop();
                }
            }
            (FieldType::Map(element), Doc::Map(map)) => {
                for (key, value) in map.entries() {
                    self.path.0.push(Segment::Key(key.clone()));
                    self.value(of, element.get(), value);
                    self.path.0.pop();
                }
            }
            (expected, value) => {
                if let Some(what) = scalar(expected, value) {
                    self.report(of, what);
                }
            }
        }
    }
}

/// What is wrong with a scalar, or with a list or object where there should be another value.
fn scalar(expected: FieldType, value: &Doc) -> Option<What> {
    let malformed = |message: String| Some(What::Malformed { expected, message });
    match (expected, value) {
        (FieldType::String, Doc::Str(_) | Doc::Time(_) | Doc::MicroTime(_)) => None,
        (FieldType::Boolean, Doc::Bool(_)) | (FieldType::Number, Doc::Int(_) | Doc::Float(_)) => None,
        (FieldType::Int64, Doc::Int(_)) => None,
        (FieldType::Int32 | FieldType::IntOrString, Doc::Int(number))
            if i32::try_from(number.get()).is_ok() =>
        {
            None
        }
        (FieldType::IntOrString, Doc::Str(_)) => None,
        (FieldType::Quantity, value) => quantity(value).and_then(|message| malformed(message.into())),
        (FieldType::Time | FieldType::MicroTime, Doc::Time(_) | Doc::MicroTime(_)) => None,
        (FieldType::Time | FieldType::MicroTime, Doc::Str(text)) => match Timestamp::parse(text) {
            Some(_) => None,
            None => malformed(wording::bad_time(expected, text)),
        },
        (FieldType::Bytes, Doc::Str(text)) => match base64_fault(text) {
            None => None,
            Some(at) => malformed(format!("illegal base64 data at input byte {at}")),
        },
        (FieldType::Int32 | FieldType::Int64 | FieldType::IntOrString, Doc::Int(_) | Doc::Float(_)) => {
            Some(What::WrongType { expected, found: format!("number {value}") })
        }
        (expected, value) => Some(What::WrongType { expected, found: wording::go_kind(value).into() }),
    }
}

/// What Go's decoder says of a value that is no quantity.
fn quantity(value: &Doc) -> Option<&'static str> {
    const FORM: &str =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let text = match value {
        Doc::Int(_) | Doc::Float(_) => return None,
        Doc::Str(text) => text.trim(),
        _ => return Some(FORM),
    };
    if parse_quantity(text).is_some() {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let suffix = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let letters = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['+', '-']).unwrap_or(letters);
    let number = &unsigned[..unsigned.len() - suffix.len()];
    let well_formed = !number.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit());
    if !well_formed || number.matches('.').count() > 1 || number == "." {
        return Some(FORM);
    }
    Some("unable to parse quantity's suffix")
}

/// The first byte at which text is no base64, as Go counts.
fn base64_fault(text: &str) -> Option<usize> {
    let bytes: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r')).collect();
    let end = text.len();
    for group in bytes.chunks(4) {
        for (place, &(at, b)) in group.iter().enumerate() {
            if b == b'=' {
                let rest = &group[place..];
                let last_group = group.last().map(|(at, _)| *at) == bytes.last().map(|(at, _)| *at);
                return match (place, rest) {
                    (2, [_, (_, b'=')]) | (3, [_]) if last_group => None,
                    (2, [_, (_, b'=')]) | (3, [_]) => group.last().map(|(at, _)| at + 1),
                    (2, [_, (wrong, _), ..]) => Some(wrong - 1),
                    (2, [_]) => Some(end),
                    _ => Some(at),
                };
            }
            if !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')) {
                return Some(at);
            }
        }
        if group.len() < 4 {
            // Go names the beginning of the group that is cut short.
            return Some(end - group.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;

    #[test]
    fn takes_what_fits() {
        let pod = doc!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "p", "creationTimestamp": null, "labels": { "a": "b" }, "managedFields": [{ "fieldsV1": { "f:x": {} } }] },
            "spec": {
                "containers": [{
                    "name": "c",
                    "resources": { "limits": { "cpu": 1, "memory": "1Gi", "nvidia.com/gpu": 0.5 } },
                    "livenessProbe": { "httpGet": { "port": "http" } },
                    "readinessProbe": { "tcpSocket": { "port": 80 } }
                }],
                "priority": null
            },
            "status": { "startTime": "2026-01-01T00:00:00Z" }
        });
        assert_eq!(check(Kind::Pod, &pod), []);
        let secret = doc!({ "data": { "a": "YQ==", "b": "", "c": "YWI=", "d": "YWJj\nYWJj" } });
        assert_eq!(check(Kind::Secret, &secret), []);
        let lease = doc!({ "spec": { "renewTime": "2026-01-01T00:00:00.000001Z" } });
        assert_eq!(check(Kind::Lease, &lease), []);
    }

    #[test]
    fn reports_every_problem_where_it_is() {
        let deployment = doc!({
            "metadata": { "label": {}, "labels": { "a.b/c": 1 } },
            "spec": { "replicas": 1.5, "template": { "spec": { "containers": [{ "nam": "c" }, "x"] } } }
        });
        let problems: Vec<(String, String)> = check(Kind::Deployment, &deployment)
            .iter()
            .map(|problem| (problem.path.to_string(), problem.place.clone()))
            .collect();
        let expected = [
            ("metadata.label", "ObjectMeta.metadata"),
            ("metadata.labels[a.b/c]", "ObjectMeta.metadata.labels"),
            ("spec.replicas", "DeploymentSpec.spec.replicas"),
            ("spec.template.spec.containers[0].nam", "Container.spec.template.spec.containers"),
            ("spec.template.spec.containers[1]", "PodSpec.spec.template.spec.containers"),
        ];
        let expected: Vec<(String, String)> =
            expected.map(|(path, place)| (path.into(), place.into())).into();
        assert_eq!(problems, expected);
    }

    #[test]
    fn finds_the_byte_that_is_no_base64() {
        let cases = [
            ("!!!", Some(0)),
            ("YQ==", None),
            ("YQ=", Some(3)),
            ("YQ", Some(0)),
            ("YWJjYQ", Some(4)),
            ("YQ==YQ==", Some(4)),
            ("YW Jj", Some(2)),
            ("=", Some(0)),
            ("YQ=a", Some(2)),
        ];
        for (text, at) in cases {
            assert_eq!(base64_fault(text), at, "{text}");
        }
    }
}
