//! The roles that are there from the beginning, and to whom they are bound.

use crate::api::Kind;
use crate::doc;
use crate::doc::{Doc, literal};

const GROUP: &str = "rbac.authorization.k8s.io";
const READS: [&str; 3] = ["get", "list", "watch"];
const WRITES: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CHANGES: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];
/// Paths that everybody may ask for, and those that everybody with a name may.
const HEALTH: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
/// Paths that who watches over the cluster may ask for.
const MONITORING: [&str; 8] =
    ["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"];
const DISCOVERY: [&str; 6] = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"];

type Named = (Kind, &'static str, Doc);

/// Upstream's roles, but for those of components: components are trusted.
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
    let delegate = vec![
        reviews("authentication.k8s.io", Doc::list(["tokenreviews"])),
        reviews("authorization.k8s.io", Doc::list(["subjectaccessreviews"])),
    ];
    let mut all = vec![
        role("cluster-admin", everything),
        role("system:auth-delegator", delegate),
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
    all.extend(for_servers());
    all
}

/// How those who serve parts of the API read what the server tells them.
fn for_servers() -> [Named; 2] {
    let reader = "extension-apiserver-authentication-reader";
    let mut told = rule(Doc::list([""]), Doc::list(["configmaps"]), &READS);
    told.set("resourceNames", Doc::list(["extension-apiserver-authentication"]));
    let (_, _, mut allows) = role(reader, vec![told]);
    let (_, _, mut binds) = binding(reader, &[]);
    binds.set_at(&["roleRef", "kind"], "Role");
    let users = ["system:kube-controller-manager", "system:kube-scheduler"];
    let users = users.map(|name| doc!({ "kind": "User", "apiGroup": GROUP, "name": name }));
    binds.set("subjects", Doc::list(users));
    for doc in [&mut allows, &mut binds] {
        doc.set_at(&["metadata", "namespace"], "kube-system");
    }
    let bound = "system::extension-apiserver-authentication-reader";
    [(Kind::Role, reader, allows), (Kind::RoleBinding, bound, binds)]
}

/// Group and resources: what people may see.
const SEEN: [(&str, &str); 11] = [
    (
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers \
         replicationcontrollers/scale serviceaccounts services services/status",
    ),
    (
        "",
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas \
         resourcequotas/status",
    ),
    ("", "namespaces"),
    ("discovery.k8s.io", "endpointslices"),
    (
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets \
         replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    ("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    ("batch", "cronjobs cronjobs/status jobs jobs/status"),
    (
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status \
         networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
    ),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    ("networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    ("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
];

/// Group, resources and verbs: what people may change who may.
const CHANGED: [(&str, &str, &[&str]); 14] = [
    ("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", &READS),
    ("", "serviceaccounts", &["impersonate"]),
    ("", "pods pods/attach pods/exec pods/portforward pods/proxy", &CHANGES),
    ("", "pods/eviction", &["create"]),
    (
        "",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts \
         services services/proxy",
        &CHANGES,
    ),
    ("", "serviceaccounts/token", &["create"]),
    (
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets \
         statefulsets/scale",
        &CHANGES,
    ),
    ("autoscaling", "horizontalpodautoscalers", &CHANGES),
    ("batch", "cronjobs jobs", &CHANGES),
    (
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets \
         replicasets/scale replicationcontrollers/scale",
        &CHANGES,
    ),
    ("policy", "poddisruptionbudgets", &CHANGES),
    ("networking.k8s.io", "ingresses networkpolicies", &CHANGES),
    ("coordination.k8s.io", "leases", &WRITES),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates", &CHANGES),
];

/// `view` is part of `edit`, and `edit` of `admin`; each also takes in what others label for it.
fn for_people() -> Vec<Named> {
    let of = |(group, resources, verbs): (&'static str, &str, &[&'static str])| {
        rule(Doc::list([group]), Doc::list(resources.split_whitespace()), verbs)
    };
    let view: Vec<Doc> = SEEN.iter().map(|(group, resources)| of((group, resources, &READS))).collect();
    let edit: Vec<Doc> = CHANGED.iter().map(|one| of(*one)).collect();
    let admin = vec![
        of(("authorization.k8s.io", "localsubjectaccessreviews", &["create"])),
        of((GROUP, "rolebindings roles", &WRITES)),
    ];
    // What metrics-server brings.
    let usage = vec![of(("metrics.k8s.io", "pods nodes", &READS))];
    let (kind, name, mut reader) = part("system:aggregated-metrics-reader", "view", usage.clone());
    ["admin", "edit"].iter().for_each(|to| reader.set_at(&["metadata", "labels", &label(to)], "true"));
    let union = |sets: &[&Vec<Doc>]| sets.iter().flat_map(|set| set.iter().cloned()).collect::<Vec<_>>();
    vec![
        aggregated("admin", None, union(&[&edit, &usage, &view, &admin])),
        aggregated("edit", Some("admin"), union(&[&edit, &usage, &view])),
        aggregated("view", Some("edit"), union(&[&view, &usage])),
        part("system:aggregate-to-admin", "admin", admin),
        part("system:aggregate-to-edit", "edit", edit),
        part("system:aggregate-to-view", "view", view),
        (kind, name, reader),
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
