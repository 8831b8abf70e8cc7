//! `kubectl auth can-i`

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, switch};
use super::failure::Failure;
use super::io::{Io, Stop};

pub(super) const FLAGS: &[Flag] = &[switch("quiet", Some('q')), switch("all-namespaces", Some('A'))];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let ["can-i", verb, subject] = words.as_slice() else {
        return Err(io.fail("you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples."));
    };
    let (resource, name) = subject.split_once('/').unwrap_or((subject, ""));
    let known = Kind::named(resource);
    if known.is_none() {
        io.warn(format!("Warning: the server doesn't have a resource type '{resource}'\n"));
    }
    let (resource, group) = known.map_or((resource, ""), |kind| (kind.info().plural, kind.info().group));
    let namespaced = known.is_none_or(|kind| kind.info().namespaced);
    let namespace = if namespaced && !args.is_on("all-namespaces") { args.namespace() } else { "" };
    let attributes = doc!({
        "verb": *verb, "resource": resource, "group": group, "name": name, "namespace": namespace
    });
    let mut review = doc!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview" });
    review.set_at(&["spec", "resourceAttributes"], attributes);
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".into(),
        body: review.to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    let allowed = response.body["status"]["allowed"] == Doc::Bool(true);
    if !args.is_on("quiet") {
        io.say(if allowed { "yes" } else { "no" });
    }
    if allowed { Ok(()) } else { Err(Stop::Exit(1)) }
}
