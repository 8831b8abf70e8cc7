//! Structural schemas: the part of OpenAPI v3 in which a definition says what its resources are like. They are read
//! from their document as they stand.

mod check;
mod costs;
mod embedded;
mod fill;
mod format;
mod lists;
mod pattern;
mod ratchet;
mod rules;
mod typed;
mod well_formed;

pub use check::check;
pub use embedded::{check_embedded, read_embedded};
pub use fill::{defaulted, is_in_embedded_metadata, pruned};
pub use format::fits;
pub use lists::check_lists;
pub use pattern::read as read_pattern;
pub use ratchet::forgive;
pub use rules::check_rules;
pub use typed::type_of;
pub use well_formed::well_formed;

use crate::doc::Doc;

/// Whether the schema says so.
fn says(schema: &Doc, extension: &str) -> bool {
    schema[extension].as_bool() == Some(true)
}

fn preserves_unknown(schema: &Doc) -> bool {
    says(schema, "x-kubernetes-preserve-unknown-fields")
}

fn is_int_or_string(schema: &Doc) -> bool {
    says(schema, "x-kubernetes-int-or-string")
}

/// What objects have that are resources: the root, and those embedded in it.
fn is_of_resource(field: &str) -> bool {
    matches!(field, "apiVersion" | "kind" | "metadata")
}
