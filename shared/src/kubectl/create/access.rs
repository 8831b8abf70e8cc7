//! Roles, their bindings, and tokens.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::super::args::Args;
use super::super::failure::Failure;
use super::super::io::{Io, Stop};
use super::super::printer::Format;
use super::super::resource::{Target, kind};
use super::Wish;

type Made = Result<Result<Doc, String>, Stop>;

const GROUP: &str = "rbac.authorization.k8s.io";
const VERBS: [&str; 15] = [
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
    "approve",
];

pub(super) fn role(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    let verbs = verbs(wish);
    if verbs.is_empty() {
        return Ok(Err("at least one verb must be specified".into()));
    }
    warn(&verbs, io);
    if wish.args.each("resource").next().is_none() {
        return Ok(Err("at least one resource must be specified".into()));
    }
    Ok(rules(wish, &verbs, io)?.map(|rules| doc!({ "rules": rules })))
}

pub(super) fn cluster_role(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    let (verbs, urls): (Vec<String>, Vec<&str>) = (verbs(wish), wish.args.each("non-resource-url").collect());
    let resources = wish.args.each("resource").next().is_some();
    if let Some(text) = wish.args.get("aggregation-rule") {
        if let Some(bad) = text.split(',').find(|pair| !pair.contains('=')) {
            return Ok(Err(format!(
                "invalid argument {bad:?} for \"--aggregation-rule\" flag: malformed pair, expect string=string\n\
                 See 'kubectl create clusterrole --help' for usage."
            )));
        }
        if resources || !verbs.is_empty() || !urls.is_empty() || wish.args.get("resource-name").is_some() {
            return Ok(Err(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames".into()
            ));
        }
        let labels = super::super::expose::pairs(text);
        let rule = doc!({ "clusterRoleSelectors": [{ "matchLabels": labels }] });
        return Ok(Ok(doc!({ "aggregationRule": rule, "rules": Doc::Null })));
    }
    if verbs.is_empty() {
        return Ok(Err("at least one verb must be specified".into()));
    }
    if !resources && urls.is_empty() {
        return Ok(Err("one of resource or nonResourceURL must be specified".into()));
    }
    let mut made = Vec::new();
    if resources {
        warn(&verbs, io);
        match rules(wish, &verbs, io)? {
            Ok(rules) => made = rules,
            Err(why) => return Ok(Err(why)),
        }
    }
    const SIMPLE: [&str; 8] = ["*", "get", "post", "put", "delete", "patch", "head", "options"];
    if let Some(verb) = verbs.iter().find(|verb| !urls.is_empty() && !SIMPLE.contains(&verb.as_str())) {
        return Ok(Err(format!("invalid verb: '{verb}' for nonResourceURL")));
    }
    for url in &urls {
        if *url != "*" && !url.starts_with('/') {
            return Ok(Err("nonResourceURL should start with /".into()));
        }
        if *url != "*" && url[..url.len() - 1].contains('*') {
            return Ok(Err("nonResourceURL only supports wildcard matches when '*' is at the end".into()));
        }
    }
    if !urls.is_empty() {
        made.push(doc!({ "nonResourceURLs": Doc::list(urls), "verbs": Doc::list(verbs) }));
    }
    Ok(Ok(doc!({ "rules": made })))
}

/// The verbs, each once; `*` stands for all.
fn verbs(wish: &Wish<'_>) -> Vec<String> {
    let mut verbs: Vec<String> = Vec::new();
    for verb in wish.args.each("verb") {
        if verb == "*" {
            return vec!["*".into()];
        }
        if !verbs.iter().any(|known| known == verb) {
            verbs.push(verb.to_owned());
        }
    }
    verbs
}

fn warn(verbs: &[String], io: &mut Io<'_>) {
    for verb in verbs.iter().filter(|verb| !VERBS.contains(&verb.as_str())) {
        io.warn(format!("Warning: '{verb}' is not a standard resource verb"));
    }
}

/// One rule for each API group.
fn rules(wish: &Wish<'_>, verbs: &[String], io: &mut Io<'_>) -> Result<Result<Vec<Doc>, String>, Stop> {
    let mut groups: BTreeMap<Str, Vec<String>> = BTreeMap::new();
    // All are all: nothing beside it counts.
    let all = wish.args.each("resource").any(|given| given == "*");
    for given in wish.args.each("resource").filter(|given| !all || *given == "*") {
        let (word, part) = given.split_once('/').map_or((given, None), |(word, part)| (word, Some(part)));
        if word.is_empty() {
            return Ok(Err("resource must be specified if apiGroup/subresource specified".into()));
        }
        let (plural, group) = if word == "*" {
            ("*".to_owned(), Str::new())
        } else {
            match kind(word, io)? {
                Some(kind) => (kind.plural.to_string(), kind.group),
                None => {
                    io.warn(match word.split_once('.') {
                        Some((word, group)) => {
                            format!("the server doesn't have a resource type {word:?} in group {group:?}")
                        }
                        None => format!("the server doesn't have a resource type {word:?}"),
                    });
                    return Err(Stop::Exit(1));
                }
            }
        };
        let resource = part.map_or_else(|| plural.clone(), |part| format!("{plural}/{part}"));
        let known = groups.entry(group).or_default();
        if !known.contains(&resource) {
            known.push(resource);
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for name in wish.args.all("resource-name") {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let rule = |(group, resources): (&Str, &Vec<String>)| {
        let resources = Doc::list(resources.iter().map(String::as_str));
        let mut rule = doc!({
            "apiGroups": Doc::list([group.clone()]), "resources": resources,
            "verbs": Doc::list(verbs.iter().map(String::as_str))
        });
        if !names.is_empty() {
            rule.set("resourceNames", Doc::list(names.iter().copied()));
        }
        rule
    };
    Ok(Ok(groups.iter().map(rule).collect()))
}

pub(super) fn binding(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(bound(wish))
}

pub(super) fn cluster_binding(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(bound(wish))
}

fn bound(wish: &Wish<'_>) -> Result<Doc, String> {
    let (cluster_role, role) = (wish.get("clusterrole"), wish.get("role"));
    // One that is called nothing is for the server to refuse.
    let nothing = wish.args.get("clusterrole").is_some() && cluster_role.is_empty();
    if cluster_role.is_empty() == role.is_empty() && !nothing {
        return Err("exactly one of clusterrole or role must be specified".into());
    }
    let (kind, name) = if role.is_empty() { ("ClusterRole", cluster_role) } else { ("Role", role) };
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        let names = wish.args.all(flag).iter();
        subjects.extend(names.map(|name| doc!({ "apiGroup": GROUP, "kind": kind, "name": name.as_str() })));
    }
    for account in wish.args.all("serviceaccount") {
        subjects.push(service_account(account)?);
    }
    let mut made = doc!({ "roleRef": { "apiGroup": GROUP, "kind": kind, "name": name } });
    if !subjects.is_empty() {
        made.set("subjects", subjects);
    }
    Ok(made)
}

/// `namespace:name` as a subject.
pub(in super::super) fn service_account(text: &str) -> Result<Doc, String> {
    let (namespace, name) = text
        .split_once(':')
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains(':'))
        .ok_or("serviceaccount must be <namespace>:<name>")?;
    Ok(doc!({ "kind": "ServiceAccount", "name": name, "namespace": namespace }))
}

/// `kubectl create token NAME`
pub(super) fn token(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let [name] = words else {
        return Err(io.fail(format!(
            "exactly one NAME is required, got {}\nSee 'kubectl create token -h' for help and examples",
            words.len()
        )));
    };
    let mut spec = Doc::map();
    if args.all("audience").iter().any(String::is_empty) {
        return Err(io.fail("--audience must not be an empty string"));
    }
    if !args.all("audience").is_empty() {
        spec.set("audiences", Doc::list(args.all("audience").iter().map(String::as_str)));
    }
    if let Some(text) = args.get("duration") {
        if text.starts_with('-') && !text.trim_matches(['-', '0', 's', 'm', 'h']).is_empty() {
            return Err(io.fail("--duration must be greater than or equal to 0"));
        }
        let Some(length) = Duration::parse(text) else {
            return Err(io.fail(format!(
                "invalid argument {text:?} for \"--duration\" flag: time: invalid duration {text:?}"
            )));
        };
        if length.0 % 1000 != 0 {
            return Err(io.fail("--duration cannot be expressed in units less than seconds"));
        }
        if length.0 > 0 {
            spec.set("expirationSeconds", length.as_seconds() as i64);
        }
    }
    let kindless = args.get("bound-object-kind").is_none_or(str::is_empty);
    for flag in ["bound-object-name", "bound-object-uid"] {
        if kindless && args.get(flag).is_some_and(|value| !value.is_empty()) {
            return Err(io.fail(format!("--{flag} can only be set if --bound-object-kind is provided")));
        }
    }
    if let Some(kind) = args.get("bound-object-kind") {
        if !["Pod", "Secret", "Node"].contains(&kind) {
            return Err(io.fail("supported --bound-object-kind values are Node, Pod, Secret"));
        }
        let Some(name) = args.get("bound-object-name") else {
            return Err(io.fail("--bound-object-name is required if --bound-object-kind is provided"));
        };
        let mut bound = doc!({ "apiVersion": "v1", "kind": kind, "name": name });
        if let Some(uid) = args.get("bound-object-uid") {
            bound.set("uid", uid);
        }
        spec.set("boundObjectRef", bound);
    }
    let format = Format::asked(args, io)?;
    let target = Target::new(Kind::ServiceAccount, args.namespace(), name);
    let body = doc!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: format!("{}/token", target.path()).into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        return Err(match Failure::of(&response) {
            Failure::Server(status) => {
                io.fail(format!("failed to create token: {}", status["message"].str()))
            }
            other => io.end(other),
        });
    }
    match format {
        None => io.print(&response.body["status"]["token"].str()),
        Some(Format::Name) => io.say(format!("tokenrequest.authentication.k8s.io/{name}")),
        Some(format) => {
            let mut made = response.body;
            made.remove("code");
            made.at_mut(&["spec"]).default_to("boundObjectRef", Doc::Null);
            format.show(&made, true, io)?;
        }
    }
    Ok(())
}
