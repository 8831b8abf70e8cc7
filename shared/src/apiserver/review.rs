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
            "selfsubjectaccessreviews" => (
                "authorization.k8s.io",
                "SelfSubjectAccessReview",
                access(user, call, "SelfSubjectAccessReview")?,
            ),
            other => {
                let local = other == "localsubjectaccessreviews";
                let kind = if local { "LocalSubjectAccessReview" } else { "SubjectAccessReview" };
                ("authorization.k8s.io", kind, access(&subject(body, kind)?, call, kind)?)
            }
        };
        let mut answer = doc!({
            "kind": kind, "apiVersion": format!("{group}/v1"), "metadata": {}, "status": status, "code": 201i64
        });
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

fn invalid(kind: &str, causes: Vec<CauseDetail>) -> Status {
    let (cause, group) = (&causes[0], "authorization.k8s.io");
    let message = format!("{kind}.{group} \"\" is invalid: {}: {}", cause.field, cause.message);
    Status { kind: kind.into(), group: group.into(), causes, ..Status::new(Reason::Invalid, message) }
}

pub(super) fn info_of(user: &User) -> Doc {
    let mut info = doc!({ "username": &user.name, "groups": Doc::list(user.groups.iter()) });
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
fn subject(body: &Doc, kind: &str) -> Result<User, Status> {
    let spec = &body["spec"];
    let (name, groups) = (spec["user"].str(), spec["groups"].items());
    if name.is_empty() && groups.is_empty() {
        let mut faults = Faults::default();
        faults.invalid("spec.user", &Doc::from(""), "at least one of user or group must be specified");
        return Err(invalid(kind, faults.0));
    }
    let groups = groups.iter().map(Doc::str).collect();
    Ok(User { name, read_only: false, impersonated: true, groups, more: None })
}

fn access(user: &User, call: &Call<'_, '_>, kind: &str) -> Result<Doc, Status> {
    let spec = &call.request.body["spec"];
    let (wanted, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if wanted.is_null() == path.is_null() {
        let mut faults = Faults::default();
        let (field, why) = match wanted.is_null() {
            false => {
                ("spec.nonResourceAttributes", "cannot be specified in combination with resourceAttributes")
            }
            true => (
                "spec.resourceAttributes",
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ),
        };
        faults.invalid(field, wanted, why);
        return Err(invalid(kind, faults.0));
    }
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
    Ok(status)
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
