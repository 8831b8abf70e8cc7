//! Who may do what.
//!
//! The people of a session may do everything, viewers may look. Only whoever is impersonated (`kubectl --as`) is held
//! to the roles that are bound to them (RBAC).

use crate::api::rbac::role;
use crate::api::{Kind, Object, Reply, Request, Status, Subresource, User};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::Call;

/// What somebody wants to do.
struct Wish<'a> {
    verb: &'a str,
    group: &'a str,
    /// With its subresource after a slash.
    resource: String,
    namespace: &'a str,
    name: &'a str,
}

/// Refuses what the asker may not do.
pub(super) fn authorize(request: &Request, store: &Store) -> Result<(), Status> {
    let user = &request.user;
    if request.subresource == Subresource::AccessReview {
        return Ok(());
    }
    let info = request.kind.info();
    let part = request.subresource.path();
    let wish = Wish {
        verb: request.verb.name(),
        group: if request.subresource == Subresource::Metrics { "metrics.k8s.io" } else { info.group },
        resource: if part.is_empty() { info.plural.to_owned() } else { format!("{}/{part}", info.plural) },
        namespace: &request.namespace,
        name: &request.name,
    };
    let viewer = user.read_only && !request.verb.is_read();
    if !viewer && (!user.impersonated || is_allowed(user, &wish, store)) {
        return Ok(());
    }
    let scope = match (info.namespaced, wish.namespace.is_empty()) {
        (true, false) => format!(" in the namespace \"{}\"", wish.namespace),
        _ => " at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\"{scope}",
        user.name, wish.verb, wish.resource, wish.group,
    );
    Err(Status::forbidden(&request.key(), &why))
}

/// Whether a role that is bound to the user allows it.
fn is_allowed(user: &User, wish: &Wish<'_>, store: &Store) -> bool {
    let cluster_wide = store.list(Kind::ClusterRoleBinding);
    let here = store.list(Kind::RoleBinding).filter(|binding| binding.key.namespace == wish.namespace);
    let mut bindings = cluster_wide.chain(here).filter(|binding| binds(binding, user));
    bindings.any(|binding| {
        let reference = &binding.body["roleRef"];
        let name = reference["name"].str();
        let (kind, namespace) = match reference["kind"].as_str() {
            Some("Role") => (Kind::Role, binding.key.namespace.clone()),
            _ => (Kind::ClusterRole, Str::new()),
        };
        let role = store.get(&crate::api::Key::new(kind, namespace, name));
        let rules = role.map(|role| role.body["rules"].clone()).unwrap_or_default();
        let allows = |rule: &Doc| role::allows(rule, wish.verb, wish.group, &wish.resource, wish.name);
        rules.items().iter().any(allows)
    })
}

fn binds(binding: &Object, user: &User) -> bool {
    binding.body["subjects"].items().iter().any(|subject| {
        let name = subject["name"].str();
        match subject["kind"].as_str() {
            Some("User") => name == user.name,
            Some("Group") => name == "system:authenticated",
            Some("ServiceAccount") => {
                let namespace = match subject["namespace"].str() {
                    own if own.is_empty() => binding.key.namespace.clone(),
                    namespace => namespace,
                };
                user.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    })
}

/// `POST …/selfsubjectaccessreviews`: whether the asker may.
pub(super) fn review(call: &Call<'_, '_>) -> Reply {
    let (body, user) = (&call.request.body, &call.request.user);
    let wanted = &body["spec"]["resourceAttributes"];
    let text = |field: &str| wanted[field].str();
    let (verb, group, namespace, name) = (text("verb"), text("group"), text("namespace"), text("name"));
    let resource = match wanted["subresource"].str() {
        part if part.is_empty() => text("resource").to_string(),
        part => format!("{}/{part}", text("resource")),
    };
    let wish = Wish { verb: &verb, group: &group, resource, namespace: &namespace, name: &name };
    let reads = matches!(verb.as_str(), "get" | "list" | "watch");
    let allowed = (!user.read_only || reads) && (!user.impersonated || is_allowed(user, &wish, call.store));
    Reply::Doc(doc!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": body["spec"].clone(), "status": { "allowed": allowed }, "code": 201i64
    }))
}
