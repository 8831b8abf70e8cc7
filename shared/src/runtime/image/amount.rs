//! Amounts in an image's behaviour: written as Kubernetes' quantities or as plain numbers.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::api::quantity::Amount;
use crate::doc::Doc;

fn thousandths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let doc = Doc::deserialize(deserializer)?;
    let amount = Amount::read(&doc).and_then(|amount| u64::try_from(amount.milli).ok());
    amount.ok_or_else(|| D::Error::custom(format!("{doc} is no amount such as 250m or 64Mi")))
}

/// CPU in thousandths of a core.
pub mod cpu {
    use super::*;

    pub fn serialize<S: Serializer>(milli: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Amount { milli: i128::from(*milli), binary: false })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(u32::try_from(thousandths(deserializer)?).unwrap_or(u32::MAX))
    }
}

/// Memory in bytes.
pub mod memory {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Amount { milli: i128::from(*bytes) * 1000, binary: true })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Ok(thousandths(deserializer)?.div_ceil(1000))
    }
}
