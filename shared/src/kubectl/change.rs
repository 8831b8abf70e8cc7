//! Changing or making one object and saying what came of it.

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str};

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

/// Creates an object and says that it is `done`. `writer` is the query that says who writes, and whether for real.
pub(super) fn create(
    target: &Target,
    writer: &str,
    doc: &Doc,
    done: &str,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let collection = Target { name: Str::new(), ..target.clone() };
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: format!("{}?fieldManager={writer}&fieldValidation=Strict", collection.path()).into(),
        body: doc.to_json().into(),
        ..HttpRequest::default()
    })?;
    if response.is_success() {
        io.say(format!("{} {done}", target.display()));
    } else {
        failures.push(Failure::of(&response));
    }
    Ok(())
}
