//! Questions about who one is and what one may: they are created, answered, and not kept.

use crate::api::validation::Faults;
use crate::api::{CauseDetail, Reason, Reply, Status, User};
use crate::doc;
use crate::doc::{Doc, Str};

use super::authorization::{self, Wish, allowed_by, path_allowed_by, rules_of};
use super::{ApiServer, Call};

impl ApiServer {
    /// The answer to a question; the plural of its kind stands in place of a name.
    pub(super) fn review(&self, call: &Call<'_, '_>) -> Result<Reply, Status> {
        let (body, user) = (&call.request.body, &call.request.user);
        let (group, kind, status) = match &*call.request.name {
            "selfsubjectreviews" => {
                ("authentication.k8s.io", "SelfSubjectReview", doc!({ "userInfo": info_of(user) }))
            }
            "tokenreviews" => ("authentication.k8s.io", "TokenReview", self.token_review(call)?),
            "selfsubjectrulesreviews" => {
                ("authorization.k8s.io", "SelfSubjectRulesReview", rules(user, call)?)
            }
            other => {
                let kind = match other {
                    "selfsubjectaccessreviews" => "SelfSubjectAccessReview",
                    "localsubjectaccessreviews" => "LocalSubjectAccessReview",
                    _ => "SubjectAccessReview",
                };
                check(call, kind)?;
                let status = match other {
                    "selfsubjectaccessreviews" => access(user, call),
                    _ => access(&subject(&body["spec"]), call),
                };
                ("authorization.k8s.io", kind, status)
            }
        };
        let mut answer = doc!({
            "kind": kind, "apiVersion": format!("{group}/v1"), "metadata": {}, "status": status, "code": 201i64
        });
        if kind.starts_with("Local") {
            answer.set_at(&["metadata", "namespace"], &call.request.namespace);
        }
        if !body["spec"].is_null() {
            answer.set("spec", body["spec"].clone());
        }
        Ok(Reply::Doc(answer))
    }

    fn token_review(&self, call: &Call<'_, '_>) -> Result<Doc, Status> {
        let token = call.request.body["spec"]["token"].str();
        if token.is_empty() {
            return Err(Status::bad_request("token is required for TokenReview in authentication"));
        }
        Ok(self.reviewed(&call.request.body["spec"], call.store, call.cx.timestamp()))
    }
}

fn invalid(kind: &str, mut causes: Vec<CauseDetail>) -> Status {
    let group = "authorization.k8s.io";
    let mut faults: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let list = if faults.len() == 1 { faults.remove(0) } else { format!("[{}]", faults.join(", ")) };
    let message = format!("{kind}.{group} \"\" is invalid: {list}");
    causes.dedup();
    Status { kind: kind.into(), group: group.into(), causes, ..Status::new(Reason::Invalid, message) }
}

/// What is wrong with a question: it is about one thing, and about somebody; it has no metadata.
fn check(call: &Call<'_, '_>, kind: &str) -> Result<(), Status> {
    let (body, namespace) = (&call.request.body, &call.request.namespace);
    let mut faults = Faults::default();
    let spec = &body["spec"];
    let (wanted, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let shown_path =
        format!("{{\"Path\":{},\"Verb\":{}}}", Doc::from(path["path"].str()), Doc::from(path["verb"].str()));
    match (wanted.is_null(), path.is_null()) {
        (false, false) => {
            let why = "cannot be specified in combination with resourceAttributes";
            faults.invalid_text("spec.nonResourceAttributes", &shown_path, why);
        }
        (true, true) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            faults.invalid_text("spec.resourceAttributes", "\"null\"", why);
        }
        _ => {}
    }
    if !kind.starts_with("Self") && spec["user"].is_empty() && spec["groups"].is_empty() {
        faults.invalid("spec.user", &Doc::from(""), "at least one of user or group must be specified");
    }
    let local = kind.starts_with("Local");
    let mut metadata = body["metadata"].clone();
    // What the server itself would write is not minded.
    for field in ["creationTimestamp", "uid", "managedFields", "selfLink", "deletionTimestamp"] {
        metadata.remove(field);
    }
    if local {
        let own = metadata["namespace"].str();
        if !own.is_empty() && own != *namespace {
            return Err(super::write::other_namespace());
        }
        metadata.remove("namespace");
    }
    if !metadata.is_empty() {
        let why = if local { "must be empty except for namespace" } else { "must be empty" };
        faults.invalid("metadata", &body["metadata"], why);
    }
    if local && !wanted.is_null() && wanted["namespace"].str() != *namespace {
        let field = "spec.resourceAttributes.namespace";
        faults.invalid(field, &wanted["namespace"].str().into(), "must match metadata.namespace");
    }
    if local && !path.is_null() {
        let why = "disallowed on this kind of request";
        faults.invalid_text("spec.nonResourceAttributes", &shown_path, why);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(invalid(kind, faults.0)) }
}

pub(super) fn info_of(user: &User) -> Doc {
    // Who may only look is in no group that may do everything.
    let looks = user.read_only && !user.impersonated;
    let groups = user.groups.iter().filter(|group| !looks || *group != authorization::MASTERS);
    let mut info = doc!({ "username": &user.name, "groups": Doc::list(groups) });
    let Some(more) = &user.more else { return info };
    if !more.uid.is_empty() {
        info.set("uid", &more.uid);
    }
    for (key, values) in &more.extra {
        info.at_mut(&["extra"]).set(key, Doc::list(values.iter()));
    }
    info
}

/// Of whom a review asks.
fn subject(spec: &Doc) -> User {
    let groups = spec["groups"].items().iter().map(Doc::str).collect();
    User { name: spec["user"].str(), read_only: false, impersonated: true, groups, more: None }
}

fn access(user: &User, call: &Call<'_, '_>) -> Doc {
    let spec = &call.request.body["spec"];
    let (wanted, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let found = if wanted.is_null() {
        path_allowed_by(user, &path["verb"].str(), &path["path"].str(), call.store)
    } else {
        let text = |field: &str| wanted[field].str();
        let (verb, group, namespace, name) = (text("verb"), text("group"), text("namespace"), text("name"));
        let resource: Str = match wanted["subresource"].str() {
            part if part.is_empty() => text("resource"),
            part => format!("{}/{part}", text("resource")).into(),
        };
        let wish =
            Wish { verb: &verb, group: &group, resource: &resource, namespace: &namespace, name: &name };
        allowed_by(user, &wish, call.store)
    };
    let mut status = doc!({ "allowed": found.is_ok() });
    let (Ok(reason) | Err(reason)) = found;
    if !reason.is_empty() {
        status.set("reason", reason);
    }
    status
}

fn rules(user: &User, call: &Call<'_, '_>) -> Result<Doc, Status> {
    let namespace = call.request.body["spec"]["namespace"].str();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let all = user.groups.iter().any(|group| group == authorization::MASTERS);
    let (mut resources, mut paths, mut missing) = (Vec::new(), Vec::new(), None);
    if !user.impersonated || all {
        let verbs = if user.read_only { vec!["get", "list", "watch"] } else { vec!["*"] };
        let verbs = Doc::list(verbs);
        resources.push(doc!({ "verbs": verbs.clone(), "apiGroups": ["*"], "resources": ["*"] }));
        paths.push(doc!({ "verbs": verbs, "nonResourceURLs": ["*"] }));
    } else {
        let held = rules_of(user, &namespace, call.store);
        missing = held.missing();
        for (_, rules) in held.rules {
            for rule in rules.items() {
                let into = if rule["nonResourceURLs"].is_null() { &mut resources } else { &mut paths };
                into.push(rule.clone());
            }
        }
    }
    let mut status = doc!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false });
    if let Some(missing) = missing {
        status.set("evaluationError", missing);
    }
    Ok(status)
}
