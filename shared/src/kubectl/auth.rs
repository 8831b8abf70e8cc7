//! `kubectl auth can-i` and `auth whoami`; `auth reconcile` has a module of its own.

mod reconcile;

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::{Args, Flag, optional, output, switch, value};
use super::describe::policy_rules;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::kind;
use super::tabs::{WIDE, align};

pub(super) const FLAGS: &[Flag] = &[
    switch("quiet", Some('q')),
    switch("all-namespaces", Some('A')),
    switch("list", None),
    switch("no-headers", None),
    value("subresource", None),
    value("filename", Some('f')),
    switch("remove-extra-permissions", None),
    switch("remove-extra-subjects", None),
    optional("dry-run", "unchanged"),
    output(),
];

/// Verbs that the server knows for resources.
const VERBS: [&str; 16] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];

/// Verbs that it knows for paths.
const PATH_VERBS: [&str; 8] = ["get", "put", "post", "head", "options", "delete", "patch", "*"];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["whoami", ..] => who_am_i(args, io),
        ["reconcile", ..] => reconcile::run(args, io),
        ["can-i"] if args.is_on("list") => list(args, io),
        ["can-i", ..] if args.is_on("list") => {
            Err(io.fail("list option must be specified with no arguments"))
        }
        ["can-i", ..] if args.is_on("no-headers") => {
            Err(io.fail("--no-headers cannot be set without --list specified"))
        }
        ["can-i", verb, subject] => can_i(verb, subject, args, io),
        ["can-i", ..] => Err(io.fail(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for \
             help and examples.",
        )),
        [] => super::help::parts("auth", io),
        [other, ..] => {
            Err(io.fail(format!("unknown command {other:?}\nSee 'kubectl auth -h' for help and examples")))
        }
    }
}

/// Creates a review and passes on the answer.
fn review(path: &str, body: &Doc, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: path.into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    })?;
    if response.is_success() {
        return Ok(response.body);
    }
    Err(io.end(Failure::of(&response)))
}

fn can_i(verb: &str, subject: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut body = doc!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview" });
    if subject.starts_with('/') {
        if args.get("subresource").is_some() {
            return Err(io.fail("--subresource can not be used with NonResourceURL"));
        }
        if !PATH_VERBS.contains(&verb) {
            io.warn(format!("Warning: verb '{verb}' is not a known verb\n"));
        }
        body.set_at(&["spec", "nonResourceAttributes"], doc!({ "path": subject, "verb": verb }));
    } else {
        let (word, name) = subject.split_once('/').unwrap_or((subject, ""));
        let found = if word == "*" { None } else { kind(word, io)? };
        let everywhere = args.is_on("all-namespaces");
        match &found {
            None if matches!(word, "*" | "users" | "groups") => {}
            None => io.warn(match word.split_once('.') {
                Some((word, group)) => {
                    format!("Warning: the server doesn't have a resource type '{word}' in group '{group}'\n")
                }
                None => format!("Warning: the server doesn't have a resource type '{word}'\n"),
            }),
            Some(kind) if !kind.namespaced && !everywhere => {
                let group = match kind.group.as_str() {
                    "" => String::new(),
                    group => format!(" in group '{group}'"),
                };
                io.warn(format!("Warning: resource '{}' is not namespace scoped{group}\n", kind.plural));
            }
            Some(_) => {}
        }
        if !VERBS.contains(&verb) {
            io.warn(format!("Warning: verb '{verb}' is not a known verb\n"));
        }
        let (resource, group): (Str, Str) = found
            .as_ref()
            .map_or((word.into(), Str::new()), |kind| (kind.plural.clone(), kind.group.clone()));
        let namespaced = found.is_none_or(|kind| kind.namespaced);
        let namespace = if namespaced && !everywhere { args.namespace() } else { "" };
        let mut attributes = doc!({
            "verb": verb, "resource": resource, "group": group, "name": name, "namespace": namespace
        });
        if let Some(part) = args.get("subresource") {
            attributes.set("subresource", part);
        }
        body.set_at(&["spec", "resourceAttributes"], attributes);
    }
    let answer = review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &body, io)?;
    let status = &answer["status"];
    let allowed = status["allowed"].as_bool() == Some(true);
    if !args.is_on("quiet") {
        let mut line = if allowed { "yes" } else { "no" }.to_owned();
        for field in ["reason", "evaluationError"] {
            if let Some(why) = status[field].as_str().filter(|why| !allowed && !why.is_empty()) {
                line.push_str(&format!(" - {why}"));
            }
        }
        io.say(line);
    }
    if allowed { Ok(()) } else { Err(Stop::Exit(1)) }
}

fn list(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.is_on("quiet") || args.is_on("all-namespaces") || args.get("subresource").is_some() {
        return Err(io.fail(
            "list option can't be specified with neither quiet, all-namespaces nor subresource options",
        ));
    }
    let mut body = doc!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview" });
    body.set_at(&["spec", "namespace"], args.namespace());
    let answer = review("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &body, io)?;
    let status = &answer["status"];
    if status["incomplete"].as_bool() == Some(true) {
        let why = status["evaluationError"].str();
        io.warn(format!("Warning: the list may be incomplete: {why}"));
    }
    let mut rules = status["resourceRules"].items().to_vec();
    rules.extend(status["nonResourceRules"].items().iter().cloned());
    let mut text = String::new();
    if !args.is_on("no-headers") {
        text.push_str("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    for line in policy_rules(&rules) {
        text.push_str(&format!("{line}\n"));
    }
    io.print(&align(&text, WIDE));
    Ok(())
}

fn who_am_i(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let body = doc!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews".into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        return Err(match response.code {
            404 => io.fail("the selfsubjectreviews API is not enabled in the cluster"),
            403 => io.fail(
                "the selfsubjectreviews API is not enabled in the cluster or you do not have permission to call it",
            ),
            _ => io.end(Failure::of(&response)),
        });
    }
    let asks = args.get("output").is_some_and(|output| !output.is_empty());
    if let Some(format) = Format::asked(args, io)?.filter(|_| asks) {
        let mut review = response.body.clone();
        review.remove("code");
        if let Format::Name = format {
            // A review has no name.
            io.say("selfsubjectreview.authentication.k8s.io/<unknown>");
            return Ok(());
        }
        return format.show_typed(&review, io);
    }
    let user = &response.body["status"]["userInfo"];
    let mut text = "ATTRIBUTE\tVALUE\n".to_owned();
    for (title, field) in [("Username", "username"), ("UID", "uid")] {
        if !user[field].is_empty() {
            text.push_str(&format!("{title}\t{}\n", user[field].str()));
        }
    }
    let list =
        |list: &Doc| list.items().iter().map(|one| one.str().to_string()).collect::<Vec<_>>().join(" ");
    if !user["groups"].is_empty() {
        text.push_str(&format!("Groups\t[{}]\n", list(&user["groups"])));
    }
    for (key, values) in user["extra"].entries() {
        text.push_str(&format!("Extra: {key}\t[{}]\n", list(values)));
    }
    io.print(&align(&text, WIDE));
    Ok(())
}
