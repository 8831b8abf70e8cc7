//! Bodies in Kubernetes' protobuf, which its own clients send for the kinds that they know: read into JSON; and answers
//! in it ([`write`]).
//!
//! What a field is called, how it is numbered and of which type it is stands in a table (`protobuf/messages.txt`).
//! Encoders always write scalars that are no pointers; "nothing" and "zero" are the same for those, so zero is left out.

pub mod write;

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use shared::doc::Timestamp;

/// The media type.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// How messages are called that have a field for each form that their JSON may have.
const EITHER: &str = "apiextensions.v1.JSONSchemaPropsOr";

/// Messages lie in one another so deep at most.
const MOST_DEPTH: u32 = 64;

static MESSAGES: LazyLock<BTreeMap<&str, Vec<Field>>> = LazyLock::new(|| {
    let lines = include_str!("protobuf/messages.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            Some((words.next()?, words.filter_map(Field::read).collect()))
        })
        .collect()
});

#[derive(Debug, PartialEq, Eq)]
struct Field {
    /// Empty for a message whose fields count as those of the message it is in.
    name: &'static str,
    number: u64,
    shape: Shape,
    of: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    Pointer,
    List,
    Map,
}

impl Field {
    /// `replicas=1?i`
    fn read(word: &'static str) -> Option<Field> {
        let (name, rest) = word.split_once('=')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = rest.split_at(digits);
        let shapes = [('*', Shape::List), ('%', Shape::Map), ('?', Shape::Pointer)];
        let shape = shapes.iter().find(|(sign, _)| rest.starts_with(*sign)).map(|(_, shape)| *shape);
        Some(Field {
            name: if name == "+" { "" } else { name },
            number: number.parse().ok()?,
            shape: shape.unwrap_or(Shape::One),
            of: if shape.is_some() { &rest[1..] } else { rest },
        })
    }
}

/// Reads a body.
///
/// # Errors
/// It is cut short, no protobuf of Kubernetes, or of a kind that is not known.
pub fn to_json(body: &[u8]) -> Result<Value, String> {
    let rest = body
        .strip_prefix(MAGIC)
        .ok_or("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Wire(rest) {
        match field? {
            (1, Token::Bytes(bytes)) => {
                for part in Wire(bytes) {
                    match part? {
                        (1, Token::Bytes(bytes)) => version = text(bytes)?,
                        (2, Token::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Token::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = name_of(&version, &kind).ok_or_else(|| {
        format!("no kind {kind:?} is registered for version {version:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\"")
    })?;
    let mut fields = Map::new();
    message(&name, raw, &mut fields, 0)?;
    fields.insert("apiVersion".to_owned(), version.into());
    fields.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(fields))
}

/// `apps/v1` and `Deployment`: `apps.v1.Deployment`
fn name_of(version: &str, kind: &str) -> Option<String> {
    let (group, version) = version.split_once('/').unwrap_or(("core", version));
    let own = format!("{}.{version}.{kind}", group.split('.').next().unwrap_or(""));
    let any = format!("meta.v1.{kind}");
    [own, any].into_iter().find(|name| MESSAGES.contains_key(name.as_str()))
}

fn message(name: &str, bytes: &[u8], into: &mut Map<String, Value>, depth: u32) -> Result<(), String> {
    if depth > MOST_DEPTH {
        return Err("exceeded max depth".to_owned());
    }
    let fields = MESSAGES.get(name).map_or(&[][..], Vec::as_slice);
    for token in Wire(bytes) {
        let (number, token) = token?;
        let Some(field) = fields.iter().find(|field| field.number == number) else { continue };
        if field.name.is_empty() {
            if let Token::Bytes(bytes) = token {
                message(field.of, bytes, into, depth + 1)?;
            }
            continue;
        }
        match field.shape {
            Shape::List => {
                let item = value(field.of, &token, depth)?;
                if let Value::Array(items) =
                    into.entry(field.name).or_insert_with(|| Value::Array(Vec::new()))
                {
                    items.push(item);
                }
            }
            Shape::Map => {
                let (key, item) = entry(field.of, &token, depth)?;
                if let Value::Object(items) =
                    into.entry(field.name).or_insert_with(|| Value::Object(Map::new()))
                {
                    items.insert(key, item);
                }
            }
            Shape::Pointer => {
                into.insert(field.name.to_owned(), value(field.of, &token, depth)?);
            }
            Shape::One => {
                let value = value(field.of, &token, depth)?;
                if !is_zero(&value) {
                    into.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn entry(of: &str, token: &Token<'_>, depth: u32) -> Result<(String, Value), String> {
    let (mut key, mut item) = (String::new(), None);
    for part in Wire(token.bytes()?) {
        match part? {
            (1, token) => key = text(token.bytes()?)?,
            (2, token) => item = Some(value(of, &token, depth)?),
            _ => {}
        }
    }
    // An entry without a value has the zero of its type.
    let item = match item {
        Some(item) => item,
        None => value(of, &Token::Bytes(&[]), depth)?,
    };
    Ok((key, item))
}

fn value(of: &str, token: &Token<'_>, depth: u32) -> Result<Value, String> {
    if let Some(of) = of.strip_prefix("items:") {
        let items = Wire(token.bytes()?).map(|item| value(of, &item?.1, depth));
        return items.collect::<Result<Vec<Value>, String>>().map(Value::Array);
    }
    Ok(match of {
        "s" => text(token.bytes()?)?.into(),
        "b" => (token.number()? != 0).into(),
        "i" => signed(token.number()?).into(),
        "d" => f64::from_bits(token.number()?).into(),
        "y" => BASE64_STANDARD.encode(token.bytes()?).into(),
        "Quantity" => first(token)?.map_or(Ok("0".to_owned()), text)?.into(),
        "RawExtension" | "FieldsV1" | "apiextensions.v1.JSON" => match first(token)? {
            Some(raw) => serde_json::from_slice(raw).map_err(|error| error.to_string())?,
            None => Value::Null,
        },
        "IntOrString" => int_or_string(token)?,
        "Time" | "MicroTime" => time(of, token)?,
        "Duration" => {
            let nanos =
                Wire(token.bytes()?).next().transpose()?.map_or(Ok(0), |(_, token)| token.number())?;
            format!("{}ms", signed(nanos) / 1_000_000).into()
        }
        name => {
            let mut fields = Map::new();
            message(name, token.bytes()?, &mut fields, depth + 1)?;
            if name.starts_with(EITHER) { either(name, fields) } else { Value::Object(fields) }
        }
    })
}

/// A schema, or what stands in its place: several, names, or whether anything goes.
fn either(name: &str, mut fields: Map<String, Value>) -> Value {
    let list = ["jSONSchemas", "property"].into_iter().find_map(|field| fields.remove(field));
    match fields.remove("schema").or(list) {
        Some(value) => value,
        None if name.ends_with("OrBool") => fields.contains_key("allows").into(),
        None => Value::Null,
    }
}

/// The bytes of the first field.
fn first<'a>(token: &Token<'a>) -> Result<Option<&'a [u8]>, String> {
    for part in Wire(token.bytes()?) {
        if let (1, token) = part? {
            return token.bytes().map(Some);
        }
    }
    Ok(None)
}

fn int_or_string(token: &Token<'_>) -> Result<Value, String> {
    let (mut is_text, mut number, mut word) = (false, 0, String::new());
    for part in Wire(token.bytes()?) {
        match part? {
            (1, token) => is_text = token.number()? == 1,
            (2, token) => number = signed(token.number()?),
            (3, token) => word = text(token.bytes()?)?,
            _ => {}
        }
    }
    Ok(if is_text { word.into() } else { number.into() })
}

fn time(of: &str, token: &Token<'_>) -> Result<Value, String> {
    let (mut seconds, mut nanos) = (0, 0);
    for part in Wire(token.bytes()?) {
        match part? {
            (1, token) => seconds = signed(token.number()?),
            (2, token) => nanos = signed(token.number()?),
            _ => {}
        }
    }
    if (seconds, nanos) == (0, 0) {
        return Ok(Value::Null);
    }
    let date = Timestamp::from_millis(seconds.saturating_mul(1000)).rfc3339();
    Ok(match of {
        "MicroTime" => format!("{}.{:06}Z", date.trim_end_matches('Z'), nanos / 1000).into(),
        _ => date.into(),
    })
}

/// Negative numbers are written in two's complement.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "string field contains invalid UTF-8".to_owned())
}

/// A field's value on the wire.
enum Token<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Token<'a> {
    fn number(&self) -> Result<u64, String> {
        match self {
            Token::Number(number) => Ok(*number),
            Token::Bytes(_) => Err("wrong wireType".to_owned()),
        }
    }

    fn bytes(&self) -> Result<&'a [u8], String> {
        match self {
            Token::Bytes(bytes) => Ok(bytes),
            Token::Number(_) => Err("wrong wireType".to_owned()),
        }
    }
}

/// The fields of a message, in order.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or("unexpected EOF")?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("proto: integer overflow".to_owned())
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.0.split_at_checked(length).ok_or("unexpected EOF")?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Token<'a>), String> {
        let key = self.varint()?;
        let little = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let token = match key & 7 {
            0 => Token::Number(self.varint()?),
            1 => Token::Number(little(self.take(8)?)),
            2 => {
                let length = self.varint()?;
                Token::Bytes(self.take(length)?)
            }
            5 => Token::Number(little(self.take(4)?)),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        Ok((key >> 3, token))
    }
}

impl<'a> Iterator for Wire<'a> {
    type Item = Result<(u64, Token<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat()
    }

    fn wrapped(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC, &field(1, &meta), &field(2, raw)].concat()
    }

    #[test]
    fn a_deployment_is_read_and_zero_is_no_nothing() {
        let metadata = [field(1, b"web"), field(2, b""), vec![7 << 3, 0]].concat();
        // `replicas` is a pointer: 0 is meant. `minReadySeconds` is none.
        let spec = [vec![1 << 3, 0], vec![5 << 3, 0]].concat();
        let raw = [field(1, &metadata), field(2, &spec), field(3, b"")].concat();
        let expected = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 0}
        });
        assert_eq!(to_json(&wrapped("apps/v1", "Deployment", &raw)), Ok(expected));
    }

    #[test]
    fn bytes_maps_and_numbers_or_names() {
        let entry = [field(1, b"key"), field(2, b"\xff\x00")].concat();
        let secret = to_json(&wrapped("v1", "Secret", &field(2, &entry))).expect("it is whole");
        assert_eq!(secret["data"]["key"], "/wA=");
        let target = [vec![1 << 3, 1], field(3, b"http")].concat();
        let port = [vec![3 << 3, 80], field(4, &target)].concat();
        let service = to_json(&wrapped("v1", "Service", &field(2, &field(1, &port)))).expect("it is whole");
        assert_eq!(service["spec"]["ports"][0], serde_json::json!({"port": 80, "targetPort": "http"}));
    }

    #[test]
    fn rules_and_defaults_of_a_definition() {
        // The fields above 15 take two bytes for their number.
        let rules = |rule: &str| [&[0xe2, 0x02][..], &field(1, &field(1, rule.as_bytes()))[1..]].concat();
        let schema = [field(8, &field(1, b"3")), rules("self > 1"), rules("self < 9")].concat();
        let validation = field(1, &schema);
        let version = [field(1, b"v1"), field(4, &validation)].concat();
        let raw = field(2, &field(7, &version));
        let kind = "CustomResourceDefinition";
        let read = to_json(&wrapped("apiextensions.k8s.io/v1", kind, &raw)).expect("it is whole");
        let expected = serde_json::json!({
            "default": 3, "x-kubernetes-validations": [{"rule": "self > 1"}, {"rule": "self < 9"}]
        });
        assert_eq!(read["spec"]["versions"][0]["schema"]["openAPIV3Schema"], expected);
    }

    #[test]
    fn what_is_cut_short_or_foreign_is_refused() {
        let whole = wrapped("v1", "ConfigMap", &field(1, &field(1, b"settings")));
        assert!(to_json(&whole).is_ok());
        for end in 0..whole.len() {
            // What is cut between two fields lacks its kind, or is a shorter message.
            if let Ok(read) = to_json(&whole[..end]) {
                assert_eq!(read["metadata"], Value::Null, "{end}");
            }
        }
        assert!(to_json(b"{}").is_err());
        assert!(to_json(&wrapped("v9", "Nothing", b"")).is_err());
        let mut deep = Vec::new();
        for _ in 0..40 {
            deep = field(9, &deep);
        }
        assert!(to_json(&wrapped("v1", "ConfigMap", &deep)).is_ok(), "what is unknown is passed over");
    }
}
