//! The roles that are there from the beginning, and to whom they are bound.

use crate::api::Kind;
use crate::doc;
use crate::doc::{Doc, literal};

const GROUP: &str = "rbac.authorization.k8s.io";
const READS: [&str; 3] = ["get", "list", "watch"];
const WRITES: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Parts of resources that people may look at.
const PARTS: [&str; 3] = ["deployments/scale", "replicasets/scale", "pods/log"];
/// Paths that everybody may ask for, and those that everybody with a name may.
const HEALTH: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
/// Paths that who watches over the cluster may ask for.
const MONITORING: [&str; 8] =
    ["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"];
const DISCOVERY: [&str; 6] = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"];

type Named = (Kind, &'static str, Doc);

/// Upstream's roles for people know more resources than are served here; those of components are left out, since
/// components are trusted.
pub(super) fn all() -> Vec<Named> {
    let any = || Doc::list(["*"]);
    let everything = vec![rule(any(), any(), &["*"]), doc!({ "nonResourceURLs": any(), "verbs": any() })];
    let paths = |paths: &[&'static str]| doc!({ "nonResourceURLs": Doc::list(paths.iter().copied()), "verbs": ["get"] });
    let discovery: Vec<&str> = DISCOVERY.iter().chain(&HEALTH).copied().collect();
    let reviews = |group: &'static str, resources: Doc| rule(Doc::list([group]), resources, &["create"]);
    let ask = vec![
        reviews("authorization.k8s.io", Doc::list(["selfsubjectaccessreviews", "selfsubjectrulesreviews"])),
        reviews("authentication.k8s.io", Doc::list(["selfsubjectreviews"])),
    ];
    let mut all = vec![
        role("cluster-admin", everything),
        role("system:basic-user", ask),
        role("system:discovery", vec![paths(&discovery)]),
        role("system:monitoring", vec![paths(&MONITORING)]),
        role("system:public-info-viewer", vec![paths(&HEALTH)]),
        binding("cluster-admin", &["system:masters"]),
        binding("system:basic-user", &["system:authenticated"]),
        binding("system:discovery", &["system:authenticated"]),
        binding("system:monitoring", &["system:monitoring"]),
        binding("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
    ];
    all.extend(for_people());
    all
}

/// `view` is part of `edit`, and `edit` of `admin`; each also takes in what others label for it.
fn for_people() -> Vec<Named> {
    let infos =
        || Kind::ALL.iter().map(|kind| kind.info()).filter(|info| info.namespaced && info.group != GROUP);
    let served = || infos().map(|info| info.plural);
    let any = || Doc::list(["*"]);
    let visible = Doc::list(served().filter(|plural| *plural != "secrets").chain(PARTS));
    let editable = Doc::list(served().chain(PARTS).chain(["pods/eviction"]));
    let impersonate = rule(Doc::list([""]), Doc::list(["serviceaccounts"]), &["impersonate"]);
    let roles = rule(Doc::list([GROUP]), Doc::list(["rolebindings", "roles"]), &WRITES);
    let review =
        rule(Doc::list(["authorization.k8s.io"]), Doc::list(["localsubjectaccessreviews"]), &["create"]);
    let view = vec![rule(any(), visible, &READS)];
    let edit = vec![rule(any(), editable, &WRITES), impersonate];
    let admin = vec![roles, review];
    let union = |sets: &[&Vec<Doc>]| sets.iter().flat_map(|set| set.iter().cloned()).collect::<Vec<_>>();
    vec![
        aggregated("admin", None, union(&[&admin, &edit, &view])),
        aggregated("edit", Some("admin"), union(&[&edit, &view])),
        aggregated("view", Some("edit"), view.clone()),
        part("system:aggregate-to-admin", "admin", admin),
        part("system:aggregate-to-edit", "edit", edit),
        part("system:aggregate-to-view", "view", view),
    ]
}

fn rule(groups: Doc, resources: Doc, verbs: &[&'static str]) -> Doc {
    doc!({ "apiGroups": groups, "resources": resources, "verbs": Doc::list(verbs.iter().copied()) })
}

fn metadata(doc: &mut Doc) {
    doc.set_at(&["metadata", "labels", "kubernetes.io/bootstrapping"], "rbac-defaults");
    doc.set_at(&["metadata", "annotations", "rbac.authorization.kubernetes.io/autoupdate"], "true");
}

fn role(name: &'static str, rules: Vec<Doc>) -> Named {
    let mut doc = doc!({ "rules": rules });
    metadata(&mut doc);
    (Kind::ClusterRole, name, doc)
}

fn label(to: &str) -> String {
    format!("{GROUP}/aggregate-to-{to}")
}

/// A role that is part of another.
fn part(name: &'static str, of: &str, rules: Vec<Doc>) -> Named {
    let (kind, name, mut doc) = role(name, rules);
    doc.set_at(&["metadata", "labels", &label(of)], "true");
    (kind, name, doc)
}

/// A role that is made of those with its label, and perhaps part of another.
fn aggregated(name: &'static str, of: Option<&str>, rules: Vec<Doc>) -> Named {
    let (kind, name, mut doc) = match of {
        Some(of) => part(name, of, rules),
        None => role(name, rules),
    };
    let mut labels = Doc::map();
    labels.set(label(name), "true");
    doc.set("aggregationRule", doc!({ "clusterRoleSelectors": [{ "matchLabels": labels }] }));
    (kind, name, doc)
}

/// The role `name`, bound to groups.
fn binding(name: &'static str, groups: &[&'static str]) -> Named {
    let subjects = groups.iter().map(|group| doc!({ "kind": "Group", "apiGroup": GROUP, "name": *group }));
    let mut doc = doc!({
        "roleRef": { "apiGroup": GROUP, "kind": literal!("ClusterRole"), "name": name },
        "subjects": Doc::list(subjects)
    });
    metadata(&mut doc);
    (Kind::ClusterRoleBinding, name, doc)
}
