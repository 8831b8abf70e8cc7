//! Typed values from documents, through serde: one deserializer for everything that is read, which knows where in the
//! document it is when something is wrong.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Doc, Str};

/// What is wrong in a document, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// The path of the field, as `spec.steps[0].at`; empty for the whole.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// Whether `field` says where.
    placed: bool,
}

/// Reads a typed value.
///
/// # Errors
/// What is wrong, and in which field.
pub fn from_doc<T: DeserializeOwned>(doc: &Doc) -> Result<T, FieldError> {
    let place = Place::Root;
    T::deserialize(At { doc, place: &place }).map_err(|error| error.at(&place))
}

/// Where a value is: a path from the value to the root.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Field(Place::Root, name) => f.write_str(name),
            Place::Field(parent, name) => write!(f, "{parent}.{name}"),
            Place::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

impl FieldError {
    /// Says where it is, unless a place further in was named already.
    fn at(self, place: &Place<'_>) -> FieldError {
        if self.placed { self } else { FieldError { field: place.to_string(), placed: true, ..self } }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> FieldError {
        FieldError { field: String::new(), message: message.to_string(), placed: false }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> FieldError {
        match found {
            Unexpected::Unit => Self::custom(format_args!("invalid type: null, expected {expected}")),
            found => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}

/// A value and its place.
#[derive(Clone, Copy)]
struct At<'a> {
    doc: &'a Doc,
    place: &'a Place<'a>,
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let result = match self.doc {
            Doc::Null => visitor.visit_unit(),
            Doc::Bool(value) => visitor.visit_bool(*value),
            Doc::Int(value) => match u64::try_from(value.get()) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(value.get()),
            },
            Doc::Float(value) => visitor.visit_f64(value.get()),
            Doc::Str(text) => visitor.visit_str(text),
            Doc::Time(time) => visitor.visit_str(&time.rfc3339()),
            Doc::MicroTime(time) => visitor.visit_str(&time.rfc3339_micros()),
            Doc::List(items) => visitor.visit_seq(Items { items, next: 0, place: self.place }),
            Doc::Map(map) => visitor.visit_map(Fields { entries: map.entries(), next: 0, place: self.place }),
        };
        result.map_err(|error| error.at(self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.doc.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let variant = match self.doc {
            Doc::Str(name) => Variant { name, content: None, place: self.place },
            Doc::Map(map) if map.entries().len() == 1 => {
                let (name, content) = &map.entries()[0];
                Variant { name, content: Some(content), place: self.place }
            }
            other => {
                let found = other.type_name();
                let message =
                    format_args!("invalid type: {found}, expected text or an object with one field");
                return Err(<FieldError as de::Error>::custom(message).at(self.place));
            }
        };
        visitor.visit_enum(variant).map_err(|error| error.at(self.place))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Doc],
    next: usize,
    place: &'a Place<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, FieldError> {
        let Some(doc) = self.items.get(self.next) else { return Ok(None) };
        let place = Place::Item(self.place, self.next);
        self.next += 1;
        seed.deserialize(At { doc, place: &place }).map(Some).map_err(|error| error.at(&place))
    }
}

struct Fields<'a> {
    entries: &'a [(Str, Doc)],
    next: usize,
    place: &'a Place<'a>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((key, _)) = self.entries.get(self.next) else { return Ok(None) };
        let place = Place::Field(self.place, key);
        seed.deserialize(key.as_str().into_deserializer())
            .map(Some)
            .map_err(|error: FieldError| error.at(&place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (key, doc) = &self.entries[self.next];
        self.next += 1;
        let place = Place::Field(self.place, key);
        seed.deserialize(At { doc, place: &place }).map_err(|error| error.at(&place))
    }
}

struct Variant<'a> {
    name: &'a str,
    content: Option<&'a Doc>,
    place: &'a Place<'a>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a> {
    type Error = FieldError;
    type Variant = Variant<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), FieldError> {
        let place = Place::Field(self.place, self.name);
        let value = seed.deserialize(self.name.into_deserializer());
        value.map(|value| (value, self)).map_err(|error: FieldError| error.at(&place))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = FieldError;

    fn unit_variant(self) -> Result<(), FieldError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(de::Error::custom(format_args!("`{}` takes no value", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, FieldError> {
        let place = Place::Field(self.place, self.name);
        seed.deserialize(At { doc: self.content.unwrap_or(&Doc::Null), place: &place })
            .map_err(|error| error.at(&place))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, FieldError> {
        let place = Place::Field(self.place, self.name);
        At { doc: self.content.unwrap_or(&Doc::Null), place: &place }.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.tuple_variant(0, visitor)
    }
}
