//! Bodies of requests: how they are read, that they are of the kind that the path names, and that its schema knows
//! their fields. Everything is said in Kubernetes' own words.

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::{FieldValidation, Kind, PatchKind, Reason, Status, Subresource};
use crate::collections::{BTreeMap, BTreeSet, sort_by_key};
use crate::doc::{Doc, Segment, Str, go_json};
use crate::{manifest, schema};

use super::{HttpRequest, Twin};

/// Strict decoding reports no more than this.
const MOST_REPORTED: usize = 100;
/// How much of a body that is none is shown.
const MOST_SHOWN: usize = 30;
/// The fields of an operation of a JSON patch.
const OPERATION: [&str; 4] = ["op", "path", "from", "value"];
/// What is said of a custom resource without a kind: upstream loses its text on the way.
const KIND_MISSING: &str = "Object 'Kind' is missing in 'object has no kind field '";
/// How faults of YAML begin.
const YAML_TO_JSON: &str = "error converting YAML to JSON";

/// A body that could be read.
pub(super) struct Body {
    pub doc: Doc,
    /// The JSON it came from; empty if it came from something else.
    text: Str,
    /// Whether a look at the text is worth while even when the schema has nothing to say.
    suspect: bool,
    /// What the strict reader of YAML would say of it; empty for nothing.
    again: String,
}

/// What the body of a request says; `of` names what it should be.
pub(super) fn read(http: &HttpRequest, of: &str) -> Result<Body, Status> {
    let unrecognized = |why: String| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {of}): {why} ({})",
            summary(&http.body)
        ))
    };
    match media_type(&http.content_type) {
        "application/yaml" => read_yaml(&http.body).map_err(unrecognized),
        "application/vnd.kubernetes.protobuf" if http.body.is_empty() => {
            Err(unrecognized("empty data".into()))
        }
        "" | "application/json" => read_json(&http.body)
            .map_err(|fault| unrecognized(format!("couldn't get version/kind; json parse error: {fault}"))),
        _ => Err(Status::new(
            Reason::UnsupportedMediaType,
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// The same of a patch, whose media type says how it is to be read.
pub(super) fn read_patch(http: &HttpRequest, applied: bool) -> Result<Body, Status> {
    match read_json(&http.body) {
        // What is applied is read as YAML, even where it is JSON.
        Ok(body) if applied && body.suspect => {
            let again = read_yaml(&http.body).map_or_else(|_| String::new(), |body| body.again);
            Ok(Body { again, ..body })
        }
        Ok(body) => Ok(body),
        Err(_) if applied => {
            read_yaml(&http.body).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")))
        }
        Err(fault) => Err(Status::bad_request(format!("error decoding patch: {fault}"))),
    }
}

pub(super) fn media_type(text: &str) -> &str {
    match text.split(';').next().unwrap_or("").trim() {
        // Parameters of nothing are no media type.
        "" => text,
        named => named,
    }
}

fn read_json(text: &Str) -> Result<Body, String> {
    let go_json::Body { doc, suspect } = go_json::read(text)?;
    Ok(Body { doc, text: text.clone(), suspect, again: String::new() })
}

fn read_yaml(text: &Str) -> Result<Body, String> {
    let (documents, repeated) =
        manifest::parse_loosely(text).map_err(|fault| format!("{YAML_TO_JSON}: yaml: {}", fault.kubectl))?;
    let doc = documents.into_iter().next().map_or(Doc::Null, |document| document.doc);
    let mut again = String::new();
    for fault in &repeated {
        again += if again.is_empty() { "yaml: unmarshal errors:" } else { "" };
        again += &format!("\n  {}", fault.kubectl);
    }
    Ok(Body { doc, text: Str::new(), suspect: false, again })
}

/// The beginning of a body, in hexadecimal digits where it does not even look like an object.
fn summary(text: &str) -> String {
    let mut most = text.len().min(MOST_SHOWN);
    while !text.is_char_boundary(most) {
        most -= 1;
    }
    let rest = if most < text.len() { " ..." } else { "" };
    match text.as_bytes().first() {
        None => "<empty>".into(),
        Some(b'{') => format!("{}{rest}", &text[..most]),
        Some(_) => {
            let hex: String = text[..most].bytes().map(|byte| format!("{byte:02x}")).collect();
            hex + rest
        }
    }
}

/// The body must be an object; `of` names what it should be.
pub(super) fn check_object(doc: &Doc, of: &str) -> Result<(), Status> {
    if !matches!(doc, Doc::Map(_) | Doc::Null) {
        let (value, digits) = (schema::go_kind(doc), doc.to_json());
        let why = format!(
            "json: cannot unmarshal {value} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
             Kind string \"json:\\\"kind,omitempty\\\"\" }}"
        );
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             {why} ({})",
            of,
            summary(&digits)
        )));
    }
    Ok(())
}

/// The body must be of the kind and version that the path names.
pub(super) fn check_type(doc: &Doc, kind: Kind, twin: Option<Twin>) -> Result<(), Status> {
    let info = kind.info();
    let own = twin.map_or(info.api_version(), Twin::api_version);
    check_object(doc, info.kind)?;
    for field in ["apiVersion", "kind"] {
        if !matches!(&doc[field], Doc::Null | Doc::Str(_)) {
            let value = schema::go_kind(&doc[field]);
            return Err(Status::bad_request(format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {value} into Go struct field \
                 .{field} of type string"
            )));
        }
    }
    let (given_version, given_kind) = (doc["apiVersion"].str(), doc["kind"].str());
    let or = |given: &Str, own: &str| if given.is_empty() { own.to_owned() } else { given.to_string() };
    let other_version = |given: &str| {
        let why = "does not match the expected API version";
        Status::bad_request(format!("the API version in the data ({given}) {why} ({own})"))
    };
    if matches!(kind, Kind::Custom(_)) {
        // What is wrong with the kind is told with what else is wrong with the object.
        return match () {
            () if given_kind.is_empty() => Err(Status::bad_request(KIND_MISSING)),
            () if given_version != own => Err(other_version(&given_version)),
            () => Ok(()),
        };
    }
    let (version, name) = (or(&given_version, own), or(&given_kind, info.kind));
    match name == info.kind {
        true if version == own => Ok(()),
        true if version == info.api_version() || Twin::of(kind, doc).is_some() => {
            Err(other_version(&version))
        }
        _ => Err(other_type(&version, &name, info.group, info.kind)),
    }
}

/// Why what is of one kind is not read as one of `kind` of `group`.
pub(in crate::apiserver) fn unlike(version: &str, name: &str, group: &str, kind: &str) -> String {
    match Kind::of(version, name) {
        Some(other) => format!(
            "converting ({}) to ({}): unknown conversion",
            go_type(other.info().version, name),
            go_type(internal_package(group), kind),
        ),
        None => format!(
            "no kind {name:?} is registered for version {version:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        ),
    }
}

/// What is of another kind than `kind` of `group`.
fn other_type(version: &str, name: &str, group: &str, kind: &str) -> Status {
    let why = unlike(version, name, group, kind);
    Status::bad_request(format!(
        "{name} in version {:?} cannot be handled as a {kind}: {why}",
        version.rsplit('/').next().unwrap_or(""),
    ))
}

/// A Scale must be one, and have its fields. What is to be warned of comes back.
pub(super) fn check_scale(doc: &Doc, validation: FieldValidation) -> Result<Vec<Str>, Status> {
    const SCALE: (&str, &str) = ("autoscaling/v1", "Scale");
    let (version, name) =
        (doc["apiVersion"].as_str().unwrap_or(SCALE.0), doc["kind"].as_str().unwrap_or(SCALE.1));
    if (version, name) != SCALE {
        return Err(other_type(version, name, "autoscaling", SCALE.1));
    }
    let problems = schema::check_scale(doc);
    match schema::decoding_refusal(&problems, validation == FieldValidation::Strict) {
        Some(why) => {
            Err(Status::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {why}")))
        }
        None if validation == FieldValidation::Warn => {
            Ok(schema::warnings(&problems).into_iter().map(Str::from).collect())
        }
        None => Ok(Vec::new()),
    }
}

/// What is applied says of which kind it is.
pub(super) fn check_applied_type(
    doc: &Doc,
    kind: Kind,
    twin: Option<Twin>,
    part: Subresource,
) -> Result<(), Status> {
    if !matches!(doc, Doc::Map(_) | Doc::Null) {
        let value = schema::go_kind(doc);
        return Err(Status::bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {value} into Go \
             value of type map[string]interface {{}}"
        )));
    }
    let info = kind.info();
    let wanted = match part {
        Subresource::Scale => ("autoscaling/v1", "Scale"),
        _ => (twin.map_or(info.api_version(), Twin::api_version), info.kind),
    };
    let (version, name) = (doc["apiVersion"].str(), doc["kind"].str());
    if (version.as_str(), name.as_str()) == wanted {
        return Ok(());
    }
    let slash = if version.contains('/') { "" } else { "/" };
    Err(Status::bad_request(format!("invalid object type: {slash}{version}, Kind={name}")))
}

fn go_type(package: &str, name: &str) -> String {
    format!("{package}.{name}")
}

/// `rbac.authorization.k8s.io` → `rbac`
fn internal_package(group: &str) -> &str {
    match group.split('.').next() {
        Some("") | None => "core",
        Some(first) => first,
    }
}

impl Body {
    /// Fields must be there in the schema and hold what it says; the version that was spoken may have others than the one
    /// that is kept. What is to be warned of comes back.
    pub fn check_fields(
        &mut self,
        kind: Kind,
        custom: Option<&CustomResources>,
        twin: Option<Twin>,
        validation: FieldValidation,
    ) -> Result<Vec<Str>, Status> {
        let version = twin.map_or(kind.info().api_version(), Twin::api_version);
        let unread = |why: &str| Status::bad_request(schema::handled_as(version, kind, why));
        let unknown = twin.map_or(Vec::new(), |twin| twin.to_stored(&mut self.doc));
        let mut problems = match custom {
            Some(custom) => schema::check_custom(&self.doc, custom.unknown(&self.doc)),
            None => schema::check(kind, &self.doc),
        };
        problems.extend(unknown.into_iter().map(schema::Problem::unknown));
        let mut strict = if self.suspect || !problems.is_empty() {
            self.consult_text(kind, custom.is_some(), &mut problems).map_err(|why| unread(&why))?
        } else {
            Vec::new()
        };
        if !self.again.is_empty() {
            strict.insert(0, self.again.clone());
        }
        if let Some(why) = schema::decoding_refusal(&problems, false) {
            return Err(unread(&why));
        }
        if let Some(Err(why)) = custom.map(|custom| custom.read_embedded(&self.doc, schema::metadata_refusal))
        {
            return Err(unread(&why));
        }
        if validation == FieldValidation::Strict && !strict.is_empty() {
            return Err(unread(&format!("strict decoding error: {}", strict.join(", "))));
        }
        schema::normalise(kind, &mut self.doc);
        twin.inspect(|twin| twin.mark(None, &mut self.doc));
        let warned = validation == FieldValidation::Warn;
        Ok(if warned { strict.into_iter().map(Str::from).collect() } else { Vec::new() })
    }

    /// What an applied configuration says twice, if that is to be warned of.
    ///
    /// # Errors
    /// It is not to be taken.
    pub fn applied_twice(&self, validation: FieldValidation) -> Result<Option<Str>, Status> {
        match validation {
            _ if self.again.is_empty() => Ok(None),
            FieldValidation::Ignore | FieldValidation::Trusted => Ok(None),
            FieldValidation::Warn => Ok(Some(format!("{YAML_TO_JSON}: {}", self.again).into())),
            FieldValidation::Strict => {
                let why = format!("error strict decoding YAML: {YAML_TO_JSON}: {}", self.again);
                Err(Status::bad_request(why))
            }
        }
    }

    /// What a patch says twice; an operation of a JSON patch also has no other fields than its own.
    pub fn patch_faults(&self, kind: PatchKind) -> Vec<Str> {
        let operations = kind == PatchKind::Json;
        let odd = |operation: &Doc| {
            operation.entries().iter().any(|(field, _)| !OPERATION.contains(&field.as_str()))
        };
        let mut found = Vec::new();
        if (self.suspect || operations && self.doc.items().iter().any(odd)) && !self.text.is_empty() {
            let prefix = if operations { "json patch " } else { "" };
            go_json::places(&self.text, &mut |path, place| {
                let field = match path {
                    [_, Segment::Key(field), ..] if operations => field.as_str(),
                    _ => OPERATION[0],
                };
                let shown = || schema::strict_path(path);
                match (OPERATION.contains(&field), path.len()) {
                    _ if found.len() >= MOST_REPORTED => {}
                    (true, _) if place.again => {
                        found.push((place.order, prefix.to_owned() + &duplicate(&shown())))
                    }
                    (false, 2) => found.push((place.order, format!("{prefix}unknown field {:?}", shown()))),
                    _ => {}
                }
            });
        }
        in_order(found).into_iter().map(Str::from).collect()
    }

    /// Numbers are reported as they are written; unknown and repeated fields, which come back, in the order of the
    /// text; of a custom resource the unknown ones come last, as its definition found them. The error is of a number that
    /// nothing can hold.
    fn consult_text(
        &self,
        kind: Kind,
        custom: bool,
        problems: &mut [schema::Problem],
    ) -> Result<Vec<String>, String> {
        if self.text.is_empty() {
            return Ok(schema::warnings(problems));
        }
        let mut by_path: BTreeMap<String, usize> = BTreeMap::new();
        for (at, problem) in problems.iter().enumerate() {
            by_path.entry(schema::strict_path(&problem.path.0)).or_insert(at);
        }
        let mut found: Vec<(u32, String)> = Vec::new();
        let mut beyond = None;
        go_json::places(&self.text, &mut |path, place| {
            let text = &self.text[place.text];
            let huge = text.parse::<f64>().is_ok_and(f64::is_infinite);
            // Nothing more is wanted of most fields.
            if !place.again && !huge && by_path.is_empty() {
                return;
            }
            let shown = schema::strict_path(path);
            let problem = by_path.get(&shown).map(|at| &mut problems[*at]);
            let known = problem.is_some();
            if let Some(problem) = problem {
                problem.write_number(text);
                if !custom && problem.what == schema::What::Unknown {
                    found.push((place.order, problem.to_string()));
                }
            }
            let skipped =
                || (1..path.len()).any(|end| by_path.contains_key(&schema::strict_path(&path[..end])));
            if huge && !known && !skipped() && !schema::is_quantity(kind, path) {
                beyond = Some(format!("json: cannot unmarshal number {text} into Go value of type float64"));
            }
            if place.again && (custom || !skipped()) {
                found.push((place.order, duplicate(&shown)));
            }
        });
        match beyond {
            Some(why) => Err(why),
            None if custom => {
                let all = in_order(found).into_iter().chain(schema::warnings(problems));
                Ok(all.take(MOST_REPORTED).collect())
            }
            None => Ok(in_order(found)),
        }
    }
}

fn duplicate(path: &str) -> String {
    format!("duplicate field {path:?}")
}

fn in_order(mut found: Vec<(u32, String)>) -> Vec<String> {
    sort_by_key(&mut found, |(order, _)| *order);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let once = found.into_iter().map(|(_, message)| message).filter(|message| seen.insert(message.clone()));
    once.take(MOST_REPORTED).collect()
}
