//! Values that no JSON has: each stands as a map of one key that no text can name.

use crate::doc::{Doc, Map, Str};

pub(super) const OPTIONAL: &str = "\0optional";
pub(super) const QUANTITY: &str = "\0kubernetes.Quantity";
pub(super) const IP: &str = "\0net.IP";
pub(super) const CIDR: &str = "\0net.CIDR";
pub(super) const URL: &str = "\0kubernetes.URL";
pub(super) const SEMVER: &str = "\0kubernetes.Semver";
/// Of which the content has a letter for each byte, that of the same number.
pub(super) const BYTES: &str = "\0bytes";
pub(super) const FAILED: &str = "\0failed";
pub(super) const FORMAT: &str = "\0kubernetes.NamedFormat";
pub(super) const AUTHORIZER: &str = "\0kubernetes.authorization.Authorizer";
pub(super) const CHECK: &str = "\0kubernetes.authorization.ResourceCheck";
pub(super) const DECISION: &str = "\0kubernetes.authorization.Decision";

/// A value of such a type.
pub(super) fn value_of(kind: &str, content: impl Into<Doc>) -> Doc {
    let mut map = Map::default();
    map.insert(kind, content.into());
    Doc::Map(map)
}

/// The type of a value, and what it holds, if it is one of these.
pub(super) fn opened(value: &Doc) -> Option<(&Str, &Doc)> {
    let Doc::Map(map) = value else { return None };
    match map.entries() {
        [(kind, content)] if kind.starts_with('\0') => Some((kind, content)),
        _ => None,
    }
}

/// What a value of a type holds.
pub(super) fn content<'v>(kind: &str, value: &'v Doc) -> Option<&'v Doc> {
    opened(value).filter(|(known, _)| *known == kind).map(|(_, content)| content)
}

/// Bytes.
pub fn bytes(all: &[u8]) -> Doc {
    value_of(BYTES, all.iter().map(|byte| char::from(*byte)).collect::<String>())
}

/// A value that could not be made: whoever reads it fails with this.
pub fn failed(why: &str) -> Doc {
    value_of(FAILED, why)
}

/// The bytes that such a value holds.
pub(super) fn as_bytes(of: &Doc) -> Option<Vec<u8>> {
    let letters = content(BYTES, of)?.as_str()?.chars();
    letters.map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}

/// A value that may be missing.
pub fn optional(value: Option<Doc>) -> Doc {
    value_of(OPTIONAL, Doc::list(value))
}

/// The value, if it is one that may be missing.
pub(super) fn as_optional(of: &Doc) -> Option<Option<&Doc>> {
    content(OPTIONAL, of).map(|held| held.items().first())
}
