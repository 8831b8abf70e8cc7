//! What types and fields are for: the engine's schemas do not say it, so that pages stay light, and `kubectl explain` asks
//! for it. Here it is put into OpenAPI documents on their way out.

use std::sync::OnceLock;

use crate::doc::{self, Doc, Str};

/// Words as JSON: `{"v1.PodSpec": {"": …, "containers": …}}`. A page loads them as a file.
#[cfg(not(target_arch = "wasm32"))]
const DOCUMENTATION: &str = include_str!(concat!(env!("OUT_DIR"), "/fields.json"));
#[cfg(target_arch = "wasm32")]
const DOCUMENTATION: &str = "";

static WORDS: OnceLock<Doc> = OnceLock::new();

/// Takes the words where the program came without them; what is no JSON has none.
pub fn learn(text: &str) {
    WORDS.get_or_init(|| doc::parse_json(text).unwrap_or_default());
}

/// The words, as far as they are known.
fn words() -> Option<&'static Doc> {
    if !DOCUMENTATION.is_empty() {
        learn(DOCUMENTATION);
    }
    WORDS.get()
}

/// Says in a document of version 3 what its types and fields are for.
pub fn describe(document: &mut Doc) {
    describe_at(document, &["components", "schemas"], |field| {
        // What stands beside a reference is not heard: there the reference goes a level down.
        let reference = field["$ref"].clone();
        if !reference.is_null() {
            *field = crate::doc!({ "allOf": [{ "$ref": reference }] });
        }
    });
}

/// The same for a document of version 2, where clients hear what stands beside a reference.
pub fn describe_2(document: &mut Doc) {
    describe_at(document, &["definitions"], |_| {});
}

/// Describes the types at a place in a document; `prepare` makes a field ready for it.
fn describe_at(document: &mut Doc, at: &[&str], prepare: impl Fn(&mut Doc)) {
    let Some(words) = words() else { return };
    let types = at.iter().fold(&*document, |doc, key| &doc[*key]);
    let names: Vec<Str> = types.entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let words = &words[short(&name)];
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
