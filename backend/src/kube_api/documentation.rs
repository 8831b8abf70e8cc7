//! What types and fields are for: the engine's schemas do not say it, so that pages stay light, and `kubectl explain` asks
//! for it. Here it is put into the OpenAPI documents on their way out.

use std::sync::LazyLock;

use shared::{
    doc::{self, Doc, Str},
    schema::DOCUMENTATION,
};

static WORDS: LazyLock<Doc> = LazyLock::new(|| doc::parse_json(DOCUMENTATION).unwrap_or_default());

/// Whether documents at this path have schemas.
pub fn is_told_at(path: &str) -> bool {
    path.contains("/openapi/v3/")
}

/// Says in the document what its types and fields are for.
pub fn tell(document: &mut Doc) {
    const AT: [&str; 2] = ["components", "schemas"];
    let names: Vec<Str> = document[AT[0]][AT[1]].entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let words = &WORDS[short(&name)];
        if words.is_null() {
            continue;
        }
        let schema = document.at_mut(&[AT[0], AT[1], &name]);
        for (field, says) in words.entries() {
            if field.is_empty() {
                schema.default_to("description", says.clone());
            } else if !schema["properties"][&**field].is_null() {
                describe(schema.at_mut(&["properties", field]), says);
            }
        }
    }
}

/// The name of a type as the documentation has it: `io.k8s.v1.PodSpec` is `v1.PodSpec` there.
fn short(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

/// What stands beside a reference is not heard: there the reference goes a level down.
fn describe(field: &mut Doc, says: &Doc) {
    let reference = field["$ref"].clone();
    if !reference.is_null() {
        *field = shared::doc!({ "allOf": [{ "$ref": reference }] });
    }
    field.default_to("description", says.clone());
}
