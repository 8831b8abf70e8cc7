//! Who may do what.
//!
//! The people of a session may do everything, viewers may look; the cluster's own components are trusted. Who is
//! impersonated (`kubectl --as`) or comes with the token of a service account is held to the roles that are bound to
//! them (RBAC).

mod escalation;

use crate::api::rbac::role;
use crate::api::{
    Key, Kind, Object, Reason, Request, Status, Subresource, User, Verb, is_on, percent_decode,
};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::http::HttpRequest;

/// Who is in this group may do everything.
pub(super) const MASTERS: &str = "system:masters";

/// What somebody wants to do.
pub(super) struct Wish<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    /// With its subresource after a slash.
    pub resource: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// Refuses what the asker may not do.
pub(super) fn authorize(request: &Request, store: &Store) -> Result<(), Status> {
    let user = &request.user;
    if request.subresource == Subresource::Document && request.name == "metrics" {
        return authorize_path(user, "GET", "/metrics", store);
    }
    match request.subresource {
        Subresource::AccessReview => return authorize_question(request, store),
        Subresource::Document => return Ok(()),
        _ => {}
    }
    // What a request that is passed on does where it arrives, nobody knows.
    let reads = request.verb.is_read() && request.subresource != Subresource::Proxy;
    let viewer = user.read_only && !reads;
    if !viewer && !user.impersonated {
        return Ok(());
    }
    let info = request.kind.info();
    let part = request.subresource.path();
    let resource = if part.is_empty() { info.plural.to_owned() } else { format!("{}/{part}", info.plural) };
    // Who lists or watches one object alone by its name may do so if they may for that name.
    let only = match request.verb {
        Verb::List | Verb::Watch => request.options.fields.required("metadata.name"),
        _ => None,
    };
    let name = only.filter(|_| request.name.is_empty()).unwrap_or(&request.name);
    let wish = Wish {
        verb: request.verb.name(),
        group: if request.subresource == Subresource::Metrics { "metrics.k8s.io" } else { info.group },
        resource: &resource,
        namespace: &request.namespace,
        name,
    };
    let reason = match viewer {
        true => String::new(),
        false => match allowed_by(user, &wish, store) {
            Ok(_) => return escalation::refuse(request, store),
            Err(reason) => reason,
        },
    };
    let scope = match (info.namespaced, wish.namespace.is_empty()) {
        (true, false) => format!(" in the namespace \"{}\"", wish.namespace),
        _ => " at the cluster scope".to_owned(),
    };
    let why = format!("{}{scope}{}", cannot(user, wish.verb, &resource, wish.group), because(&reason));
    Err(Status::forbidden(&Key { name: name.clone(), ..request.key() }, &why))
}

/// Everybody may ask of themselves, and whoever looks may ask of others.
fn authorize_question(request: &Request, store: &Store) -> Result<(), Status> {
    let Request { user, name: resource, namespace, .. } = request;
    let group = match &**resource {
        "tokenreviews" => "authentication.k8s.io",
        _ => "authorization.k8s.io",
    };
    let wish = Wish { verb: "create", group, resource, namespace, name: "" };
    if !user.impersonated || resource.starts_with("selfsubject") {
        return Ok(());
    }
    demand(user, &wish, store)
}

/// What stands after what somebody cannot do.
fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// Refuses what nothing allows.
pub(super) fn demand(user: &User, wish: &Wish<'_>, store: &Store) -> Result<(), Status> {
    allowed_by(user, wish, store).map(drop).map_err(|reason| forbidden(user, wish, &reason))
}

/// 403
fn forbidden(user: &User, wish: &Wish<'_>, reason: &str) -> Status {
    let Wish { verb, group, resource, namespace, name } = wish;
    let scope = match *namespace {
        "" => " at the cluster scope".to_owned(),
        namespace => format!(" in the namespace \"{namespace}\""),
    };
    let why = format!("{}{scope}{}", cannot(user, verb, resource, group), because(reason));
    let plural = resource.split('/').next().unwrap_or(resource);
    let kind = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let of = if name.is_empty() { kind } else { format!("{kind} \"{name}\"") };
    let (kind, group) = (plural.into(), (*group).into());
    let message = format!("{of} is forbidden: {why}");
    Status { kind, group, name: (*name).into(), ..Status::new(Reason::Forbidden, message) }
}

/// Refuses who may not do what a request seems to want, however it may be wrong otherwise: that is nobody's business who
/// may not ask for it.
pub(super) fn authorize_unread(user: &User, http: &HttpRequest, store: &Store) -> Result<(), Status> {
    if !user.read_only && !user.impersonated {
        return Ok(());
    }
    let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
    let parts: Vec<String> = path.trim_matches('/').split('/').map(percent_decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
        ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
        _ => return authorize_path(user, &http.method, path, store),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..]
            if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) =>
        {
            (*namespace, rest)
        }
        rest => ("", rest),
    };
    let (plural, name, part) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, part, ..] => (*plural, *name, *part),
        [] => return Ok(()),
    };
    let watches = crate::api::query(query).iter().any(|(key, value)| key == "watch" && is_on(value));
    let verb = match http.method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if name.is_empty() => "deletecollection",
        "DELETE" => "delete",
        _ if !name.is_empty() => "get",
        _ if watches => "watch",
        _ => "list",
    };
    let resource = if part.is_empty() { plural.to_owned() } else { format!("{plural}/{part}") };
    let wish = Wish { verb, group, resource: &resource, namespace, name };
    let asks = plural.starts_with("selfsubject") || !user.impersonated && plural.ends_with("reviews");
    if asks { Ok(()) } else { demand(user, &wish, store) }
}

/// `User "u" cannot list resource "pods" in API group ""`
pub(super) fn cannot(user: &User, verb: &str, resource: &str, group: &str) -> String {
    format!("User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{group}\"", user.name)
}

/// What allows it; else why nothing does, as far as there is more to say than that.
pub(super) fn allowed_by(user: &User, wish: &Wish<'_>, store: &Store) -> Result<String, String> {
    if !user.impersonated {
        let reads = matches!(wish.verb, "get" | "list" | "watch");
        return if !user.read_only || reads { Ok(String::new()) } else { Err(String::new()) };
    }
    granted(user, wish.namespace, store, |rule| {
        role::allows(rule, wish.verb, wish.group, wish.resource, wish.name)
    })
}

/// The same of a path that is no resource.
pub(super) fn path_allowed_by(user: &User, verb: &str, path: &str, store: &Store) -> Result<String, String> {
    if !user.impersonated {
        return Ok(String::new());
    }
    let has = |doc: &Doc, fits: &dyn Fn(&str) -> bool| doc.items().iter().filter_map(Doc::as_str).any(fits);
    granted(user, "", store, |rule| {
        has(&rule["verbs"], &|known| known == "*" || known == verb)
            && has(&rule["nonResourceURLs"], &|known| match known.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => known == path,
            })
    })
}

/// What grants a rule that `allows`.
fn granted(
    user: &User,
    namespace: &str,
    store: &Store,
    allows: impl Fn(&Doc) -> bool,
) -> Result<String, String> {
    if user.groups.iter().any(|group| group == MASTERS) {
        return Ok(String::new());
    }
    let held = rules_of(user, namespace, store);
    let fits = |(_, rules): &&(String, Doc)| rules.items().iter().any(&allows);
    match (held.rules.iter().find(fits), held.missing()) {
        (Some((why, _)), _) => Ok(why.clone()),
        (None, Some(missing)) => Err(format!("RBAC: {missing}")),
        (None, None) => Err(String::new()),
    }
}

/// Refuses who is held to roles a path that is no resource, unless one of them names it.
pub(super) fn authorize_path(user: &User, method: &str, path: &str, store: &Store) -> Result<(), Status> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let verb = method.to_lowercase();
    let of_resources = matches!(parts.as_slice(), ["api", _, _, ..] | ["apis", _, _, _, ..]);
    if of_resources {
        return Ok(());
    }
    path_allowed_by(user, &verb, path, store).map(drop).map_err(|reason| {
        let because = because(&reason);
        let why = format!("forbidden: User \"{}\" cannot {verb} path \"{path}\"{because}", user.name);
        Status::new(Reason::Forbidden, why)
    })
}

/// What holds for a user.
pub(super) struct Held {
    /// Sets of rules, each with what grants it.
    pub rules: Vec<(String, Doc)>,
    /// What is wrong with bindings to roles that are not there.
    broken: Vec<String>,
}

impl Held {
    /// The roles that are not there, as Go joins errors.
    pub fn missing(&self) -> Option<String> {
        match self.broken.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(format!("[{}]", many.join(", "))),
        }
    }
}

/// The rules that hold for a user in a namespace (and everywhere).
pub(super) fn rules_of(user: &User, namespace: &str, store: &Store) -> Held {
    let cluster_wide = store.list(Kind::ClusterRoleBinding);
    let namespace = Str::from(namespace);
    let here = store.list_namespace(Kind::RoleBinding, &namespace);
    let here = here.filter(|_| !namespace.is_empty());
    let mut held = Held { rules: Vec::new(), broken: Vec::new() };
    for binding in cluster_wide.chain(here) {
        let Some(subject) = bound_subject(binding, user) else { continue };
        let of = &binding.key;
        let role = match role_of(&binding.body["roleRef"], &of.namespace, store) {
            Ok(role) => role,
            Err(status) => {
                let why = status.message.to_string();
                if !held.broken.contains(&why) {
                    held.broken.push(why);
                }
                continue;
            }
        };
        let place = if of.namespace.is_empty() {
            format!("\"{}\"", of.name)
        } else {
            format!("\"{}/{}\"", of.name, of.namespace)
        };
        let why = format!(
            "RBAC: allowed by {} {place} of {} \"{}\" to {subject}",
            of.kind.info().kind,
            role.key.kind.info().kind,
            role.key.name,
        );
        held.rules.push((why, role.body["rules"].clone()));
    }
    held
}

/// The role that a binding in a namespace (or in none) refers to.
fn role_of<'a>(reference: &Doc, namespace: &Str, store: &'a Store) -> Result<&'a Object, Status> {
    let (kind, namespace) = match reference["kind"].as_str() {
        Some("Role") => (Kind::Role, namespace.clone()),
        _ => (Kind::ClusterRole, Str::new()),
    };
    let key = Key::new(kind, namespace, reference["name"].str());
    store.get(&key).map(|role| &**role).ok_or_else(|| {
        // In singular, as only those name it who look a role up for themselves.
        let info = kind.info();
        let message = format!("{}.{} \"{}\" not found", info.singular, info.group, key.name);
        let (kind, group) = (info.singular.into(), info.group.into());
        Status { kind, group, name: key.name.clone(), ..Status::new(Reason::NotFound, message) }
    })
}

/// As what a binding means a user: `User "bob"`.
fn bound_subject(binding: &Object, user: &User) -> Option<String> {
    binding.body["subjects"].items().iter().find_map(|subject| {
        let name = subject["name"].str();
        match subject["kind"].as_str() {
            Some("User") => (name == user.name).then(|| format!("User \"{name}\"")),
            Some("Group") => user.groups.contains(&name).then(|| format!("Group \"{name}\"")),
            Some("ServiceAccount") => {
                let namespace = match subject["namespace"].str() {
                    own if own.is_empty() => binding.key.namespace.clone(),
                    namespace => namespace,
                };
                (user.name == format!("system:serviceaccount:{namespace}:{name}"))
                    .then(|| format!("ServiceAccount \"{name}/{namespace}\""))
            }
            _ => None,
        }
    })
}
