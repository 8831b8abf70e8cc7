//! `--raw`: a path that is asked as it is, and an answer that is printed as it comes.

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str};

use super::failure::Failure;
use super::io::{Io, Stop};

/// Sends a request to a path and prints what comes back.
pub(super) fn send(method: &str, path: &str, body: Str, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(why) = no_path(path) {
        return Err(io.fail(format!("--raw must be a valid URL path: parse {path:?}: {why}")));
    }
    let request = HttpRequest { method: method.into(), path: path.into(), body, ..HttpRequest::default() };
    let response = io.request(request)?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response)));
    }
    match &response.body {
        Doc::Str(text) => io.print(text),
        body => io.say(body.to_json()),
    }
    Ok(())
}

/// What is wrong with a path, if anything.
fn no_path(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("empty url".into());
    }
    if !path.starts_with('/') {
        return Some("invalid URI for request".into());
    }
    let places = path.split('?').next()?.match_indices('%');
    let wrong = places
        .map(|(at, _)| path[at..].chars().take(3).collect::<String>())
        .find(|escape| escape.len() < 3 || !escape[1..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    wrong.map(|escape| format!("invalid URL escape {escape:?}"))
}
