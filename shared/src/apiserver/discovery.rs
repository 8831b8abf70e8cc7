//! What the server says of itself: its version and health, the groups and resources that it serves (each version's on
//! its own, or all at once), their schemas.

use crate::api::{Info, Key, Kind, Status, Subresource};
use crate::collections::{BTreeMap, sort_by_key};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::Signer;

use super::{aggregate, definitions, openapi};

/// In the order in which the server prints it.
const VERSION: &str = "{\n  \"major\": \"1\",\n  \"minor\": \"36\",\n  \"emulationMajor\": \"1\",\n  \"emulationMinor\": \"36\",\n  \
    \"minCompatibilityMajor\": \"1\",\n  \"minCompatibilityMinor\": \"35\",\n  \"gitVersion\": \"v1.36.2\",\n  \
    \"gitCommit\": \"kubarium\",\n  \"gitTreeState\": \"clean\",\n  \"buildDate\": \"2026-08-21T00:00:00Z\",\n  \
    \"goVersion\": \"go1.26.6\",\n  \"compiler\": \"gc\",\n  \"platform\": \"linux/amd64\"\n}";

/// Groups as discovery orders them; others come after these.
const GROUPS: [&str; 21] = [
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// How much each of them counts among others, in fifties; the server answers for the second without an APIService.
const PRIORITIES: [u32; 21] =
    [360, 0, 356, 355, 354, 352, 350, 348, 346, 344, 342, 340, 336, 334, 334, 332, 330, 326, 324, 324, 322];

/// The groups and versions that the server has by itself, with the priorities of group and version.
pub(super) fn own_versions(store: &Store) -> Vec<(&'static str, &'static str, (u32, u32))> {
    let all = versions(store).into_iter().filter_map(|(group, versions)| {
        let at = GROUPS.iter().position(|name| *name == group)?;
        Some((group, PRIORITIES[at] * 50, versions))
    });
    let ranked = |group: &str, version: &str| match (group, version) {
        ("", _) => 1,
        ("autoscaling", "v2") => 30,
        ("flowcontrol.apiserver.k8s.io", _) => 21,
        ("resource.k8s.io", _) => 20,
        _ => 15,
    };
    all.filter(|(_, known, _)| *known > 0)
        .flat_map(|(group, known, versions)| {
            versions.into_iter().map(move |version| (group, version, (known, ranked(group, version))))
        })
        .collect()
}

/// Kinds that are served in another group or version, too.
pub(super) const ALSO: [(Kind, &str, &str); 2] =
    [(Kind::HorizontalPodAutoscaler, "autoscaling", "v1"), (Kind::Event, "events.k8s.io", "v1")];

/// Questions that are asked by creating them: group, plural, kind, and whether in a namespace. None is stored.
pub(super) const QUESTIONS: [(&str, &str, &str, bool); 6] = [
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false),
    ("authentication.k8s.io", "tokenreviews", "TokenReview", false),
    ("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false),
];

/// The group that metrics-server answers for, once it is registered.
pub(super) const METRICS: &str = "metrics.k8s.io";

/// Whether a server is registered for it.
pub(super) fn has_metrics(store: &Store) -> bool {
    let name = format!("v1beta1.{METRICS}");
    let service = store.get(&Key::new(Kind::ApiService, Str::new(), name));
    service.is_some_and(|service| !service.body["spec"]["service"].is_null())
}

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Whether one of these documents is at a path, which may be asked for by all.
pub(super) fn is_document(parts: &[&str], store: &Store) -> bool {
    match parts {
        [""] | ["version" | "api" | "apis"] => true,
        ["healthz" | "livez" | "readyz" | "metrics"] => true,
        [probe @ ("healthz" | "livez" | "readyz"), check] => checks(probe).any(|known| known == *check),
        ["openapi", "v2"] | ["openapi", "v3", ..] => true,
        [".well-known", "openid-configuration"] | ["openid", "v1", "jwks"] => true,
        ["api", version] => has_version("", version, store),
        ["apis", group] => groups(store).iter().any(|(name, _)| name == group),
        ["apis", group, version] => {
            let silent = |(of, at): &(Str, Str)| of == group && at == version;
            has_version(group, version, store) && !aggregate::unanswered(store).iter().any(silent)
        }
        _ => false,
    }
}

/// The document; `accept` is what the asker takes, and `signer` makes tokens.
pub(super) fn document(
    path: &str,
    accept: &str,
    has_etcd: bool,
    signer: Signer,
    store: &Store,
) -> Result<Doc, Status> {
    let (path, verbose) = path.strip_suffix(VERBOSE).map_or((path, false), |path| (path, true));
    let parts: Vec<&str> = path.split('/').collect();
    let aggregated = accept.contains("as=APIGroupDiscoveryList");
    Ok(match parts.as_slice() {
        [""] => doc!({ "paths": Doc::list(paths(store)) }),
        ["version"] => Doc::from(VERSION),
        [probe @ ("healthz" | "livez" | "readyz"), check @ ..] => {
            return health(probe, check.first().copied(), verbose, has_etcd);
        }
        [".well-known", "openid-configuration"] => super::token::issuer(),
        ["openid", "v1", "jwks"] => signer.key_set(),
        ["openapi", "v2"] => openapi::version_2(store),
        ["openapi", "v3"] => openapi::index(&versions(store), store),
        ["openapi", "v3", "version" | "api" | "apis"] => openapi::version_3_of(Doc::map()),
        ["openapi", "v3", "apis", group] if versions(store).iter().any(|(name, _)| name == group) => {
            openapi::version_3_of(Doc::map())
        }
        ["openapi", "v3", rest @ ..] => {
            let group = group_of(rest).filter(|(group, version)| has_version(group, version, store));
            let (group, version) = group.ok_or_else(Status::unknown_path)?;
            openapi::version_3(group, version, store)
        }
        ["api"] if aggregated => all_at_once(|group| group.is_empty(), store),
        ["apis"] if aggregated => all_at_once(|group| !group.is_empty(), store),
        ["api"] => doc!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443" }]
        }),
        ["apis"] => {
            let named = groups(store).into_iter().filter(|(group, _)| !group.is_empty());
            let groups = named.map(|(group, versions)| api_group(&group, &versions));
            doc!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": Doc::list(groups) })
        }
        ["apis", group] => {
            let all = groups(store);
            let (group, versions) =
                all.iter().find(|(name, _)| name == group).ok_or_else(Status::unknown_path)?;
            let mut doc = api_group(group, versions);
            doc.set("kind", "APIGroup");
            doc.set("apiVersion", "v1");
            doc
        }
        rest => {
            let (group, version) = group_of(rest).ok_or_else(Status::unknown_path)?;
            resource_list(group, version, store)
        }
    })
}

/// `["apis", "apps", "v1"]` → `("apps", "v1")`
fn group_of<'a>(parts: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match parts {
        ["api", version] => Some(("", version)),
        ["apis", group, version] => Some((group, version)),
        _ => None,
    }
}

/// Follows the name of a document of which all is to be told.
const VERBOSE: &str = "?verbose";

/// The name of the document that tells all.
pub(super) fn verbose(name: &str) -> Str {
    format!("{name}{VERBOSE}").into()
}

/// What is looked at for a probe, of what is simulated.
pub(super) fn checks(probe: &str) -> impl Iterator<Item = &'static str> {
    let ready: &[&str] =
        if probe == "readyz" { &["etcd-readiness", "informer-sync", "shutdown"] } else { &[] };
    ["ping", "log", "etcd"].into_iter().chain(ready.iter().copied())
}

/// How the server is: all of it, or one thing.
fn health(probe: &str, check: Option<&str>, verbose: bool, has_etcd: bool) -> Result<Doc, Status> {
    let fails = |check: &str| !has_etcd && check.starts_with("etcd");
    let looked_at: Vec<&str> = checks(probe).filter(|one| check.is_none_or(|check| check == *one)).collect();
    // A server without an etcd lives on: nobody gains by starting it anew.
    let well = !looked_at.iter().any(|check| fails(check)) || probe == "livez" && check.is_none();
    if well && !verbose {
        return Ok(Doc::from("ok"));
    }
    let mut text = String::new();
    for check in looked_at {
        text.push_str(&match (fails(check), well) {
            (true, false) => format!("[-]{check} failed: reason withheld\n"),
            _ => format!("[+]{check} ok\n"),
        });
    }
    text.push_str(&format!("{probe} check {}\n", if well { "passed" } else { "failed" }));
    if well { Ok(Doc::from(text)) } else { Err(Status::new(crate::api::Reason::InternalError, text)) }
}

/// The groups with their versions, the preferred one first, in order.
fn versions(store: &Store) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    let custom = definitions::served(store).into_iter().map(|served| served.kind.info());
    let custom = custom.map(|info| (info.group, info.version));
    let stored = Kind::ALL.iter().map(|kind| (kind.info().group, kind.info().version));
    let stored = stored.chain(ALSO.iter().map(|(_, group, version)| (*group, *version)));
    let metrics = has_metrics(store).then_some((METRICS, "v1beta1"));
    let asked = QUESTIONS.iter().map(|(group, ..)| (*group, "v1"));
    for (group, version) in stored.chain(asked).chain(custom).chain(metrics) {
        match found.iter_mut().find(|(name, _)| *name == group) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => found.push((group, vec![version])),
        }
    }
    for (_, versions) in &mut found {
        sort_by_key(versions, |version| std::cmp::Reverse(priority(version)));
    }
    let rank = |group: &str| GROUPS.iter().position(|name| *name == group).unwrap_or(GROUPS.len());
    sort_by_key(&mut found, |(group, _)| rank(group));
    found
}

/// The same with those for which other servers are registered that do not answer.
fn groups(store: &Store) -> Vec<(Str, Vec<Str>)> {
    let own = versions(store).into_iter();
    let mut all: Vec<(Str, Vec<Str>)> =
        own.map(|(group, versions)| (group.into(), versions.into_iter().map(Str::from).collect())).collect();
    for (group, version) in aggregate::unanswered(store) {
        match all.iter_mut().find(|(name, _)| *name == group) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => all.push((group, vec![version])),
        }
    }
    all
}

/// How versions are ranked: finished ones first, then beta, then alpha, each with the greatest number first.
fn priority(version: &str) -> (u32, u64, u64, std::cmp::Reverse<String>) {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let other = (0, 0, 0, std::cmp::Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return other };
    let (major, rest) = rest.split_at(digits(rest));
    let Ok(major) = major.parse() else { return other };
    let known = std::cmp::Reverse(String::new());
    if rest.is_empty() {
        return (3, major, 0, known);
    }
    for (word, rank) in [("beta", 2), ("alpha", 1)] {
        if let Some(Ok(minor)) = rest.strip_prefix(word).map(str::parse) {
            return (rank, major, minor, known);
        }
    }
    other
}

pub(super) fn has_version(group: &str, version: &str, store: &Store) -> bool {
    versions(store).iter().any(|(name, versions)| *name == group && versions.contains(&version))
}

pub(super) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn paths(store: &Store) -> Vec<String> {
    let mut paths: Vec<String> = vec!["/api".into(), "/api/v1".into(), "/apis".into(), "/apis/".into()];
    for (group, versions) in groups(store).iter().filter(|(group, _)| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.insert(0, "/.well-known/openid-configuration".into());
    let rest = [
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/",
        "/openid/v1/jwks",
        "/readyz",
        "/version",
    ];
    paths.extend(rest.map(String::from));
    paths
}

fn api_group(group: &str, versions: &[Str]) -> Doc {
    let one = |version: &Str| doc!({ "groupVersion": group_version(group, version), "version": version });
    doc!({
        "name": group, "versions": Doc::list(versions.iter().map(one)),
        "preferredVersion": versions.first().map(one)
    })
}

/// A resource or a part of one, as discovery tells of it.
struct Entry {
    /// The plural, or the part after it.
    name: String,
    /// Group, version and kind of what is sent or comes back, where they are not the resource's own.
    of: Option<(&'static str, &'static str)>,
    kind: &'static str,
    verbs: Vec<&'static str>,
    namespaced: bool,
    info: Option<&'static Info>,
    parts: Vec<Entry>,
}

fn part(info: &'static Info, part: Subresource) -> Entry {
    let name = part.path();
    let (of, kind) = match name {
        "scale" => (Some(("autoscaling", "v1")), "Scale"),
        "eviction" => (Some(("policy", "v1")), "Eviction"),
        "token" => (Some(("authentication.k8s.io", "v1")), "TokenRequest"),
        "binding" => (None, "Binding"),
        "exec" => (None, "PodExecOptions"),
        "attach" => (None, "PodAttachOptions"),
        "portforward" => (None, "PodPortForwardOptions"),
        "proxy" => match info.kind {
            "Pod" => (None, "PodProxyOptions"),
            "Service" => (None, "ServiceProxyOptions"),
            _ => (None, "NodeProxyOptions"),
        },
        _ => (None, info.kind),
    };
    let verbs = match name {
        "status" | "scale" | "approval" | "ephemeralcontainers" | "resize" => vec!["get", "patch", "update"],
        "finalize" => vec!["update"],
        "log" => vec!["get"],
        "exec" | "attach" | "portforward" => vec!["create", "get"],
        "proxy" => vec!["create", "delete", "get", "patch", "update"],
        _ => vec!["create"],
    };
    Entry { name: name.into(), of, kind, verbs, namespaced: info.namespaced, info: None, parts: Vec::new() }
}

fn entries(group: &str, version: &str, store: &Store) -> Vec<Entry> {
    let custom = definitions::served(store).into_iter().map(|served| served.kind.info());
    let infos = Kind::ALL.iter().map(|kind| kind.info()).chain(custom);
    let infos = infos.filter(|info| info.group == group && info.version == version);
    let also = ALSO.iter().filter(|(_, of, at)| *of == group && *at == version).map(|(kind, ..)| kind.info());
    let stored = infos.chain(also).map(|info| {
        let verbs = VERBS.into_iter().filter(|verb| match info.kind {
            "Namespace" => *verb != "deletecollection",
            "ComponentStatus" => matches!(*verb, "get" | "list"),
            _ => true,
        });
        let verbs = verbs.collect();
        let mut parts: Vec<Entry> = info.subresources.iter().map(|one| part(info, *one)).collect();
        sort_by_key(&mut parts, |part| part.name.clone());
        let (name, namespaced) = (info.plural.to_owned(), info.namespaced);
        Entry { name, of: None, kind: info.kind, verbs, namespaced, info: Some(info), parts }
    });
    let asked = QUESTIONS.iter().filter(|(of, ..)| *of == group && version == "v1").map(
        |(_, plural, kind, namespaced)| Entry {
            name: (*plural).into(),
            of: None,
            kind,
            verbs: vec!["create"],
            namespaced: *namespaced,
            info: None,
            parts: Vec::new(),
        },
    );
    let measured =
        [("nodes", "NodeMetrics", false), ("pods", "PodMetrics", true)].map(|(name, kind, namespaced)| {
            let verbs = vec!["get", "list"];
            Entry { name: name.into(), of: None, kind, verbs, namespaced, info: None, parts: Vec::new() }
        });
    let measured = measured.into_iter().filter(|_| group == METRICS && has_metrics(store));
    // Pods are bound at a path of their own, too.
    let bindings = (group.is_empty() && version == "v1").then(|| Entry {
        name: "bindings".into(),
        of: None,
        kind: "Binding",
        verbs: vec!["create"],
        namespaced: true,
        info: None,
        parts: Vec::new(),
    });
    let mut all: Vec<Entry> = stored.chain(asked).chain(measured).chain(bindings).collect();
    sort_by_key(&mut all, |entry| entry.name.clone());
    all
}

fn texts(doc: &mut Doc, field: &'static str, texts: &[&str]) {
    if !texts.is_empty() {
        doc.set(field, Doc::list(texts.iter().copied()));
    }
}

fn resource_list(group: &str, version: &str, store: &Store) -> Doc {
    let mut resources: Vec<Doc> = Vec::new();
    let mut add = |entry: &Entry, name: String| {
        let singular = match (entry.info, name.contains('/')) {
            (Some(info), _) => info.singular.to_owned(),
            (None, true) => String::new(),
            (None, false) => entry.kind.to_lowercase(),
        };
        let mut doc = doc!({
            "name": name, "singularName": singular, "namespaced": entry.namespaced, "kind": entry.kind,
            "verbs": Doc::list(entry.verbs.iter().copied())
        });
        if let Some((group, version)) = entry.of {
            doc.set("group", group);
            doc.set("version", version);
        }
        if let Some(info) = entry.info {
            texts(&mut doc, "shortNames", info.short_names);
            texts(&mut doc, "categories", info.categories);
        }
        resources.push(doc);
    };
    for entry in entries(group, version, store) {
        add(&entry, entry.name.clone());
        for part in &entry.parts {
            add(part, format!("{}/{}", entry.name, part.name));
        }
    }
    let mut doc = doc!({
        "kind": "APIResourceList", "groupVersion": group_version(group, version), "resources": resources
    });
    if !group.is_empty() {
        doc.set("apiVersion", "v1");
    }
    doc
}

/// Aggregated discovery.
fn all_at_once(wanted: impl Fn(&str) -> bool, store: &Store) -> Doc {
    let unanswered = aggregate::unanswered(store);
    let groups = groups(store).into_iter().filter(|(group, _)| wanted(group)).map(|(group, versions)| {
        let versions = versions.iter().map(|version| {
            let answers = !unanswered.iter().any(|(of, at)| *of == group && at == version);
            let resources =
                entries(&group, version, store).into_iter().map(|entry| discovered(&entry, &group, version));
            let freshness = if answers { "Current" } else { "Stale" };
            doc!({ "version": version, "freshness": freshness, "resources": Doc::list(resources) })
        });
        let mut metadata = Doc::map();
        if !group.is_empty() {
            metadata.set("name", &group);
        }
        doc!({ "metadata": metadata, "versions": Doc::list(versions) })
    });
    doc!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": Doc::list(groups)
    })
}

fn discovered(entry: &Entry, group: &str, version: &str) -> Doc {
    let response = |of: &Entry| {
        let (group, version) = of.of.unwrap_or((group, version));
        doc!({ "group": group, "version": version, "kind": of.kind })
    };
    let singular = entry.info.map_or_else(|| entry.kind.to_lowercase(), |info| info.singular.to_owned());
    let mut doc = doc!({
        "resource": &*entry.name, "responseKind": response(entry),
        "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": singular, "verbs": Doc::list(entry.verbs.iter().copied())
    });
    if let Some(info) = entry.info {
        texts(&mut doc, "shortNames", info.short_names);
        texts(&mut doc, "categories", info.categories);
    }
    if !entry.parts.is_empty() {
        let parts = entry.parts.iter().map(|part| {
            doc!({
                "subresource": &*part.name, "responseKind": response(part),
                "verbs": Doc::list(part.verbs.iter().copied())
            })
        });
        doc.set("subresources", Doc::list(parts));
    }
    doc
}

/// The kinds of a group and version, by plural.
pub(super) fn kinds(group: &str, version: &str) -> BTreeMap<&'static str, &'static Info> {
    let infos = Kind::ALL.iter().map(|kind| kind.info());
    let also = ALSO.iter().filter(|(_, of, at)| *of == group && *at == version).map(|(kind, ..)| kind.info());
    infos
        .filter(|info| info.group == group && info.version == version)
        .chain(also)
        .map(|info| (info.plural, info))
        .collect()
}
