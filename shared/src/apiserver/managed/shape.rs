//! What is owned as a whole, and how the items of lists are told apart (upstream: `+structType`, `+mapType`, `+listType`
//! and `+listMapKey` of the API types; for custom resources their schemas).

use crate::api::Kind;
use crate::collections::sort;
use crate::doc::{Doc, Str};

/// How the items of a list are told apart.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ListKind<'a> {
    Atomic,
    Set,
    Keys(&'static [&'static str]),
    /// By the fields that the schema `.0` of the list names; the items' schema may have defaults for them.
    Named(&'a Doc),
}

/// An item of `ownerReferences`.
const OWNER: &str = "ownerReferences[]";

/// Parts of an object that Go always writes, if only as `null`: their coming is nobody's doing.
const ALWAYS_THERE: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "template",
    "strategy",
    "updateStrategy",
    "jobTemplate",
    "containers",
    "loadBalancer",
];

/// Whether the object in the field below `above` (a list's name for its items) is owned as a whole; `version` is the one
/// that is written, where it is not the kind's own.
fn is_atomic_map(kind: Kind, version: &str, above: &str, field: &str) -> bool {
    match field {
        OWNER
        | "selector"
        | "labelSelector"
        | "namespaceSelector"
        | "nodeSelector"
        | "objectSelector"
        | "podSelector"
        | "scopeSelector"
        | "fieldRef"
        | "fileKeyRef"
        | "resourceFieldRef"
        | "configMapKeyRef"
        | "secretKeyRef"
        | "configMapRef"
        | "secretRef"
        | "controllerExpandSecretRef"
        | "controllerPublishSecretRef"
        | "nodeExpandSecretRef"
        | "nodePublishSecretRef"
        | "nodeStageSecretRef"
        | "paramKind"
        | "paramRef"
        | "matchConstraints"
        | "matchResources"
        | "dataSource"
        | "involvedObject"
        | "nodeTopology"
        | "regarding"
        | "related"
        | "roleRef"
        | "targetRef"
        | "requiredDuringSchedulingIgnoredDuringExecution" => true,
        "scaleTargetRef" => version == "autoscaling/v1",
        "required" => above == "nodeAffinity",
        "port" => above == "service",
        "resource" => above == "defaultBackend",
        "data" => kind == Kind::ControllerRevision,
        _ => false,
    }
}

/// How the items of the list in the field below `above` are told apart.
fn list_kind(kind: Kind, above: &str, field: &str) -> ListKind<'static> {
    ListKind::Keys(match field {
        // A namespace has others in its spec.
        "finalizers" if above == "metadata" => return ListKind::Set,
        "podCIDRs" | "validationActions" | "volumeLifecycleModes" => return ListKind::Set,
        "failed" | "succeeded" if above == "uncountedTerminatedPods" => return ListKind::Set,
        // Ports of a Service and of containers; all others are one whole.
        "ports" if above == "spec" => &["port", "protocol"],
        "ports" if above.ends_with("ontainers") => &["containerPort", "protocol"],
        // A ServiceAccount's are one whole.
        "imagePullSecrets" if above.is_empty() => return ListKind::Atomic,
        "secrets" if above.is_empty() => &["name"],
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "schedulingGates"
        | "resourceClaims"
        | "resourceClaimStatuses"
        | "allocatedResourcesStatus"
        | "claims"
        | "matchConditions"
        | "variables"
        | "webhooks" => &["name"],
        "drivers" if kind == Kind::CsiNode => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" | "podIPs" => &["ip"],
        "conditions" if kind == Kind::Job => return ListKind::Atomic,
        "conditions" | "addresses" => &["type"],
        "ownerReferences" | "reservedFor" => &["uid"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        _ => return ListKind::Atomic,
    })
}

/// What is known of a place: the field it is in and the one above, and what its definition says of it where people
/// defined it.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    kind: Kind,
    version: &'a str,
    above: &'a str,
    field: &'a str,
    schema: Option<&'a Doc>,
    is_root: bool,
}

impl<'a> Shape<'a> {
    /// A whole object; `schema` is that of a custom resource.
    pub(super) fn of(kind: Kind, schema: Option<&'a Doc>) -> Shape<'a> {
        Shape { kind, version: "", above: "", field: "", schema, is_root: true }
    }

    /// The same, as it is in another version of the kind.
    pub(super) fn in_version(self, version: &'a str) -> Shape<'a> {
        Shape { version, ..self }
    }

    /// A field of it, or (without a name) an item.
    pub(super) fn below(self, name: &'a str) -> Shape<'a> {
        let is_metadata = self.is_root && name == "metadata";
        let schema = self.schema.filter(|_| !is_metadata).map(|schema| match name {
            "" => &schema["items"],
            name => match &schema["properties"][name] {
                Doc::Null => &schema["additionalProperties"],
                known => known,
            },
        });
        // Owners are owned one by one, each as a whole.
        let field = if name.is_empty() && self.field == "ownerReferences" { OWNER } else { name };
        let above = if self.field.is_empty() { self.above } else { self.field };
        Shape { above, field, schema, is_root: false, ..self }
    }

    /// Whether Go always writes it, if only as `null`.
    pub(super) fn is_always_there(self) -> bool {
        match self.schema {
            Some(_) => false,
            None => ALWAYS_THERE.contains(&self.field),
        }
    }

    /// Whether an object here is owned as a whole.
    pub(super) fn is_atomic(self) -> bool {
        match self.schema {
            Some(schema) => schema["x-kubernetes-map-type"].as_str() == Some("atomic"),
            None => is_atomic_map(self.kind, self.version, self.above, self.field),
        }
    }

    /// How the items of a list here are owned.
    pub(super) fn list_kind(self) -> ListKind<'a> {
        let Some(schema) = self.schema else { return list_kind(self.kind, self.above, self.field) };
        match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => ListKind::Set,
            Some("map") => ListKind::Named(schema),
            _ => ListKind::Atomic,
        }
    }
}

/// The key of an item; ports are TCP where they say nothing.
pub(super) fn item_key(item: &Doc, keys: &[&str]) -> Str {
    step_of_keys(keys.iter().map(|key| match (*key, &item[*key]) {
        ("protocol", Doc::Null) => (*key, Doc::from("TCP")),
        (key, value) => (key, value.clone()),
    }))
}

/// The same for a list that a definition speaks of: what an item does not say, its default does; else it is left out.
pub(super) fn named_key(item: &Doc, schema: &Doc) -> Str {
    let mut keys: Vec<&str> =
        schema["x-kubernetes-list-map-keys"].items().iter().filter_map(Doc::as_str).collect();
    sort(&mut keys);
    let value = |key: &str| match &item[key] {
        Doc::Null => schema["items"]["properties"][key]["default"].clone(),
        value => value.clone(),
    };
    step_of_keys(keys.into_iter().map(|key| (key, value(key))).filter(|(_, value)| !value.is_null()))
}

fn step_of_keys<'a>(keys: impl Iterator<Item = (&'a str, Doc)>) -> Str {
    let parts = keys.map(|(key, value)| format!("{key:?}:{value}"));
    format!("k:{{{}}}", parts.collect::<Vec<_>>().join(",")).into()
}
