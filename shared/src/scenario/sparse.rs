//! Writing only what differs from its default, so that files and links stay short.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::collections::BTreeMap;
use crate::doc::Str;

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Those fields of an object that differ from their defaults.
pub(super) fn fields<T: Serialize + Default, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    different(value).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// The same for each value of a map.
pub(super) fn values<T: Serialize + Default, S: Serializer>(
    map: &BTreeMap<Str, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut sparse: BTreeMap<&Str, Map<String, Value>> = BTreeMap::new();
    for (key, value) in map {
        sparse.insert(key, different(value).map_err(serde::ser::Error::custom)?);
    }
    sparse.serialize(serializer)
}

fn different<T: Serialize + Default>(value: &T) -> Result<Map<String, Value>, serde_json::Error> {
    let (Value::Object(all), Value::Object(defaults)) =
        (serde_json::to_value(value)?, serde_json::to_value(T::default())?)
    else {
        unreachable!("only objects with fields are written sparsely")
    };
    Ok(all.into_iter().filter(|(field, value)| defaults.get(field) != Some(value)).collect())
}
