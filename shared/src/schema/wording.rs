//! The API server's words for what does not fit a kind.

use crate::api::Kind;
use crate::doc::{Doc, Segment};

use super::check::{Problem, What};
use super::{Element, FieldType};

/// Strict decoding reports no more than this.
const MOST: usize = 100;

/// `Pod in version "v1" cannot be handled as a Pod: …`
pub fn handled_as(api_version: &str, kind: Kind, why: &str) -> String {
    let version = api_version.rsplit('/').next().unwrap_or("");
    format!("{0} in version {version:?} cannot be handled as a {0}: {why}", kind.info().kind)
}

/// What a request is refused for, if it is: values of a wrong type always, unknown fields when validation is `strict`.
pub fn decoding_refusal(problems: &[Problem], strict: bool) -> Option<String> {
    // Go gives up at the first text that a type's own reader refuses; of the rest it reports the first, at the end.
    let decoding = problems.iter().find(|problem| problem.stops_decoding());
    let decoding = decoding.or_else(|| problems.iter().find(|problem| problem.what != What::Unknown));
    match decoding {
        Some(problem) => Some(problem.to_string()),
        None if strict => strict_message(problems),
        None => None,
    }
}

/// The same of a strategic merge patch, which Go turns into an object by another way, with words of its own.
pub fn patch_refusal(problems: &[Problem], strict: bool) -> Option<String> {
    let Some(problem) = problems.iter().find(|problem| problem.what != What::Unknown) else {
        return decoding_refusal(problems, strict);
    };
    let What::WrongType { expected, found } = &problem.what else { return Some(problem.to_string()) };
    let found = match found.as_str() {
        "number" => "int64",
        "array" => "slice",
        "object" => "map",
        number if number.starts_with("number") => "float64",
        other => other,
    };
    let number = found == "int64" || found == "float64";
    let whole = matches!(expected, FieldType::Int32 | FieldType::Int64);
    Some(match expected {
        FieldType::Object(_) => format!("cannot restore struct from: {found}"),
        FieldType::List(_) | FieldType::Bytes => format!("cannot restore slice from {found}"),
        FieldType::Map(_) => format!("cannot restore map from {found}"),
        FieldType::IntOrString => format!("json: cannot unmarshal {found} into Go value of type int32"),
        FieldType::String | FieldType::Int32 | FieldType::Int64 if number && (whole || found == "int64") => {
            format!("cannot convert {found} to {}", go_type(*expected, &problem.place))
        }
        FieldType::String => "unrecognized type: string".into(),
        _ => format!("unrecognized type: {}", go_type(*expected, &problem.place)),
    })
}

/// What is wrong with a part of an object that is applied by the server: `.spec.foo: field not declared in schema`.
pub fn typed_fault(problem: &Problem, doc: &Doc) -> String {
    let mut place = String::new();
    let mut at = doc;
    for segment in &problem.path.0 {
        match segment {
            Segment::Key(key) => {
                place.push_str(&format!(".{key}"));
                at = at.get(key);
            }
            Segment::Index(index) => {
                at = &at[*index as usize];
                match at["name"].as_str() {
                    Some(name) => place.push_str(&format!("[name={name:?}]")),
                    None => place.push_str(&format!("[{index}]")),
                }
            }
        }
    }
    let what = match &problem.what {
        What::Unknown => "field not declared in schema".to_owned(),
        What::Malformed { message, .. } => message.clone(),
        What::WrongType { expected, found } => {
            let expected = match expected {
                FieldType::Int32 | FieldType::Int64 | FieldType::Number => "numeric (int or float)",
                FieldType::Boolean => "boolean",
                FieldType::List(_) => "list",
                FieldType::Map(_) | FieldType::Object(_) => "map",
                _ => "string",
            };
            format!("expected {expected}, got {found}")
        }
    };
    format!("{place}: {what}")
}

/// A document as Go prints it with `%+v`.
pub fn go_value(doc: &Doc) -> String {
    let joined = |items: Vec<String>| items.join(" ");
    match doc {
        Doc::Null => "<nil>".into(),
        Doc::Str(text) => text.to_string(),
        Doc::List(items) => format!("[{}]", joined(items.iter().map(go_value).collect())),
        Doc::Map(map) => {
            let entries = map.entries().iter().map(|(key, value)| format!("{key}:{}", go_value(value)));
            format!("map[{}]", joined(entries.collect()))
        }
        other => other.to_json(),
    }
}

/// `strict decoding error: unknown field "spec.a", unknown field "spec.b"`, when there are such.
pub fn strict_message(problems: &[Problem]) -> Option<String> {
    let all = warnings(problems);
    (!all.is_empty()).then(|| format!("strict decoding error: {}", all.join(", ")))
}

/// One warning for each unknown field: `unknown field "spec.a"`.
pub fn warnings(problems: &[Problem]) -> Vec<String> {
    let unknown = problems.iter().filter(|problem| problem.what == What::Unknown);
    unknown.take(MOST).map(Problem::to_string).collect()
}

impl Problem {
    fn stops_decoding(&self) -> bool {
        match &self.what {
            What::Unknown => false,
            What::Malformed { expected, .. } => *expected != FieldType::Bytes,
            What::WrongType { expected, .. } => {
                matches!(expected, FieldType::IntOrString | FieldType::Time | FieldType::MicroTime)
            }
        }
    }

    /// A number of the wrong kind is shown as it is written.
    pub fn write_number(&mut self, text: &str) {
        if let What::WrongType { found, .. } = &mut self.what
            && found.starts_with("number ")
        {
            *found = format!("number {text}");
        }
    }
}

/// A path as Go's strict decoder writes it: keys are never quoted.
pub fn strict_path(segments: &[Segment]) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Key(key) if path.is_empty() => path.push_str(key),
            Segment::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Segment::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

impl std::fmt::Display for Problem {
    /// As Go's decoder words it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            What::Unknown => write!(f, "unknown field {}", quoted(&strict_path(&self.path.0))),
            What::Malformed { message, .. } => f.write_str(message),
            What::WrongType { expected, found } => {
                let go_type = go_type(*expected, &self.place);
                write!(
                    f,
                    "json: cannot unmarshal {found} into Go struct field {} of type {go_type}",
                    self.place
                )
            }
        }
    }
}

/// How Go names the type of a JSON value.
pub fn go_kind(value: &Doc) -> &'static str {
    match value {
        Doc::Null => "null",
        Doc::Bool(_) => "bool",
        Doc::Int(_) | Doc::Float(_) => "number",
        Doc::Str(_) | Doc::Time(_) | Doc::MicroTime(_) => "string",
        Doc::List(_) => "array",
        Doc::Map(_) => "object",
    }
}

/// What Go's `time.Parse` says of text that is no time at all.
pub(super) fn bad_time(expected: FieldType, text: &str) -> String {
    let layout = match expected {
        FieldType::MicroTime => "2006-01-02T15:04:05.000000Z07:00",
        _ => "2006-01-02T15:04:05Z07:00",
    };
    format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\"")
}

/// The Go type of a field; `place` tells apart the kinds of text that have names in Go.
fn go_type(expected: FieldType, place: &str) -> String {
    match expected {
        FieldType::String => text_type(place).into(),
        FieldType::Int32 | FieldType::IntOrString => "int32".into(),
        FieldType::Int64 => "int64".into(),
        FieldType::Number => "float64".into(),
        FieldType::Boolean => "bool".into(),
        FieldType::Bytes => "[]uint8".into(),
        FieldType::Quantity => "resource.Quantity".into(),
        FieldType::Time | FieldType::MicroTime => "string".into(),
        FieldType::Any => "interface {}".into(),
        FieldType::List(element) => format!("[]{}", go_type(element.get(), place)),
        FieldType::Map(element) if element.get() == FieldType::Quantity => "v1.ResourceList".into(),
        FieldType::Map(element) => map_type(element, place),
        FieldType::Object(object) => object.go_name().into(),
    }
}

fn map_type(element: Element, place: &str) -> String {
    format!("map[string]{}", go_type(element.get(), place))
}

/// Kinds of text that have a Go type of their own, by the type and field they stand in; `*` for any type.
const TEXT_TYPES: &[(&str, &str, &str)] = &[
    ("*", "accessModes", "v1.PersistentVolumeAccessMode"),
    ("*", "concurrencyPolicy", "v1.ConcurrencyPolicy"),
    ("*", "dnsPolicy", "v1.DNSPolicy"),
    ("*", "effect", "v1.TaintEffect"),
    ("*", "imagePullPolicy", "v1.PullPolicy"),
    ("*", "ipFamilies", "v1.IPFamily"),
    ("*", "medium", "v1.StorageMedium"),
    ("*", "pathType", "v1.PathType"),
    ("*", "policyTypes", "v1.PolicyType"),
    ("*", "preemptionPolicy", "v1.PreemptionPolicy"),
    ("*", "protocol", "v1.Protocol"),
    ("*", "scheme", "v1.URIScheme"),
    ("*", "terminationMessagePolicy", "v1.TerminationMessagePolicy"),
    ("*", "uid", "types.UID"),
    ("*", "whenUnsatisfiable", "v1.UnsatisfiableConstraintAction"),
    ("Container", "restartPolicy", "v1.ContainerRestartPolicy"),
    ("DaemonSetUpdateStrategy", "type", "v1.DaemonSetUpdateStrategyType"),
    ("DeploymentStrategy", "type", "v1.DeploymentStrategyType"),
    ("LabelSelectorRequirement", "operator", "v1.LabelSelectorOperator"),
    ("NamespaceSpec", "finalizers", "v1.FinalizerName"),
    ("NodeSelectorRequirement", "operator", "v1.NodeSelectorOperator"),
    ("PodSpec", "restartPolicy", "v1.RestartPolicy"),
    ("Secret", "type", "v1.SecretType"),
    ("ServiceSpec", "externalTrafficPolicy", "v1.ServiceExternalTrafficPolicy"),
    ("ServiceSpec", "internalTrafficPolicy", "v1.ServiceInternalTrafficPolicy"),
    ("ServiceSpec", "ipFamilyPolicy", "v1.IPFamilyPolicy"),
    ("ServiceSpec", "sessionAffinity", "v1.ServiceAffinity"),
    ("ServiceSpec", "type", "v1.ServiceType"),
    ("StatefulSetSpec", "podManagementPolicy", "v1.PodManagementPolicyType"),
    ("StatefulSetUpdateStrategy", "type", "v1.StatefulSetUpdateStrategyType"),
    ("Toleration", "operator", "v1.TolerationOperator"),
];

fn text_type(place: &str) -> &'static str {
    let of = place.split('.').next().unwrap_or_default();
    let field = place.rsplit('.').next().unwrap_or_default();
    let found = TEXT_TYPES.iter().find(|(owner, name, _)| *name == field && (*owner == "*" || *owner == of));
    found.map_or("string", |(_, _, go_type)| go_type)
}

/// A text in quotes as Go writes it: what nobody would see is a number.
pub fn quoted(text: &str) -> String {
    let mut all = String::from('"');
    for c in text.chars() {
        let unseen = c != ' ' && (c.is_whitespace() || c.is_control())
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
        match c {
            '"' | '\\' => all.extend(['\\', c]),
            c if unseen => all.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => all.push(c),
        }
    }
    all + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse;
    use crate::schema::check;

    /// The whole message.
    fn refusal(kind: Kind, problems: &[Problem], strict: bool) -> Option<String> {
        let why = decoding_refusal(problems, strict)?;
        Some(handled_as(kind.info().api_version(), kind, &why))
    }

    /// Manifests and what a real API server said of them.
    const RECORDED: &[(&str, &str)] = &[
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: nginx\n    ports: [{containerPort: \"80\"}]\n",
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: nginx\n    resources: {requests: {cpu: abc}}\n",
            "Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: nginx\n    env: [{name: A, value: 1}]\n",
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: nginx\n    foo: bar\n",
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.containers[0].foo\"",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, label: {}}\nspec:\n  containers:\n  - name: c\n    image: nginx\n",
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"metadata.label\"",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: \"3\"\n  selector: {matchLabels: {app: d}}\n  template:\n    metadata: {labels: {app: d}}\n    spec: {containers: [{name: c, image: nginx}]}\n",
            "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: \"!!!\"}\n",
            "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 0",
        ),
        (
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"raw\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},\"foo\":1}",
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"foo\"",
        ),
    ];

    fn problems(text: &str) -> (Kind, Vec<Problem>) {
        let doc = parse(text).unwrap().remove(0).doc;
        let kind = Kind::of(&doc["apiVersion"].str(), &doc["kind"].str()).unwrap();
        (kind, check(kind, &doc))
    }

    #[test]
    fn refuses_in_the_recorded_words() {
        for (text, recorded) in RECORDED {
            let (kind, problems) = problems(text);
            assert_eq!(refusal(kind, &problems, true).as_deref(), Some(*recorded));
        }
    }

    #[test]
    fn words_the_rest_as_go_does() {
        let cases = [
            ("label: {a: 1}", "unknown field \"metadata.label\""),
            (
                "labels: {a: 1}",
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            ),
            (
                "labels: [a]",
                "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
            ),
            (
                "labels: {a: yes}",
                "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
            ),
            (
                "ownerReferences: [a]",
                "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.ownerReferences of type v1.OwnerReference",
            ),
            (
                "ownerReferences: {}",
                "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.ownerReferences of type []v1.OwnerReference",
            ),
            (
                "generation: 1.5",
                "json: cannot unmarshal number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64",
            ),
            (
                "uid: 5",
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.uid of type types.UID",
            ),
            (
                "creationTimestamp: 5",
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
            ),
            (
                "creationTimestamp: soon",
                "parsing time \"soon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"soon\" as \"2006\"",
            ),
        ];
        for (metadata, message) in cases {
            let (_, problems) =
                problems(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  {metadata}\n"));
            assert_eq!(problems.iter().map(Problem::to_string).collect::<Vec<_>>(), [message]);
        }
    }

    #[test]
    fn the_worst_problem_comes_first() {
        let pod = |spec: &str| problems(&format!("apiVersion: v1\nkind: Pod\nbogus: 1\nspec:\n{spec}"));
        let (kind, all) = pod("  containers: [{a.b: 1}]\n");
        assert_eq!(warnings(&all), ["unknown field \"bogus\"", "unknown field \"spec.containers[0].a.b\""]);
        assert_eq!(refusal(kind, &all, false), None);
        let strict = refusal(kind, &all, true).unwrap();
        assert!(strict.ends_with(
            ": strict decoding error: unknown field \"bogus\", unknown field \"spec.containers[0].a.b\""
        ));
        let (kind, all) = pod("  containers: [{image: 1}]\n  dnsPolicy: 2\n");
        assert!(
            refusal(kind, &all, false).unwrap().ends_with("Container.spec.containers.image of type string")
        );
        let (kind, all) = pod("  containers: [{image: 1}]\n  overhead: {cpu: 1KK}\n");
        assert!(refusal(kind, &all, true).unwrap().ends_with("a Pod: unable to parse quantity's suffix"));
        let (kind, all) = problems("apiVersion: v1\nkind: Service\nspec: {ports: [{targetPort: yes}]}\n");
        let expected = "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32";
        assert!(refusal(kind, &all, true).unwrap().ends_with(expected));
    }
}
