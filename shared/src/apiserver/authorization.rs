//! Who may do what.
//!
//! The people of a session may do everything, viewers may look; the cluster's own components are trusted. Who is
//! impersonated (`kubectl --as`) or comes with the token of a service account is held to the roles that are bound to
//! them (RBAC).

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
    let wish = Wish {
        verb: request.verb.name(),
        group: if request.subresource == Subresource::Metrics { "metrics.k8s.io" } else { info.group },
        resource: &resource,
        namespace: &request.namespace,
        name: &request.name,
    };
    if !viewer && allowed_by(user, &wish, store).is_some() {
        return no_escalation(request, store);
    }
    let scope = match (info.namespaced, wish.namespace.is_empty()) {
        (true, false) => format!(" in the namespace \"{}\"", wish.namespace),
        _ => " at the cluster scope".to_owned(),
    };
    let why = format!("{}{scope}", cannot(user, wish.verb, &resource, wish.group));
    Err(Status::forbidden(&request.key(), &why))
}

/// Everybody may ask of themselves, and whoever looks may ask of others.
fn authorize_question(request: &Request, store: &Store) -> Result<(), Status> {
    let Request { user, name: resource, namespace, .. } = request;
    let group = match &**resource {
        "tokenreviews" => "authentication.k8s.io",
        _ => "authorization.k8s.io",
    };
    let wish = Wish { verb: "create", group, resource, namespace, name: "" };
    let may =
        !user.impersonated || resource.starts_with("selfsubject") || allowed_by(user, &wish, store).is_some();
    if may { Ok(()) } else { Err(forbidden(user, &wish)) }
}

/// 403
pub(super) fn forbidden(user: &User, wish: &Wish<'_>) -> Status {
    let Wish { verb, group, resource, namespace, name } = wish;
    let scope = match *namespace {
        "" => " at the cluster scope".to_owned(),
        namespace => format!(" in the namespace \"{namespace}\""),
    };
    let why = format!("{}{scope}", cannot(user, verb, resource, group));
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
        _ if watches => "watch",
        _ if name.is_empty() => "list",
        _ => "get",
    };
    let resource = if part.is_empty() { plural.to_owned() } else { format!("{plural}/{part}") };
    let wish = Wish { verb, group, resource: &resource, namespace, name };
    let asks = plural.starts_with("selfsubject") || !user.impersonated && plural.ends_with("reviews");
    if asks || allowed_by(user, &wish, store).is_some() { Ok(()) } else { Err(forbidden(user, &wish)) }
}

/// `User "u" cannot list resource "pods" in API group ""`
pub(super) fn cannot(user: &User, verb: &str, resource: &str, group: &str) -> String {
    format!("User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{group}\"", user.name)
}

/// Whether something allows it, and what.
pub(super) fn allowed_by(user: &User, wish: &Wish<'_>, store: &Store) -> Option<String> {
    if !user.impersonated {
        let reads = matches!(wish.verb, "get" | "list" | "watch");
        return (!user.read_only || reads).then(String::new);
    }
    if user.groups.iter().any(|group| group == MASTERS) {
        return Some(String::new());
    }
    let found = rules_of(user, wish.namespace, store).into_iter().find(|(_, rules)| {
        let allows = |rule: &Doc| role::allows(rule, wish.verb, wish.group, wish.resource, wish.name);
        rules.items().iter().any(allows)
    });
    found.map(|(why, _)| why)
}

/// Whether a path that is no resource may be asked for.
pub(super) fn path_allowed_by(user: &User, verb: &str, path: &str, store: &Store) -> Option<String> {
    if !user.impersonated || user.groups.iter().any(|group| group == MASTERS) {
        return Some(String::new());
    }
    let has = |doc: &Doc, fits: &dyn Fn(&str) -> bool| doc.items().iter().filter_map(Doc::as_str).any(fits);
    let found = rules_of(user, "", store).into_iter().find(|(_, rules)| {
        rules.items().iter().any(|rule| {
            has(&rule["verbs"], &|known| known == "*" || known == verb)
                && has(&rule["nonResourceURLs"], &|known| match known.strip_suffix('*') {
                    Some(prefix) => path.starts_with(prefix),
                    None => known == path,
                })
        })
    });
    found.map(|(why, _)| why)
}

/// Refuses who is held to roles a path that is no resource, unless one of them names it.
pub(super) fn authorize_path(user: &User, method: &str, path: &str, store: &Store) -> Result<(), Status> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let verb = method.to_lowercase();
    let of_resources = matches!(parts.as_slice(), ["api", _, _, ..] | ["apis", _, _, _, ..]);
    if of_resources || path_allowed_by(user, &verb, path, store).is_some() {
        return Ok(());
    }
    let why = format!("forbidden: User \"{}\" cannot {verb} path \"{path}\"", user.name);
    Err(Status::new(Reason::Forbidden, why))
}

/// The rules that hold for a user in a namespace (and everywhere), each set with what grants it.
pub(super) fn rules_of(user: &User, namespace: &str, store: &Store) -> Vec<(String, Doc)> {
    let cluster_wide = store.list(Kind::ClusterRoleBinding);
    let namespace = Str::from(namespace);
    let here = store.list_namespace(Kind::RoleBinding, &namespace);
    let here = here.filter(|_| !namespace.is_empty());
    let mut found = Vec::new();
    for binding in cluster_wide.chain(here) {
        let Some(subject) = bound_subject(binding, user) else { continue };
        let Some(role) = role_of(binding, store) else { continue };
        let of = &binding.key;
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
        found.push((why, role.body["rules"].clone()));
    }
    found
}

fn role_of<'a>(binding: &Object, store: &'a Store) -> Option<&'a Object> {
    let reference = &binding.body["roleRef"];
    let (kind, namespace) = match reference["kind"].as_str() {
        Some("Role") => (Kind::Role, binding.key.namespace.clone()),
        _ => (Kind::ClusterRole, Str::new()),
    };
    store.get(&Key::new(kind, namespace, reference["name"].str())).map(|role| &**role)
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

/// Nobody gives, by a role or a binding to one, what they do not have themselves.
fn no_escalation(request: &Request, store: &Store) -> Result<(), Status> {
    if request.verb.is_read() || matches!(request.verb, Verb::Delete | Verb::DeleteCollection) {
        return Ok(());
    }
    let user = &request.user;
    let may = |verb: &str, resource: &str, name: &str| {
        let (group, namespace) = ("rbac.authorization.k8s.io", &*request.namespace);
        allowed_by(user, &Wish { verb, group, resource, namespace, name }, store).is_some()
    };
    let body = &request.body;
    let name = body["metadata"]["name"].str();
    let rules = match request.kind {
        Kind::Role | Kind::ClusterRole if !may("escalate", request.kind.info().plural, &name) => {
            body["rules"].clone()
        }
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            let reference = &body["roleRef"];
            let (kind, namespace) = match reference["kind"].as_str() {
                Some("Role") => (Kind::Role, request.namespace.clone()),
                _ => (Kind::ClusterRole, Str::new()),
            };
            let role = reference["name"].str();
            if may("bind", kind.info().plural, &role) {
                return Ok(());
            }
            let role = store.get(&Key::new(kind, namespace, role));
            role.map(|role| role.body["rules"].clone()).unwrap_or_default()
        }
        _ => return Ok(()),
    };
    let missing: Vec<String> =
        rules.items().iter().filter_map(|rule| not_held(user, rule, &request.namespace, store)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!(
        "user \"{}\" (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(user.groups.iter().map(Str::as_str)),
        missing.join("\n")
    );
    Err(Status::forbidden(&Key { name, ..request.key() }, &why))
}

/// What of a rule a user does not have, as Kubernetes prints rules.
fn not_held(user: &User, rule: &Doc, namespace: &str, store: &Store) -> Option<String> {
    let texts = |field: &str| -> Vec<Str> { rule[field].items().iter().map(Doc::str).collect() };
    let (groups, resources) = (texts("apiGroups"), texts("resources"));
    let (paths, names, verbs) = (texts("nonResourceURLs"), texts("resourceNames"), texts("verbs"));
    let any = vec![Str::new()];
    let named = if names.is_empty() { &any } else { &names };
    let held = |verb: &str| {
        let of_resources = groups.iter().all(|group| {
            resources.iter().all(|resource| {
                named.iter().all(|name| {
                    allowed_by(user, &Wish { verb, group, resource, namespace, name }, store).is_some()
                })
            })
        });
        of_resources && paths.iter().all(|path| path_allowed_by(user, verb, path, store).is_some())
    };
    let missing: Vec<&str> = verbs.iter().map(Str::as_str).filter(|verb| !held(verb)).collect();
    if missing.is_empty() {
        return None;
    }
    let fields = [
        ("APIGroups", &groups),
        ("Resources", &resources),
        ("NonResourceURLs", &paths),
        ("ResourceNames", &names),
    ];
    let said = fields.iter().filter(|(_, values)| !values.is_empty());
    let said = said.map(|(field, values)| format!("{field}:{}", quoted(values.iter().map(Str::as_str))));
    let all: Vec<String> = said.chain([format!("Verbs:{}", quoted(missing.into_iter()))]).collect();
    Some(format!("{{{}}}", all.join(", ")))
}

/// `["a" "b"]`, as Go prints a list of texts.
fn quoted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" "))
}
