//! Which objects a command line means, and where the API server keeps them.

use std::fmt::Write;

use crate::api::Kind;
use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str};

use super::args::Args;
use super::failure::Failure;
use super::io::{Io, Stop};

/// A kind, and the object called so; no name means all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub kind: Kind,
    pub namespace: Str,
    pub name: Str,
}

impl Target {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Target {
        let namespace = if kind.info().namespaced { namespace } else { "" };
        Target { kind, namespace: namespace.into(), name: name.into() }
    }

    /// `/apis/apps/v1/namespaces/default/deployments/web`
    pub fn path(&self) -> String {
        let info = self.kind.info();
        let mut path = match info.group {
            "" => format!("/api/{}", info.version),
            group => format!("/apis/{group}/{}", info.version),
        };
        if !self.namespace.is_empty() {
            let _ = write!(path, "/namespaces/{}", escape(&self.namespace));
        }
        let _ = write!(path, "/{}", info.plural);
        if !self.name.is_empty() {
            let _ = write!(path, "/{}", escape(&self.name));
        }
        path
    }

    /// `deployment.apps/web`
    pub fn display(&self) -> String {
        format!("{}/{}", type_name(self.kind), self.name)
    }

    /// `/v1, Resource=pods`: how Go prints the kind's resource.
    pub fn resource(&self) -> String {
        let info = self.kind.info();
        format!("{}/{}, Resource={}", info.group, info.version, info.plural)
    }

    /// The failure to get it, or them.
    pub fn failure(&self, response: &HttpResponse, args: &Args) -> Failure {
        let failure = Failure::of(response);
        if !self.name.is_empty() {
            return failure;
        }
        let selector = |flag| args.get(flag).unwrap_or("");
        failure.looking_for(&self.resource(), selector("selector"), selector("field-selector"))
    }

    pub fn get(&self) -> HttpRequest {
        HttpRequest { method: "GET".into(), path: self.path().into(), ..HttpRequest::default() }
    }

    /// A PATCH of media type `application/{kind}-patch+json`.
    pub fn patch(&self, kind: &str, manager: &str, patch: &Doc) -> HttpRequest {
        HttpRequest {
            method: "PATCH".into(),
            path: format!("{}?fieldManager={manager}", self.path()).into(),
            content_type: format!("application/{kind}-patch+json").into(),
            body: patch.to_json().into(),
            ..HttpRequest::default()
        }
    }
}

/// `pod`, `deployment.apps`: how kubectl names a kind in front of a slash.
pub(super) fn type_name(kind: Kind) -> String {
    let info = kind.info();
    if info.group.is_empty() { info.singular.to_owned() } else { format!("{}.{}", info.singular, info.group) }
}

/// Text as part of a path or query.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The kinds that `deploy,po` or `all` means.
pub(super) fn kinds(words: &str, io: &mut Io<'_>) -> Result<Vec<Kind>, Stop> {
    let mut kinds = Vec::new();
    for word in words.split(',').filter(|word| !word.is_empty()) {
        if let Some(kind) = Kind::named(word) {
            kinds.push(kind);
            continue;
        }
        let category = Kind::ALL.iter().copied().filter(|kind| kind.info().categories.contains(&word));
        let before = kinds.len();
        kinds.extend(category);
        if kinds.len() == before {
            return Err(io.fail(format!("the server doesn't have a resource type {word:?}")));
        }
    }
    Ok(kinds)
}

/// What the words after a verb mean: `deploy/web po/x`, `pods a b`, `deploy,po`.
pub(super) fn targets(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<Vec<Target>, Stop> {
    let Some(first) = words.first() else {
        return Err(io.fail(
            "You must specify the type of resource to get. Use \"kubectl get all\" for the most common ones.",
        ));
    };
    let mut targets = Vec::new();
    if first.contains('/') {
        for word in words {
            let Some((kind, name)) =
                word.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
            else {
                return Err(io.fail(
                    "there is no need to specify a resource type as a separate argument when passing arguments in \
                     resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
                     resource/<resource_name>'"
                ));
            };
            let found = kinds(kind, io)?;
            targets.extend(found.into_iter().map(|kind| Target::new(kind, args.namespace(), name)));
        }
        return Ok(targets);
    }
    let found = kinds(first, io)?;
    for kind in found {
        if words.len() == 1 {
            targets.push(Target::new(kind, args.namespace(), ""));
        }
        targets.extend(words[1..].iter().map(|name| Target::new(kind, args.namespace(), name)));
    }
    Ok(targets)
}

/// The same, where every target is one object that is there: with `--all` or `-l` those are looked up. Failures to
/// find one are added to `failures`.
pub(super) fn objects(
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    let mut objects = Vec::new();
    for target in targets(words, args, io)? {
        if !target.name.is_empty() {
            let response = io.request(target.get())?;
            if response.is_success() {
                objects.push((target, response.body));
            } else {
                failures.push(Failure::of(&response));
            }
            continue;
        }
        let selector = args.get("selector");
        if selector.is_none() && !args.is_on("all") {
            return Err(io.fail("resource(s) were provided, but no name was specified"));
        }
        let mut request = target.get();
        if let Some(selector) = selector {
            request.path = format!("{}?labelSelector={}", request.path, escape(selector)).into();
        }
        let response = io.request(request)?;
        if !response.is_success() {
            failures.push(target.failure(&response, args));
            continue;
        }
        for item in response.body["items"].items() {
            let found = Target { name: item["metadata"]["name"].str(), ..target.clone() };
            objects.push((found, item.clone()));
        }
    }
    Ok(objects)
}
