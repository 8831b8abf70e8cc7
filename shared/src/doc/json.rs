//! Documents to and from JSON text, and through serde.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Doc, Map, Str, intern};

impl Doc {
    /// Compact JSON, keys in order.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a document always prints")
    }

    /// Compact JSON as Go writes it: what could end a script or begin a tag is escaped.
    pub fn to_go_json(&self) -> String {
        escaped(self.to_json())
    }

    /// Indented JSON as `kubectl -o json` prints it (four spaces), in Go's way.
    pub fn to_json_pretty(&self) -> String {
        self.indented(b"    ")
    }

    /// Indented JSON as the API server gives it to programs that people look at (two spaces).
    pub fn to_json_indented(&self) -> String {
        self.indented(b"  ")
    }

    fn indented(&self, by: &[u8]) -> String {
        let mut out = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(by);
        let mut writer = serde_json::Serializer::with_formatter(&mut out, indent);
        self.serialize(&mut writer).expect("a document always prints");
        escaped(String::from_utf8(out).expect("JSON is UTF-8"))
    }
}

/// These characters stand in texts alone.
fn escaped(json: String) -> String {
    const ESCAPES: [(char, &str); 5] = [
        ('&', "\\u0026"),
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    ESCAPES.into_iter().fold(
        json,
        |json, (plain, escape)| {
            if json.contains(plain) { json.replace(plain, escape) } else { json }
        },
    )
}

/// Reads JSON text. Depth is bounded by serde_json (128 levels).
///
/// # Errors
/// Where and why the text is no JSON.
pub fn parse_json(text: &str) -> Result<Doc, serde_json::Error> {
    serde_json::from_str(text)
}

/// Anything that serde writes, as a document.
///
/// # Panics
/// If it has keys that are no text, or numbers that are no JSON.
pub fn to_doc<T: Serialize>(value: &T) -> Doc {
    let text = serde_json::to_string(value).expect("plain data always prints");
    parse_json(&text).expect("what was printed reads back")
}

impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Doc::Null => serializer.serialize_unit(),
            Doc::Bool(value) => serializer.serialize_bool(*value),
            Doc::Int(value) => serializer.serialize_i64(value.get()),
            Doc::Float(value) => serializer.serialize_f64(value.get()),
            Doc::Str(text) => serializer.serialize_str(text),
            Doc::Time(time) => serializer.serialize_str(&time.rfc3339()),
            Doc::MicroTime(time) => serializer.serialize_str(&time.rfc3339_micros()),
            Doc::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Doc::Map(map) => {
                let mut object = serializer.serialize_map(Some(map.entries().len()))?;
                map.entries()
                    .iter()
                    .try_for_each(|(key, value)| object.serialize_entry(key.as_str(), value))?;
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Doc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Doc, D::Error> {
        struct DocVisitor;

        impl<'de> Visitor<'de> for DocVisitor {
            type Value = Doc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Doc, E> {
                Ok(Doc::Null)
            }
            fn visit_none<E>(self) -> Result<Doc, E> {
                Ok(Doc::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Doc, D::Error> {
                Doc::deserialize(deserializer)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Doc, E> {
                Ok(Doc::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Doc, E> {
                Ok(Doc::from(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Doc, E> {
                Ok(i64::try_from(value).map_or(Doc::from(value as f64), Doc::from))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Doc, E> {
                if value.is_finite() {
                    Ok(Doc::from(value))
                } else {
                    Err(E::custom("a number must be finite"))
                }
            }
            fn visit_str<E>(self, value: &str) -> Result<Doc, E> {
                Ok(Doc::Str(intern(value)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Doc, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                items.shrink_to_fit();
                Ok(Doc::List(items.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Doc, A::Error> {
                let mut entries: Vec<(Str, Doc)> = Vec::new();
                while let Some(key) = access.next_key::<Key>()? {
                    entries.push((key.0, access.next_value()?));
                }
                Ok(Doc::Map(entries.into_iter().collect::<Map>()))
            }
        }

        deserializer.deserialize_any(DocVisitor)
    }
}

struct Key(Str);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E>(self, value: &str) -> Result<Key, E> {
                Ok(Key(intern(value)))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
