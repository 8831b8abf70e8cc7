//! The schemas as clients of old want them: OpenAPI 2, all in one document, as JSON or in the protobuf of gnostic's
//! `openapi.v2.Document`.
//!
//! The document is large and mostly the same for all sessions: what was made of the last few is kept.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use shared::doc::Doc;

use super::{
    caching,
    openapi::{Form, complete},
};

/// How clients ask for protobuf.
pub const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// What upstream calls it in the answer: clients that look at that closely take no `@` in a media type.
const PROTOBUF_ANSWER: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Documents that are kept: the first, mostly that of sessions without definitions of their own, and the newest.
const KEPT: usize = 2;

static MADE: Mutex<Vec<Arc<Made>>> = Mutex::new(Vec::new());

/// What was made of a document.
struct Made {
    /// The document as the engine has it, with what is served.
    of: Doc,
    /// With all that it has for clients.
    told: Doc,
    json: OnceLock<Bytes>,
    protobuf: OnceLock<Bytes>,
    tag: OnceLock<String>,
}

impl Made {
    fn json(&self) -> &Bytes {
        self.json.get_or_init(|| format!("{}\n", self.told.to_json()).into())
    }
}

/// Media type and body of the answer.
pub fn content(document: &Doc, accept: &str) -> (&'static str, Bytes) {
    let made = made(document);
    if accept.contains(PROTOBUF) {
        return (PROTOBUF_ANSWER, made.protobuf.get_or_init(|| protobuf(&made.told).into()).clone());
    }
    ("application/json", made.json().clone())
}

/// By what clients know the document again; it is the same in both of its forms.
pub fn tag(document: &Doc) -> String {
    let made = made(document);
    made.tag.get_or_init(|| caching::tag(made.json())).clone()
}

fn made(document: &Doc) -> Arc<Made> {
    // The list is whole between any two statements, so a panic elsewhere does not spoil it.
    let kept = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    // Documents share what is the same in all of them: they are compared quickly.
    if let Some(made) = kept().iter().find(|made| made.of == *document) {
        return Arc::clone(made);
    }
    let mut told = document.clone();
    complete(Form::Two, "", &mut told);
    let made = Arc::new(Made {
        of: document.clone(),
        told,
        json: OnceLock::new(),
        protobuf: OnceLock::new(),
        tag: OnceLock::new(),
    });
    let mut kept = kept();
    kept.truncate(KEPT - 1);
    kept.push(Arc::clone(&made));
    made
}

/// A message under way.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u32, message: Message) {
        self.bytes(field, &message.0);
    }

    fn number(&mut self, field: u32, number: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(number);
    }

    fn text(&mut self, field: u32, value: &Doc) {
        if let Some(text) = value.as_str() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// Any value: `Any` has it as YAML, and JSON is that.
    fn any(&mut self, field: u32, value: &Doc) {
        let mut any = Message::default();
        any.bytes(2, value.to_json().as_bytes());
        self.message(field, any);
    }

    /// What a specification does not know, by name.
    fn extensions(&mut self, field: u32, of: &Doc) {
        for (name, value) in of.entries().iter().filter(|(name, _)| name.starts_with("x-")) {
            let mut named = Message::default();
            named.bytes(1, name.as_bytes());
            named.any(2, value);
            self.message(field, named);
        }
    }

    /// Entries of a map, each a message of name and value.
    fn named(&mut self, field: u32, map: &Doc, value: impl Fn(&Doc) -> Message) {
        for (name, of) in map.entries() {
            let mut named = Message::default();
            named.bytes(1, name.as_bytes());
            named.message(2, value(of));
            self.message(field, named);
        }
    }
}

/// A message with nothing in it but one other.
fn within(field: u32, message: Message) -> Message {
    let mut outer = Message::default();
    outer.message(field, message);
    outer
}

fn protobuf(document: &Doc) -> Vec<u8> {
    let mut whole = Message::default();
    whole.text(1, &document["swagger"]);
    let mut info = Message::default();
    info.text(1, &document["info"]["title"]);
    info.text(2, &document["info"]["version"]);
    whole.message(2, info);
    let mut paths = Message::default();
    paths.named(2, &document["paths"], path);
    whole.message(8, paths);
    let mut definitions = Message::default();
    definitions.named(1, &document["definitions"], schema);
    whole.message(9, definitions);
    let mut parameters = Message::default();
    parameters.named(1, &document["parameters"], parameter);
    whole.message(10, parameters);
    for one in document["security"].items() {
        let mut needed = Message::default();
        needed.named(1, one, |_| Message::default());
        whole.message(12, needed);
    }
    let mut securities = Message::default();
    securities.named(1, &document["securityDefinitions"], security);
    whole.message(13, securities);
    whole.0
}

fn path(of: &Doc) -> Message {
    let mut item = Message::default();
    for (field, method) in
        [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (6, "options"), (7, "head"), (8, "patch")]
    {
        if !of[method].is_null() {
            item.message(field, operation(&of[method]));
        }
    }
    for one in of["parameters"].items() {
        item.message(9, parameter_item(one));
    }
    item
}

fn operation(of: &Doc) -> Message {
    let mut operation = Message::default();
    for tag in of["tags"].items() {
        operation.text(1, tag);
    }
    operation.text(3, &of["description"]);
    operation.text(5, &of["operationId"]);
    for (field, name) in [(6, "produces"), (7, "consumes")] {
        for media in of[name].items() {
            operation.text(field, media);
        }
    }
    for one in of["parameters"].items() {
        operation.message(8, parameter_item(one));
    }
    let mut responses = Message::default();
    responses.named(1, &of["responses"], response);
    operation.message(9, responses);
    for scheme in of["schemes"].items() {
        operation.text(10, scheme);
    }
    operation.extensions(13, of);
    operation
}

/// A parameter where it is used: a reference, or the whole.
fn parameter_item(of: &Doc) -> Message {
    let reference = &of["$ref"];
    if reference.is_null() {
        return within(1, parameter(of));
    }
    let mut to = Message::default();
    to.text(1, reference);
    within(2, to)
}

fn parameter(of: &Doc) -> Message {
    let mut whole = Message::default();
    let required = u64::from(of["required"].as_bool() == Some(true));
    if of["in"].as_str() == Some("body") {
        whole.text(2, &of["name"]);
        whole.text(3, &of["in"]);
        whole.number(4, required);
        whole.message(5, schema(&of["schema"]));
        return within(1, whole);
    }
    let in_path = of["in"].as_str() == Some("path");
    whole.number(1, required);
    whole.text(2, &of["in"]);
    whole.text(3, &of["description"]);
    whole.text(4, &of["name"]);
    whole.text(if in_path { 5 } else { 6 }, &of["type"]);
    let unique = u64::from(of["uniqueItems"].as_bool() == Some(true));
    whole.number(if in_path { 19 } else { 20 }, unique);
    // One that is no body: a part of the path, or of the query.
    within(2, within(if in_path { 4 } else { 3 }, whole))
}

fn response(of: &Doc) -> Message {
    let mut response = Message::default();
    response.text(1, &of["description"]);
    if !of["schema"].is_null() {
        response.message(2, within(1, schema(&of["schema"])));
    }
    within(1, response)
}

/// Who may ask: whoever has a token, in a header.
fn security(definition: &Doc) -> Message {
    let mut key = Message::default();
    for (field, name) in [(1, "type"), (2, "name"), (3, "in"), (4, "description")] {
        key.text(field, &definition[name]);
    }
    within(2, key)
}

/// Fields of a schema that are texts, whole numbers, any numbers, or on and off.
const TEXTS: [(u32, &str); 5] =
    [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")];
const WHOLE: [(u32, &str); 6] = [
    (11, "maxLength"),
    (12, "minLength"),
    (14, "maxItems"),
    (15, "minItems"),
    (17, "maxProperties"),
    (18, "minProperties"),
];
const NUMBERS: [(u32, &str); 3] = [(6, "multipleOf"), (7, "maximum"), (9, "minimum")];
const SWITCHES: [(u32, &str); 3] = [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems")];

fn schema(of: &Doc) -> Message {
    let mut schema = Message::default();
    for (field, name) in TEXTS {
        schema.text(field, &of[name]);
    }
    for (field, name) in WHOLE {
        if let Some(number) = of[name].as_i64() {
            schema.number(field, number.cast_unsigned());
        }
    }
    for (field, name) in NUMBERS {
        if let Ok(number) = of[name].to_json().parse::<f64>() {
            schema.varint(u64::from(field) << 3 | 1);
            schema.0.extend_from_slice(&number.to_le_bytes());
        }
    }
    for (field, name) in SWITCHES {
        if of[name].as_bool() == Some(true) {
            schema.number(field, 1);
        }
    }
    if !of["default"].is_null() {
        schema.any(5, &of["default"]);
    }
    for field in of["required"].items() {
        schema.text(19, field);
    }
    for value in of["enum"].items() {
        schema.any(20, value);
    }
    match &of["additionalProperties"] {
        Doc::Null => {}
        Doc::Bool(any) => {
            let mut item = Message::default();
            item.number(2, u64::from(*any));
            schema.message(21, item);
        }
        below => schema.message(21, within(1, self::schema(below))),
    }
    if !of["type"].is_null() {
        let mut kind = Message::default();
        kind.text(1, &of["type"]);
        schema.message(22, kind);
    }
    if !of["items"].is_null() {
        schema.message(23, within(1, self::schema(&of["items"])));
    }
    for one in of["allOf"].items() {
        schema.message(24, self::schema(one));
    }
    if !of["properties"].is_null() {
        let mut properties = Message::default();
        properties.named(1, &of["properties"], self::schema);
        schema.message(25, properties);
    }
    schema.extensions(31, of);
    schema
}
