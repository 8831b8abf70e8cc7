//! Writing only what differs from its default, so that files and links stay short.

use serde::{Serialize, Serializer};

use crate::collections::BTreeMap;
use crate::doc::{Doc, Map, Str, to_doc};

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Those fields of an object that differ from their defaults.
pub(super) fn fields<T: Serialize + Default, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    different(&to_doc(value), &to_doc(&T::default())).serialize(serializer)
}

/// The same for each value of a map.
pub(super) fn values<T: Serialize + Default, S: Serializer>(
    map: &BTreeMap<Str, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let default = to_doc(&T::default());
    serializer.collect_map(map.iter().map(|(key, value)| (key, different(&to_doc(value), &default))))
}

fn different(all: &Doc, defaults: &Doc) -> Doc {
    let Doc::Map(all) = all else { unreachable!("only objects with fields are written sparsely") };
    let kept = all.entries().iter().filter(|(field, value)| defaults[field.as_str()] != *value);
    Doc::Map(kept.cloned().collect::<Map>())
}
