//! Node: a machine that runs pods.

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, View, age, bytes, internal, milli};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of a Node.
#[derive(Clone, Debug)]
pub struct Node {
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Allocatable CPU in thousandths of a core.
    pub cpu_milli: i64,
    /// Allocatable memory in bytes.
    pub memory: i64,
    /// How many pods it takes.
    pub pods: i64,
    /// Condition Ready: `True`, `False` or `Unknown` (also when missing).
    pub ready: Str,
    /// When condition Ready was last confirmed; `None` without that condition.
    pub heartbeat: Option<Timestamp>,
    /// `spec.podCIDR`.
    pub pod_cidr: Str,
}

/// A taint.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Taint {
    /// Key.
    pub key: Str,
    /// Value; may be empty.
    pub value: Str,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Str,
    /// When a `NoExecute` taint was added.
    pub time_added: Option<Timestamp>,
}

impl Taint {
    /// Reads `spec.taints`.
    pub fn list(doc: &Doc) -> Vec<Taint> {
        let read = |taint: &Doc| Taint {
            key: taint["key"].str(),
            value: taint["value"].str(),
            effect: taint["effect"].str(),
            time_added: taint["timeAdded"].as_time(),
        };
        doc.items().iter().map(read).collect()
    }

    /// The taint as a document.
    pub fn to_doc(&self) -> Doc {
        let mut doc = crate::doc!({ "key": &self.key, "effect": &self.effect });
        if !self.value.is_empty() {
            doc.set("value", &self.value);
        }
        if let Some(time) = self.time_added {
            doc.set("timeAdded", Doc::Time(time));
        }
        doc
    }
}

/// The kind's registration.
#[derive(Debug)]
pub struct Nodes;

impl Resource for Nodes {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Node",
            plural: "nodes",
            singular: "node",
            short_names: &["no"],
            namespaced: false,
            subresources: &[Subresource::Status, Subresource::Proxy],
            categories: &[],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let (spec, allocatable) = (&body["spec"], &body["status"]["allocatable"]);
        let conditions = body["status"]["conditions"].items();
        let ready = conditions.iter().find(|condition| condition["type"].as_str() == Some("Ready"));
        View::Node(Box::new(Node {
            unschedulable: spec["unschedulable"].as_bool() == Some(true),
            taints: Taint::list(&spec["taints"]),
            cpu_milli: milli(&allocatable["cpu"]),
            memory: bytes(&allocatable["memory"]),
            pods: bytes(&allocatable["pods"]),
            ready: ready.map(|condition| condition["status"].str()).unwrap_or_default(),
            heartbeat: ready.map(|condition| condition["lastHeartbeatTime"].as_time().unwrap_or_default()),
            pod_cidr: spec["podCIDR"].str(),
        }))
    }

    fn prepare_create(&self, _: &mut Doc) {
        // A kubelet registers its node with its status, in one request.
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        // The path is that of Kubernetes.
        let taints = At::root(&doc["spec"]["taints"], "metadata.taints");
        let mut seen = BTreeSet::new();
        for taint in taints.each() {
            taint.field("key").check(faults, names::qualified_name);
            taint.field("value").check_if_set(faults, names::label_value);
            let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
            taint.field("effect").require_one_of(faults, &effects);
            if !seen.insert((taint["effect"].str(), taint["key"].str())) {
                let shown = internal::printed("Taint", &taint);
                let why = "taints must be unique by key and effect pair";
                faults.duplicate_text(&taint, &format!("{shown}: {why}"));
            }
        }
        if let Some(cidr) = doc["spec"]["podCIDR"].as_str().filter(|cidr| !cidr.is_empty()) {
            for message in names::cidr(cidr) {
                faults.invalid("spec.podCIDRs[0]", &doc["spec"]["podCIDR"], message);
            }
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        for (field, named) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
            let (new, old) = (&new["spec"][field], &old["spec"][field]);
            if !old.is_empty() && new != old {
                let why = format!("node updates may not change {named} except from \"\" to valid");
                faults.forbidden(format!("spec.{field}"), &why);
            }
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Roles", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Version", wide: false },
            Column { name: "Internal-IP", wide: true },
            Column { name: "External-IP", wide: true },
            Column { name: "OS-Image", wide: true },
            Column { name: "Kernel-Version", wide: true },
            Column { name: "Container-Runtime", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let node = object.view::<Node>();
        let mut status = match node.map_or("", |node| node.ready.as_str()) {
            "True" => "Ready",
            "False" | "Unknown" => "NotReady",
            _ => "Unknown",
        }
        .to_owned();
        if node.is_some_and(|node| node.unschedulable) {
            status.push_str(",SchedulingDisabled");
        }
        let roles: Vec<&str> = object
            .meta
            .labels
            .entries()
            .iter()
            .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
            .collect();
        let info = &object.body["status"]["nodeInfo"];
        let address = |wanted: &str| {
            let addresses = object.body["status"]["addresses"].items();
            let found = addresses.iter().find(|address| address["type"].as_str() == Some(wanted));
            found.map_or("<none>".to_owned(), |address| address["address"].str().to_string())
        };
        let or_unknown = |doc: &Doc| doc.as_str().unwrap_or("<unknown>").to_owned();
        vec![
            object.key.name.to_string(),
            status,
            if roles.is_empty() { "<none>".into() } else { roles.join(",") },
            age(object.meta.creation, now),
            info["kubeletVersion"].str().to_string(),
            address("InternalIP"),
            address("ExternalIP"),
            or_unknown(&info["osImage"]),
            or_unknown(&info["kernelVersion"]),
            or_unknown(&info["containerRuntimeVersion"]),
        ]
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        match path {
            "metadata.name" => Some(object.key.name.clone()),
            "spec.unschedulable" => {
                Some(if object.view::<Node>()?.unschedulable { "true".into() } else { "false".into() })
            }
            _ => None,
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "spec.unschedulable"]
    }
}
