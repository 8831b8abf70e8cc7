//! What is wrong with a manifest, and where in its text.

mod again;
mod pieces;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::api::Kind;
use crate::api::apiextensions::customresource::CustomResources;
use crate::api::apiextensions::customresourcedefinition::as_written;
use crate::api::autoscaling::horizontalpodautoscaler::v1;
use crate::cluster::{Cluster, HttpResponse};
use crate::codec::Codec;
use crate::doc::{Doc, Path, Segment};
use crate::manifest::{self, Document, Span};
use crate::schema::{self, What};

pub use again::{Diagnoser, Diagnosis};
pub use pieces::Piece;
pub(super) use pieces::pieces;

/// A fault in a text. Lines and columns count from 1, columns in characters.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diagnostic {
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of what follows the last character; `None` where only the beginning is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<(u32, u32)>,
    /// What is wrong, in words.
    pub message: String,
}

impl Diagnostic {
    pub(super) fn at(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            line: span.start.line,
            column: span.start.column,
            end: Some((span.end.line, span.end.column)),
            message: message.into(),
        }
    }

    /// The same fault on other lines.
    pub fn moved(&self, to: impl Fn(u32) -> u32) -> Diagnostic {
        let end = self.end.map(|(line, column)| (to(line), column));
        Diagnostic { line: to(self.line), end, ..self.clone() }
    }
}

impl From<manifest::Diagnostic> for Diagnostic {
    fn from(fault: manifest::Diagnostic) -> Diagnostic {
        Diagnostic { line: fault.line, column: fault.column, end: None, message: fault.message }
    }
}

/// What can be said of a manifest without asking a server: bad YAML, unknown kinds and fields, wrong types.
pub fn diagnose(text: &str) -> Vec<Diagnostic> {
    within(text, &|_, _| None)
}

/// The same where a cluster is: kinds that somebody defined in it are known, too.
pub(super) fn diagnose_for(cluster: &Cluster, text: &str) -> Vec<Diagnostic> {
    within(text, &|api_version, kind| cluster.defined(api_version, kind))
}

/// The resources of a version and kind that did not come with the cluster.
type Defined<'a> = &'a dyn Fn(&str, &str) -> Option<CustomResources>;

fn within(text: &str, defined: Defined<'_>) -> Vec<Diagnostic> {
    match manifest::parse(text) {
        Err(fault) => vec![fault.into()],
        Ok(documents) => documents.iter().flat_map(|document| of_document(document, defined)).collect(),
    }
}

/// What is wrong with a text in which a key stands twice in a mapping, of which its faults tell.
pub(super) fn repeated(text: &str, faults: &[Diagnostic]) -> Option<String> {
    let [fault] = faults else { return None };
    // Reading it again is for those texts only.
    let suspect = fault.message.contains("is already set on line");
    suspect.then(|| manifest::parse(text).err()).flatten().map(|fault| fault.kubectl)
}

fn of_document(document: &Document, defined: Defined<'_>) -> Vec<Diagnostic> {
    if document.doc.is_null() {
        return Vec::new();
    }
    objects(document).iter().flat_map(|object| of_object(object, defined)).collect()
}

/// What the server takes, and keeps under another name or not at all.
const SERVED_ONLY: [(&str, &str); 8] = [
    ("events.k8s.io/v1", "Event"),
    ("v1", "Binding"),
    ("authentication.k8s.io/v1", "TokenReview"),
    ("authentication.k8s.io/v1", "SelfSubjectReview"),
    ("authorization.k8s.io/v1", "SubjectAccessReview"),
    ("authorization.k8s.io/v1", "LocalSubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"),
];

fn of_object(Document { doc, spans }: &Document, defined: Defined<'_>) -> Vec<Diagnostic> {
    let Doc::Map(_) = doc else {
        return vec![Diagnostic::at(
            spans.root(),
            format!("expected an object with apiVersion and kind, found {}", doc.type_name()),
        )];
    };
    for field in ["apiVersion", "kind"] {
        if doc[field].str().is_empty() {
            // The same in other letters is what somebody wrote for it.
            let written = doc.entries().iter().find(|(key, _)| key.eq_ignore_ascii_case(field));
            let place = written.map_or_else(
                || spans.field(field),
                |(key, _)| spans.key(&Path(vec![Segment::Key(key.clone())])),
            );
            return vec![Diagnostic::at(place, format!("{field} not set"))];
        }
    }
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    let problems = if let Some(kind) = Kind::of(&api_version, &kind) {
        // What is kept in another version has the fields of that one there: the server knows the rest of those of this.
        match kind.info().api_version() == api_version {
            true => schema::check(kind, doc),
            false => v1::unknown(doc).into_iter().map(schema::Problem::unknown).collect(),
        }
    } else if SERVED_ONLY.contains(&(&api_version, &kind)) {
        Vec::new()
    } else if let Some(custom) = defined(&api_version, &kind) {
        schema::check_custom(doc, custom.unknown(doc))
    } else {
        let said = [kind, api_version].map(|text| schema::quoted(&text));
        let said = format!("no matches for kind {} in version {}", said[0], said[1]);
        return vec![Diagnostic::at(spans.field("kind"), said)];
    };
    let place = |problem: &schema::Problem| match problem.what {
        What::Unknown => spans.key(&problem.path),
        _ => spans.value(&problem.path),
    };
    let mut found: Vec<Diagnostic> =
        problems.iter().map(|problem| Diagnostic::at(place(problem), problem.to_string())).collect();
    let metadata = &doc["metadata"];
    if metadata["name"].str().is_empty() && !matches!(metadata, Doc::List(_)) {
        let (place, why) = match metadata["generateName"].str().is_empty() {
            true => (path(&["metadata"]), "resource name may not be empty"),
            false => (path(&["metadata", "generateName"]), "cannot use generate name with apply"),
        };
        found.push(Diagnostic::at(spans.key(&place), why));
    }
    found
}

fn path(keys: &[&'static str]) -> Path {
    Path(keys.iter().map(|key| Segment::Key((*key).into())).collect())
}

/// A manifest's documents with their places, once somebody asked: a thousand answers are looked up in one reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(OnceLock<Vec<Document>>);

impl Places {
    /// Where in `text`, which is always the same, the faults stand that a server found in one of its objects.
    pub fn locate(&self, text: &str, response: &HttpResponse) -> Vec<Diagnostic> {
        if !matches!(response.code, 400 | 403 | 404 | 422 | 500) {
            return Vec::new();
        }
        locate(self.0.get_or_init(|| manifest::parse(text).unwrap_or_default()), response)
    }
}

/// The objects of a document: itself, or the items where it is a List, which may be Lists too. Their places are those in
/// the text.
pub(super) fn objects(document: &Document) -> Vec<Document> {
    let Document { doc, spans } = document;
    match &doc["items"] {
        Doc::List(items) if doc["kind"].str().ends_with("List") => {
            let item = |(index, doc): (u32, &Doc)| {
                let here = Path(vec![Segment::Key("items".into()), Segment::Index(index)]);
                objects(&Document { doc: doc.clone(), spans: spans.below(&here) })
            };
            (0..).zip(items.iter()).flat_map(item).collect()
        }
        _ => vec![document.clone()],
    }
}

/// What refuses an object as a whole, by words in its message, and the field that it is about.
const ABOUT: [(&str, &str); 4] = [
    ("error looking up service account", "spec.serviceAccountName"),
    ("no PriorityClass with name", "spec.priorityClassName"),
    ("RuntimeClass \"", "spec.runtimeClassName"),
    ("resourceVersion should not be set", "metadata.resourceVersion"),
];

/// The place of a refusal that names no field: what its words are about, or else the object's name.
fn refused_as_a_whole(
    mut objects: impl Iterator<Item = Document>,
    refusal: &HttpResponse,
) -> Option<Diagnostic> {
    let (details, message) = (&refusal.body["details"], refusal.body["message"].str());
    let field = ABOUT.iter().find(|(words, _)| message.contains(words)).map(|(_, field)| *field);
    if field.is_none() && refusal.code != 403 {
        return None;
    }
    let kind = Kind::named(&details["kind"].str());
    let object = objects.find(|object| match kind {
        // Plurals are what these answers name.
        Some(kind) => {
            object.doc["kind"].str() == kind.info().kind && object.doc["metadata"]["name"] == details["name"]
        }
        None => field
            .is_some_and(|field| field.split('.').fold(&object.doc, |doc, key| &doc[key]).as_str().is_some()),
    })?;
    let place = object.spans.field(field.unwrap_or("metadata.name"));
    Some(Diagnostic::at(place, message.to_string()))
}

fn locate(documents: &[Document], refusal: &HttpResponse) -> Vec<Diagnostic> {
    let details = &refusal.body["details"];
    let mut objects = documents.iter().flat_map(objects);
    if refusal.code == 404 && details["kind"].str() == "namespaces" {
        let found = objects.find(|object| object.doc["metadata"]["namespace"] == details["name"]);
        let message = refusal.body["message"].str();
        let fault =
            |object: Document| Diagnostic::at(object.spans.field("metadata.namespace"), message.to_string());
        return found.map(fault).into_iter().collect();
    }
    match refusal.code {
        422 => {}
        // What is not there yet is about to be made.
        404 => return Vec::new(),
        _ => return refused_as_a_whole(objects, refusal).into_iter().collect(),
    }
    let (kind, name) = (&details["kind"], &details["name"]);
    let found = objects.find(|object| {
        object.doc["kind"] == *kind
            && object.doc["metadata"]["name"].as_str().unwrap_or("") == name.str().as_str()
    });
    let Some(object) = found else { return Vec::new() };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for cause in details["causes"].items() {
        let field = cause["field"].str();
        let message = format!("{field}: {}", cause["message"].str());
        let written =
            if *kind == Doc::from("CustomResourceDefinition") { as_written(&field).into() } else { field };
        let diagnostic = Diagnostic::at(object.spans.field(&written), message);
        if !diagnostics.contains(&diagnostic) {
            diagnostics.push(diagnostic);
        }
    }
    diagnostics
}
