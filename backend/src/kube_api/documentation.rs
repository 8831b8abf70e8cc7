//! What types and fields are for: the engine's schemas do not say it, so that pages stay light, and `kubectl explain` asks
//! for it. Here it is put into the OpenAPI documents on their way out.

use std::sync::LazyLock;

use shared::{
    doc::{self, Doc, Str},
    schema::DOCUMENTATION,
};

static WORDS: LazyLock<Doc> = LazyLock::new(|| doc::parse_json(DOCUMENTATION).unwrap_or_default());

/// Puts the way to the session into the addresses of the documents, where it was in the way to their `index`: kubectl 1.27.1
/// leaves out what its server's address has before `/openapi/v3`. Later ones take an address with something before that as it
/// is (kubernetes/kubernetes#117463).
pub fn tell_whole_addresses(path: &str, index: &mut Doc) {
    let Some(prefix) = path.trim_end_matches('/').strip_suffix("/openapi/v3") else { return };
    let paths = index.at_mut(&["paths"]);
    let names: Vec<Str> = paths.entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let url = paths[&*name]["serverRelativeURL"].str();
        paths.set_at(&[&name, "serverRelativeURL"], format!("{prefix}{url}"));
    }
}

/// Says in a document of version 3 what its types and fields are for.
pub fn tell(document: &mut Doc) {
    tell_at(document, &["components", "schemas"], |field| {
        // What stands beside a reference is not heard: there the reference goes a level down.
        let reference = field["$ref"].clone();
        if !reference.is_null() {
            *field = shared::doc!({ "allOf": [{ "$ref": reference }] });
        }
    });
}

/// The same for a document of version 2, where clients hear what stands beside a reference.
pub fn tell_2(document: &mut Doc) {
    tell_at(document, &["definitions"], |_| {});
}

/// Describes the types at a place in a document; `prepare` makes a field ready for it.
fn tell_at(document: &mut Doc, at: &[&str], prepare: impl Fn(&mut Doc)) {
    let types = at.iter().fold(&*document, |doc, key| &doc[*key]);
    let names: Vec<Str> = types.entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let words = &WORDS[short(&name)];
        if words.is_null() {
            continue;
        }
        let schema = document.at_mut(&[at, &[&name]].concat());
        for (field, says) in words.entries() {
            if field.is_empty() {
                schema.default_to("description", says.clone());
            } else if !schema["properties"][&**field].is_null() {
                let field = schema.at_mut(&["properties", field]);
                prepare(field);
                field.default_to("description", says.clone());
            }
        }
    }
}

/// The name of a type as the documentation has it: `io.k8s.api.core.v1.PodSpec` is `v1.PodSpec` there.
fn short(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}
