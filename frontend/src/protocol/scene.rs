//! Scene time between page and worker: whole microseconds. To write and read fractions takes tables that weigh more than all
//! else that the two say when a visit begins.

use serde::{Deserialize, Deserializer, Serializer};

/// Microseconds in a millisecond.
const MICROS: f64 = 1000.0;

pub(super) fn serialize<S: Serializer>(time: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_possible_truncation, reason = "2^63 µs are longer than anybody looks on")]
    serializer.serialize_i64((time * MICROS).round() as i64)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[expect(clippy::cast_precision_loss, reason = "2^53 µs are longer than anybody looks on")]
    i64::deserialize(deserializer).map(|time| time as f64 / MICROS)
}
