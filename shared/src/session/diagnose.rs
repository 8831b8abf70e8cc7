//! What is wrong with a manifest, and where in its text.

mod again;
mod pieces;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::api::Kind;
use crate::cluster::HttpResponse;
use crate::codec::Codec;
use crate::doc::{Doc, Path, Segment};
use crate::manifest::{self, Document, Span, Spans};
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
    fn at(span: Span, message: impl Into<String>) -> Diagnostic {
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
    match manifest::parse(text) {
        Err(fault) => vec![fault.into()],
        Ok(documents) => documents.iter().flat_map(of_document).collect(),
    }
}

/// What is wrong with a text in which a key stands twice in a mapping, of which its faults tell.
pub(super) fn repeated(text: &str, faults: &[Diagnostic]) -> Option<String> {
    let [fault] = faults else { return None };
    // Reading it again is for those texts only.
    let suspect = fault.message.contains("is already set on line");
    suspect.then(|| manifest::parse(text).err()).flatten().map(|fault| fault.kubectl)
}

fn of_document(document: &Document) -> Vec<Diagnostic> {
    if document.doc.is_null() {
        return Vec::new();
    }
    objects(document).iter().flat_map(of_object).collect()
}

fn of_object(object: &Within<'_>) -> Vec<Diagnostic> {
    let doc = object.doc;
    let Doc::Map(_) = doc else {
        return vec![Diagnostic::at(
            object.value(&Path::default()),
            format!("expected an object with apiVersion and kind, found {}", doc.type_name()),
        )];
    };
    for field in ["apiVersion", "kind"] {
        if doc[field].str().is_empty() {
            // The same in other letters is what somebody wrote for it.
            let written = doc.entries().iter().find(|(key, _)| key.eq_ignore_ascii_case(field));
            let place = written.map_or_else(
                || object.field(field),
                |(key, _)| object.key(&Path(vec![Segment::Key(key.clone())])),
            );
            return vec![Diagnostic::at(place, format!("{field} not set"))];
        }
    }
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    let Some(kind) = Kind::of(&api_version, &kind) else {
        return vec![Diagnostic::at(
            object.field("kind"),
            format!("no matches for kind {kind:?} in version {api_version:?}"),
        )];
    };
    let problems = schema::check(kind, doc);
    let place = |problem: &schema::Problem| match problem.what {
        What::Unknown => object.key(&problem.path),
        _ => object.value(&problem.path),
    };
    let mut found: Vec<Diagnostic> =
        problems.iter().map(|problem| Diagnostic::at(place(problem), problem.to_string())).collect();
    let metadata = &doc["metadata"];
    if metadata["name"].str().is_empty()
        && metadata["generateName"].is_null()
        && !matches!(metadata, Doc::List(_))
    {
        found.push(Diagnostic::at(object.key(&path(&["metadata"])), "resource name may not be empty"));
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
        if !matches!(response.code, 404 | 422) {
            return Vec::new();
        }
        locate(self.0.get_or_init(|| manifest::parse(text).unwrap_or_default()), response)
    }
}

/// An object of a text: a document, or an item of a document that is a List.
struct Within<'a> {
    doc: &'a Doc,
    spans: &'a Spans,
    /// Where it is in its document, from the root: `items`, 2.
    at: Path,
}

fn objects(document: &Document) -> Vec<Within<'_>> {
    let mut found = Vec::new();
    add_objects(&document.doc, &document.spans, Path::default(), &mut found);
    found
}

/// Lists may be items of Lists.
fn add_objects<'a>(doc: &'a Doc, spans: &'a Spans, at: Path, to: &mut Vec<Within<'a>>) {
    match &doc["items"] {
        Doc::List(items) if doc["kind"].str().ends_with("List") => {
            for (index, item) in (0..).zip(items.iter()) {
                let here = [Segment::Key("items".into()), Segment::Index(index)];
                add_objects(item, spans, Path(at.0.iter().cloned().chain(here).collect()), to);
            }
        }
        _ => to.push(Within { doc, spans, at }),
    }
}

impl Within<'_> {
    /// Where a field is, as the API server calls it.
    fn field(&self, field: &str) -> Span {
        match self.at.0.as_slice() {
            [] => self.spans.field(field),
            _ => self.spans.field(&format!("{}.{field}", self.at)),
        }
    }

    /// Where the key of a field is, or its nearest ancestor's.
    fn key(&self, path: &Path) -> Span {
        self.spans.key(&self.whole(path))
    }

    /// Where the value of a field is.
    fn value(&self, path: &Path) -> Span {
        self.spans.value(&self.whole(path))
    }

    /// The way from the document's root.
    fn whole(&self, path: &Path) -> Path {
        Path(self.at.0.iter().chain(&path.0).cloned().collect())
    }
}

fn locate(documents: &[Document], refusal: &HttpResponse) -> Vec<Diagnostic> {
    let details = &refusal.body["details"];
    let mut objects = documents.iter().flat_map(objects);
    if refusal.code == 404 && details["kind"].str() == "namespaces" {
        let found = objects.find(|object| object.doc["metadata"]["namespace"] == details["name"]);
        let message = refusal.body["message"].str();
        let fault =
            |object: Within<'_>| Diagnostic::at(object.field("metadata.namespace"), message.to_string());
        return found.map(fault).into_iter().collect();
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
        let diagnostic = Diagnostic::at(object.field(&field), message);
        if !diagnostics.contains(&diagnostic) {
            diagnostics.push(diagnostic);
        }
    }
    diagnostics
}
