//! One thing that can be asked, as the documents tell it.

use shared::{
    doc,
    doc::{Doc, Str},
};

use super::{Form, parameters};

pub const JSON: &[&str] = &["application/json", "application/yaml"];
pub const OBJECTS: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
pub const STREAMS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
pub const LOGS: &[&str] =
    &["text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
pub const ANY: &[&str] = &["*/*"];
/// Bodies of patches; what people defined has no keys to merge by.
pub const PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
pub const CUSTOM_PATCHES: &[&str] =
    &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// An operation.
pub struct Operation<'a> {
    pub id: String,
    pub tag: String,
    pub says: String,
    /// What it does, and to which kind; discovery does neither.
    pub action: Option<(&'a str, Doc)>,
    pub query: Vec<&'a str>,
    /// The name of the body's schema, and whether it must be there.
    pub body: Option<(Str, bool)>,
    pub consumes: &'a [&'a str],
    pub produces: &'a [&'a str],
    /// The name of the answer's schema; none for a text.
    pub answer: Option<Str>,
    /// Codes that it comes with.
    pub codes: &'a [(&'a str, &'a str)],
}

impl Operation<'_> {
    /// The operation as a document.
    pub fn to_doc(&self, form: Form) -> Doc {
        let inline = self.action.as_ref().is_some_and(|(action, _)| *action == "patch");
        let mut query: Vec<Doc> = match inline {
            // Old clients look at these to find out what a server can do, and follow no references.
            true => self.query.iter().map(|name| parameters::in_query(form, name)).collect(),
            false => self.query.iter().map(|name| parameters::of_query(form, name)).collect(),
        };
        let mut doc = doc!({
            "tags": Doc::list([&*self.tag]), "description": &*self.says, "operationId": &*self.id
        });
        match (form, &self.body) {
            (Form::Two, Some((schema, required))) => {
                let mut body = doc!({ "name": "body", "in": "body", "schema": form.reference(schema) });
                if *required {
                    body.set("required", true);
                }
                query.insert(0, body);
            }
            (Form::Three, Some((schema, required))) => {
                let mut body = doc!({ "content": content(self.consumes, &form.reference(schema)) });
                if *required {
                    body.set("required", true);
                }
                doc.set("requestBody", body);
            }
            (_, None) => {}
        }
        if form == Form::Two {
            doc.set("consumes", Doc::list(self.consumes.iter().copied()));
            doc.set("produces", Doc::list(self.produces.iter().copied()));
            doc.set("schemes", Doc::list(["https"]));
        }
        if !query.is_empty() {
            doc.set("parameters", query);
        }
        doc.set("responses", self.responses(form));
        if let Some((action, of)) = &self.action {
            doc.set("x-kubernetes-action", *action);
            doc.set("x-kubernetes-group-version-kind", of);
        }
        doc
    }

    fn responses(&self, form: Form) -> Doc {
        let schema = match &self.answer {
            Some(name) => form.reference(name),
            None => doc!({ "type": "string" }),
        };
        let mut responses = Doc::map();
        for (code, says) in self.codes {
            responses.set(
                *code,
                match form {
                    Form::Two => doc!({ "description": *says, "schema": &schema }),
                    Form::Three => {
                        doc!({ "description": *says, "content": content(self.produces, &schema) })
                    }
                },
            );
        }
        responses.set("401", doc!({ "description": "Unauthorized" }));
        responses
    }
}

fn content(media: &[&str], schema: &Doc) -> Doc {
    Doc::Map(media.iter().map(|media| ((*media).into(), doc!({ "schema": schema }))).collect())
}
