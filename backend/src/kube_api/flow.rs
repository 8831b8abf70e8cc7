//! Which FlowSchema a request is of, and which priority level: clients and tests of API priority and fairness read it in the
//! headers of answers. Nobody waits here.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use shared::{
    api::{Key, Kind, User, is_on},
    cluster::{Cluster, HttpRequest},
    doc::{Doc, Str},
};

const SCHEMA: HeaderName = HeaderName::from_static("x-kubernetes-pf-flowschema-uid");
const LEVEL: HeaderName = HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");

/// The UIDs of the two.
pub struct Flow {
    schema: Str,
    level: Str,
}

impl Flow {
    /// That of a request, if it is known who asks.
    pub fn of(cluster: &Cluster, http: &HttpRequest, user: User) -> Option<Self> {
        let store = cluster.store();
        let now = cluster.core().timestamp();
        let user = cluster.apiserver().authenticate(http, user, store, now).ok()?;
        let asked = Asked::of(http);
        let precedence = |schema: &Doc| schema["spec"]["matchingPrecedence"].as_i64().unwrap_or(i64::MAX);
        let mut schemas: Vec<_> = store.list(Kind::FlowSchema).collect();
        // Those of the same precedence are looked at by name, as they are listed.
        schemas.sort_by_key(|schema| precedence(&schema.body));
        let fits = |rule: &Doc| {
            rule["subjects"].items().iter().any(|subject| is_meant(subject, &user)) && asked.is_of(rule)
        };
        let schema = schemas.into_iter().find(|one| one.body["spec"]["rules"].items().iter().any(fits))?;
        let level = schema.body["spec"]["priorityLevelConfiguration"]["name"].str();
        let level = store.get(&Key::new(Kind::PriorityLevelConfiguration, Str::new(), level))?;
        Some(Self { schema: schema.meta.uid.text(), level: level.meta.uid.text() })
    }

    /// Says so in an answer.
    pub fn tell(&self, response: &mut Response) {
        for (name, uid) in [(SCHEMA, &self.schema), (LEVEL, &self.level)] {
            if let Ok(value) = HeaderValue::from_str(uid) {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

fn is_meant(subject: &Doc, user: &User) -> bool {
    match subject["kind"].as_str() {
        Some("User") => [&user.name, "*"].contains(&&*subject["user"]["name"].str()),
        Some("Group") => {
            let name = subject["group"]["name"].str();
            name == "*" || user.groups.contains(&name)
        }
        Some("ServiceAccount") => {
            let of = &subject["serviceAccount"];
            let own = user.name.strip_prefix("system:serviceaccount:").and_then(|name| name.split_once(':'));
            let wanted = of["name"].str();
            own.is_some_and(|(namespace, name)| {
                of["namespace"].as_str() == Some(namespace) && (wanted == "*" || wanted == name)
            })
        }
        _ => false,
    }
}

/// What a request does, and with what.
struct Asked<'a> {
    verb: &'a str,
    path: &'a str,
    resource: Option<Resource<'a>>,
}

struct Resource<'a> {
    group: &'a str,
    /// With its part after a slash.
    name: String,
    namespace: &'a str,
}

impl<'a> Asked<'a> {
    fn of(http: &'a HttpRequest) -> Self {
        let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => return Self { verb: lowered(&http.method), path, resource: None },
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let watches = shared::api::query(query).iter().any(|(key, value)| key == "watch" && is_on(value));
        let one = rest.len() > 1;
        let verb = match (&*http.method, one) {
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            (_, true) => "get",
            (_, false) if watches => "watch",
            (_, false) => "list",
        };
        let part = rest.get(2).map_or(String::new(), |part| format!("/{part}"));
        let resource = Resource { group, name: format!("{}{part}", rest[0]), namespace };
        Self { verb, path, resource: Some(resource) }
    }

    fn is_of(&self, rule: &Doc) -> bool {
        let has = |list: &Doc, wanted: &str| {
            list.items()
                .iter()
                .any(|one| matches!(one.as_str(), Some(known) if known == "*" || known == wanted))
        };
        let Some(resource) = &self.resource else {
            let at = |known: &Doc| match known.str().strip_suffix('*') {
                Some(prefix) => self.path.starts_with(prefix),
                None => known.as_str() == Some(self.path),
            };
            let rules = rule["nonResourceRules"].items();
            return rules.iter().any(|rule| {
                has(&rule["verbs"], self.verb) && rule["nonResourceURLs"].items().iter().any(at)
            });
        };
        rule["resourceRules"].items().iter().any(|rule| {
            let place = match resource.namespace {
                "" => rule["clusterScope"].as_bool() == Some(true),
                namespace => has(&rule["namespaces"], namespace),
            };
            place
                && has(&rule["verbs"], self.verb)
                && has(&rule["apiGroups"], resource.group)
                && has(&rule["resources"], &resource.name)
        })
    }
}

fn lowered(method: &str) -> &'static str {
    match method {
        "POST" => "post",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "get",
    }
}
