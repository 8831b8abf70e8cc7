//! Persistent JSON documents: what the store holds and what every component reads.
//!
//! A [`Doc`] is an immutable tree behind reference counts. A changed copy shares every subtree that did not
//! change, so a thousand pods of one template hold one `containers` list, and comparing two revisions skips
//! what they share.

mod de;
mod diff;
pub(crate) mod go_json;
mod json;
pub mod jsonpath;
mod keys;
mod list;
mod map;
mod merge;
mod number;
mod timestamp;

use crate::codec::Codec;
use std::fmt;
use std::ops::Index;

pub use arcstr::{ArcStr as Str, literal};
pub use de::{FieldError, from_doc};
pub use diff::{Change, Path, Segment, diff};
pub use json::{parse_json, to_doc};
pub use jsonpath::JsonPath;
pub use keys::{Name, intern};
pub use list::{Edited, List};
pub use map::{Entries, Map};
pub use merge::{ListMerge, PatchError, json_patch, list_merge, merge_patch, strategic_merge};
pub use number::{Float, Int};
pub use timestamp::Timestamp;

/// A JSON value; times are kept binary and only print as text.
#[derive(Codec, Clone, Default)]
pub enum Doc {
    /// `null`, and what a missing field reads as.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(Int),
    /// Any other number; never NaN.
    Float(Float),
    /// Text.
    Str(Str),
    /// A `metav1.Time`: prints as RFC 3339 with seconds.
    Time(Timestamp),
    /// A `metav1.MicroTime`: prints as RFC 3339 with microseconds.
    MicroTime(Timestamp),
    /// An array.
    List(List),
    /// An object, ordered by key.
    Map(Map),
}

static NULL: Doc = Doc::Null;

impl Doc {
    /// An empty object.
    pub fn map() -> Doc {
        Doc::Map(Map::default())
    }

    /// A list of `items`.
    pub fn list<T: Into<Doc>>(items: impl IntoIterator<Item = T>) -> Doc {
        Doc::List(items.into_iter().map(Into::into).collect())
    }

    /// The value under `key`; `null` when this is no object or has no such key.
    pub fn get(&self, key: &str) -> &Doc {
        match self {
            Doc::Map(map) => map.get(key),
            _ => &NULL,
        }
    }

    /// The value at the end of `path`.
    pub fn at(&self, path: &[&str]) -> &Doc {
        path.iter().fold(self, |doc, key| doc.get(key))
    }

    /// Whether this is `null` (or missing).
    pub fn is_null(&self) -> bool {
        matches!(self, Doc::Null)
    }

    /// Null, `""`, `[]`, `{}`, `0` or `false`: what Go's `omitempty` leaves out.
    pub fn is_empty(&self) -> bool {
        match self {
            Doc::Null | Doc::Bool(false) => true,
            Doc::Int(number) => number.get() == 0,
            Doc::Str(text) => text.is_empty(),
            Doc::List(items) => items.is_empty(),
            Doc::Map(map) => map.entries().is_empty(),
            _ => false,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Doc::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The shared text, or `""`.
    pub fn str(&self) -> Str {
        match self {
            Doc::Str(text) => text.clone(),
            _ => Str::new(),
        }
    }

    /// Hands the text, or the text of a time, to `read`; `""` for anything else.
    fn with_text<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        match self {
            Doc::Str(text) => read(text),
            Doc::Time(time) => time.write(true, read),
            Doc::MicroTime(time) => time.write(false, read),
            _ => read(""),
        }
    }

    /// The whole number, if this is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Doc::Int(number) => Some(number.get()),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Doc::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The moment, whether kept binary or as RFC 3339 text.
    pub fn as_time(&self) -> Option<Timestamp> {
        match self {
            Doc::Time(time) | Doc::MicroTime(time) => Some(*time),
            Doc::Str(text) => Timestamp::parse(text),
            _ => None,
        }
    }

    /// The items; empty when this is no list.
    pub fn items(&self) -> &[Doc] {
        match self {
            Doc::List(items) => items,
            _ => &[],
        }
    }

    /// The entries in key order; empty when this is no object.
    pub fn entries(&self) -> &[(Str, Doc)] {
        match self {
            Doc::Map(map) => map.entries(),
            _ => &[],
        }
    }

    /// The object, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Doc::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The object to change in place; anything else becomes an empty object first.
    pub fn map_mut(&mut self) -> &mut Map {
        if !matches!(self, Doc::Map(_)) {
            *self = Doc::map();
        }
        match self {
            Doc::Map(map) => map,
            _ => unreachable!("made an object above"),
        }
    }

    fn list_mut(&mut self) -> &mut List {
        if !matches!(self, Doc::List(_)) {
            *self = Doc::List(List::default());
        }
        match self {
            Doc::List(items) => items,
            _ => unreachable!("made a list above"),
        }
    }

    /// The items to change in place, one by one; anything else becomes an empty list first.
    pub fn items_mut(&mut self) -> &mut [Doc] {
        self.list_mut().unshared()
    }

    /// The items to add to or to take from; anything else becomes an empty list first.
    pub fn edit_items(&mut self) -> Edited<'_> {
        Edited::of(self.list_mut())
    }

    /// Sets `key`; this becomes an object if it was none.
    pub fn set(&mut self, key: impl Name, value: impl Into<Doc>) {
        self.map_mut().insert(key, value);
    }

    /// Takes `key` out of an object; true when it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        match self {
            Doc::Map(map) if map.contains(key) => map.remove(key),
            _ => false,
        }
    }

    /// The value at the end of `path` to change in place; objects are made on the way.
    pub fn at_mut(&mut self, path: &[&str]) -> &mut Doc {
        path.iter().fold(self, |doc, key| doc.map_mut().entry(key))
    }

    /// Sets the value at the end of `path`; objects are made on the way.
    pub fn set_at(&mut self, path: &[&str], value: impl Into<Doc>) {
        *self.at_mut(path) = value.into();
    }

    /// Sets `key` where it is missing or null.
    pub fn default_to(&mut self, key: &'static str, value: impl Into<Doc>) {
        if self.get(key).is_null() {
            self.set(intern(key), value);
        }
    }

    /// Whether both are the same shared tree or equal scalars (cheap; false says nothing of trees).
    pub fn same(&self, other: &Doc) -> bool {
        match (self, other) {
            (Doc::List(a), Doc::List(b)) => a.same(b),
            (Doc::Map(a), Doc::Map(b)) => a.same(b),
            (Doc::List(_) | Doc::Map(_), _) | (_, Doc::List(_) | Doc::Map(_)) => false,
            _ => self == other,
        }
    }

    /// Shares with `other` the objects and lists that are equal in both, as far as nobody else has a share in what they
    /// are part of.
    pub fn share_with(&mut self, other: &Doc) {
        if !matches!(self, Doc::List(_) | Doc::Map(_)) || self.same(other) {
            return;
        }
        if self == other {
            return self.clone_from(other);
        }
        match (self, other) {
            (Doc::List(mine), Doc::List(theirs)) => mine.share_with(theirs),
            (Doc::Map(mine), Doc::Map(theirs)) => mine.share_with(theirs),
            _ => {}
        }
    }

    /// How a diagnostic names the type of this value.
    pub fn type_name(&self) -> &'static str {
        match self {
            Doc::Null => "null",
            Doc::Bool(_) => "boolean",
            Doc::Int(_) => "integer",
            Doc::Float(_) => "number",
            Doc::Str(_) | Doc::Time(_) | Doc::MicroTime(_) => "string",
            Doc::List(_) => "array",
            Doc::Map(_) => "object",
        }
    }
}

impl PartialEq for Doc {
    /// Equal as JSON: a binary time equals its text, and shared trees are equal without a look inside.
    fn eq(&self, other: &Doc) -> bool {
        match (self, other) {
            (Doc::Null, Doc::Null) => true,
            (Doc::Bool(a), Doc::Bool(b)) => a == b,
            (Doc::Int(a), Doc::Int(b)) => a == b,
            (Doc::Float(a), Doc::Float(b)) => a.get().to_bits() == b.get().to_bits(),
            (Doc::Str(a), Doc::Str(b)) => a == b,
            (Doc::Time(a), Doc::Time(b)) => a.seconds() == b.seconds(),
            (Doc::MicroTime(a), Doc::MicroTime(b)) => a == b,
            (Doc::Time(_) | Doc::MicroTime(_), Doc::Str(_)) => {
                other.with_text(|text| self.with_text(|time| time == text))
            }
            (Doc::Str(_), Doc::Time(_) | Doc::MicroTime(_)) => other == self,
            (Doc::List(a), Doc::List(b)) => a == b,
            (Doc::Map(a), Doc::Map(b)) => a == b,
            _ => false,
        }
    }
}

// A `Float` is never NaN.
impl Eq for Doc {}

impl std::hash::Hash for Doc {
    /// Structural, and the same on every machine when the hasher is [`crate::sim::StateHasher`].
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Doc::Null => state.write_u8(0),
            Doc::Bool(value) => state.write_u8(1 + u8::from(*value)),
            Doc::Int(value) => {
                state.write_u8(3);
                state.write_i64(value.get());
            }
            Doc::Float(value) => {
                state.write_u8(4);
                state.write_u64(value.get().to_bits());
            }
            Doc::Str(text) => {
                state.write_u8(5);
                text.hash(state);
            }
            // As text, since a time that came in as text equals its binary twin.
            Doc::Time(_) | Doc::MicroTime(_) => {
                state.write_u8(5);
                self.with_text(|text| text.hash(state));
            }
            Doc::List(items) => {
                state.write_u8(6);
                items.hash(state);
            }
            Doc::Map(map) => {
                state.write_u8(7);
                map.hash(state);
            }
        }
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Doc {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Index<&str> for Doc {
    type Output = Doc;
    fn index(&self, key: &str) -> &Doc {
        self.get(key)
    }
}

impl Index<usize> for Doc {
    type Output = Doc;
    fn index(&self, at: usize) -> &Doc {
        self.items().get(at).unwrap_or(&NULL)
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $doc:expr;)*) => {
        $(impl From<$from> for Doc { fn from($value: $from) -> Doc { $doc } })*
    };
}
from! {
    bool => |value| Doc::Bool(value);
    i32 => |value| i64::from(value).into();
    u32 => |value| i64::from(value).into();
    i64 => |value| Doc::Int(Int::new(value));
    f64 => |value| Doc::Float(Float::new(value));
    Str => |value| Doc::Str(value);
    &Str => |value| Doc::Str(value.clone());
    &str => |value| Doc::Str(intern(value));
    String => |value| Doc::Str(value.into());
    Map => |value| Doc::Map(value);
    &Doc => |value| value.clone();
}

impl<T: Into<Doc>> From<Option<T>> for Doc {
    fn from(value: Option<T>) -> Doc {
        value.map_or(Doc::Null, Into::into)
    }
}

impl<T: Into<Doc>> From<Vec<T>> for Doc {
    fn from(items: Vec<T>) -> Doc {
        Doc::list(items)
    }
}

/// Writes a [`Doc`] as JSON is written; any expression that is `Into<Doc>` stands for a value.
#[macro_export]
macro_rules! doc {
    (null) => { $crate::doc::Doc::Null };
    ([ $($item:tt),* $(,)? ]) => { $crate::doc::Doc::list::<$crate::doc::Doc>([ $($crate::doc!($item)),* ]) };
    ({ $($entries:tt)* }) => {{
        #[allow(unused_mut)]
        let mut map = $crate::doc::Entries::default();
        $crate::doc_entries!(map; $($entries)*);
        $crate::doc::Doc::Map(map.take_map())
    }};
    ($value:expr) => { $crate::doc::Doc::from($value) };
}

/// The entries of [`doc!`]; not for use by itself.
#[doc(hidden)]
#[macro_export]
macro_rules! doc_entries {
    ($map:ident;) => {};
    ($map:ident; $key:literal : null $(, $($rest:tt)*)?) => {
        $map.put($crate::doc::literal!($key), $crate::doc::Doc::Null);
        $($crate::doc_entries!($map; $($rest)*);)?
    };
    ($map:ident; $key:literal : { $($value:tt)* } $(, $($rest:tt)*)?) => {
        $map.put($crate::doc::literal!($key), $crate::doc!({ $($value)* }));
        $($crate::doc_entries!($map; $($rest)*);)?
    };
    ($map:ident; $key:literal : [ $($value:tt)* ] $(, $($rest:tt)*)?) => {
        $map.put($crate::doc::literal!($key), $crate::doc!([ $($value)* ]));
        $($crate::doc_entries!($map; $($rest)*);)?
    };
    ($map:ident; $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $map.put($crate::doc::literal!($key), $crate::doc::Doc::from($value));
        $($crate::doc_entries!($map; $($rest)*);)?
    };
}
