//! Patching one object and saying what came of it.

use crate::doc::Doc;

use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::Target;

/// Sends a patch of media type `application/{kind}-patch+json`; true when it was taken.
pub(super) fn send(
    target: &Target,
    kind: &str,
    manager: &str,
    patch: &Doc,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<bool, Stop> {
    let response = io.request(target.patch(kind, manager, patch))?;
    if !response.is_success() {
        failures.push(Failure::of(&response));
    }
    Ok(response.is_success())
}
