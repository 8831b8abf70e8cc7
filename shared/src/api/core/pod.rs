//! Pod: one or more containers that share a network address and a node.

mod affinity;
mod container;
mod defaults;
mod display;
mod env;
mod ephemeral;
mod label_keys;
mod mounts;
mod resize;
mod security;
mod update;
mod validation;
mod volumes;

use std::sync::Arc;

use crate::api::validation::Faults;
use crate::api::{Column, Info, Object, Resource, Row, Subresource, View, age, bytes, milli};
use crate::codec::Codec;
use crate::doc::{Doc, Str, Timestamp, intern};

pub use container::{resource_amount, resources};
use defaults::default_pod_alone;
pub use defaults::default_pod_spec;
pub(super) use defaults::default_source;
pub use display::display_status;
pub use ephemeral::validate as validate_ephemeral_containers;
pub use label_keys::merge as merge_label_keys;
pub use resize::{resized, tell_resources, validate as validate_resize};
pub use security::{MINOR, is_safe_sysctl};
pub use validation::validate_pod_spec;

/// What the simulation reads of a Pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// `spec.nodeName`; empty while unscheduled.
    pub node_name: Str,
    /// The rest of the spec, shared by the pods of one template.
    pub spec: Arc<PodSpec>,
    /// `status.phase`.
    pub phase: Phase,
    /// Condition Ready.
    pub ready: bool,
    /// When condition Ready last changed.
    pub ready_since: Timestamp,
    /// `status.podIP`; empty before the sandbox exists.
    pub ip: Str,
    /// Sum of container restarts.
    pub restarts: u32,
}

/// `status.phase`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

impl Phase {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
            Phase::Unknown => "Unknown",
        }
    }

    /// Whether no container will run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed)
    }
}

/// The part of a pod's spec that its template fixes.
#[derive(Codec, Clone, Debug)]
pub struct PodSpec {
    /// Containers.
    pub containers: Vec<Container>,
    /// Init containers, in order.
    pub init_containers: Vec<Container>,
    /// Containers that were put beside the others while the pod ran, in order.
    pub ephemeral_containers: Vec<Container>,
    /// `Always`, `OnFailure` or `Never`.
    pub restart_policy: Str,
    /// Affinity, as written.
    pub affinity: Doc,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Priority; 0 when unset.
    pub priority: i64,
    /// Which scheduler is to place it.
    pub scheduler_name: Str,
    /// Grace on termination in seconds.
    pub grace_seconds: i64,
    /// CPU requested in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory requested in bytes.
    pub memory: i64,
}

/// What the simulation reads of a container.
#[derive(Codec, Clone, Debug)]
pub struct Container {
    /// Name.
    pub name: Str,
    /// Image reference.
    pub image: Str,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: Str,
    /// Ports: name, number, protocol, host port (0 for none).
    pub ports: Vec<ContainerPort>,
    /// The container, as written.
    pub doc: Doc,
    /// Where it stands in its pod: `spec.containers{app}`.
    pub path: Str,
}

/// A port of a container.
#[derive(Codec, Clone, Debug)]
pub struct ContainerPort {
    /// Name; may be empty.
    pub name: Str,
    /// Number.
    pub port: u32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Str,
    /// Port on the node; 0 for none.
    pub host_port: u32,
}

/// A toleration.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Toleration {
    /// Taint key; empty matches every key (with `Exists`).
    pub key: Str,
    /// `Exists` instead of `Equal`.
    pub exists: bool,
    /// Taint value for `Equal`.
    pub value: Str,
    /// Taint effect; empty matches every effect.
    pub effect: Str,
    /// How long a `NoExecute` taint is tolerated; for ever when unset.
    pub seconds: Option<i64>,
}

impl Toleration {
    /// Reads a toleration.
    pub fn read(doc: &Doc) -> Toleration {
        Toleration {
            key: doc["key"].str(),
            exists: doc["operator"].as_str() == Some("Exists"),
            value: doc["value"].str(),
            effect: doc["effect"].str(),
            seconds: doc["tolerationSeconds"].as_i64(),
        }
    }

    /// Whether this tolerates a taint.
    pub fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        (self.effect.is_empty() || self.effect == effect)
            && (self.key.is_empty() || self.key == key)
            && (self.exists || self.value == value)
    }
}

/// A pod that requests more counts as requesting this much, so that sums over pods stay exact.
pub const MOST_REQUESTED: i64 = 1 << 48;

impl Pod {
    /// Neither finished nor being deleted.
    pub fn is_active(&self, object: &Object) -> bool {
        !self.phase.is_terminal() && !object.meta.deleting()
    }
}

/// What a pod needs of a resource: its containers and sidecars together, or the hungriest init container with the
/// sidecars started before it, whichever is more, or what the pod says for all of them; and the overhead. A container
/// that asks for nothing counts as `unsaid`.
pub fn requested(spec: &Doc, resource: &str, read: fn(&Doc) -> i64, unsaid: i64) -> i64 {
    let need = |container: &Doc| match container.at(&["resources", "requests", resource]) {
        Doc::Null => unsaid,
        amount => read(amount),
    };
    let mut together: i64 = spec["containers"].items().iter().map(need).fold(0, i64::saturating_add);
    let (mut sidecars, mut hungriest) = (0i64, 0i64);
    for container in spec["initContainers"].items() {
        if container["restartPolicy"].as_str() == Some("Always") {
            sidecars = sidecars.saturating_add(need(container));
            hungriest = hungriest.max(sidecars);
        } else {
            hungriest = hungriest.max(sidecars.saturating_add(need(container)));
        }
    }
    together = together.saturating_add(sidecars);
    let most = match spec.at(&["resources", "requests", resource]) {
        Doc::Null => together.max(hungriest),
        of_pod => read(of_pod),
    };
    let most = most.saturating_add(read(spec.at(&["overhead", resource])));
    most.clamp(0, MOST_REQUESTED)
}

impl PodSpec {
    fn read(spec: &Doc) -> PodSpec {
        let containers = |list: &str| -> Vec<Container> {
            spec[list].items().iter().map(|doc| Container::read(doc, list)).collect()
        };
        PodSpec {
            restart_policy: or(&spec["restartPolicy"], "Always"),
            affinity: spec["affinity"].clone(),
            tolerations: spec["tolerations"].items().iter().map(Toleration::read).collect(),
            priority: spec["priority"].as_i64().unwrap_or(0),
            scheduler_name: or(&spec["schedulerName"], "default-scheduler"),
            grace_seconds: spec["terminationGracePeriodSeconds"].as_i64().unwrap_or(30),
            cpu_milli: requested(spec, "cpu", milli, 0),
            memory: requested(spec, "memory", bytes, 0),
            containers: containers("containers"),
            init_containers: containers("initContainers"),
            ephemeral_containers: containers("ephemeralContainers"),
        }
    }
}

impl Container {
    fn read(doc: &Doc, list: &str) -> Container {
        Container {
            path: format!("spec.{list}{{{}}}", doc["name"].as_str().unwrap_or("")).into(),
            name: doc["name"].str(),
            image: doc["image"].str(),
            pull_policy: or(&doc["imagePullPolicy"], "IfNotPresent"),
            ports: doc["ports"]
                .items()
                .iter()
                .map(|port| ContainerPort {
                    name: port["name"].str(),
                    port: port["containerPort"]
                        .as_i64()
                        .and_then(|number| u32::try_from(number).ok())
                        .unwrap_or(0),
                    protocol: or(&port["protocol"], "TCP"),
                    host_port: port["hostPort"]
                        .as_i64()
                        .and_then(|number| u32::try_from(number).ok())
                        .unwrap_or(0),
                })
                .collect(),
            doc: doc.clone(),
        }
    }
}

fn or(doc: &Doc, fallback: &'static str) -> Str {
    match doc {
        Doc::Str(text) if !text.is_empty() => text.clone(),
        _ => intern(fallback),
    }
}

/// Whether two specs differ only in `nodeName`: then they share one [`PodSpec`].
fn same_template(a: &Doc, b: &Doc) -> bool {
    let [mut a, mut b] = [a, b].map(|doc| doc.entries().iter().filter(|(key, _)| key != "nodeName"));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some((key, value)), Some((other, as_well))) if key == other && value.same(as_well) => {}
            _ => return false,
        }
    }
}

/// The kind's registration.
#[derive(Debug)]
pub struct Pods;

impl Resource for Pods {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Pod",
            plural: "pods",
            singular: "pod",
            short_names: &["po"],
            namespaced: true,
            subresources: &[
                Subresource::Status,
                Subresource::Binding,
                Subresource::Eviction,
                Subresource::Log,
                Subresource::Exec,
                Subresource::Attach,
                Subresource::PortForward,
                Subresource::EphemeralContainers,
                Subresource::Proxy,
                Subresource::Resize,
            ],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, previous: Option<&Object>) -> View {
        let (spec, status) = (&body["spec"], &body["status"]);
        let shared = previous.and_then(|object| {
            let pod = object.view::<Pod>()?;
            let before = &object.body["spec"];
            (before.same(spec) || same_template(before, spec)).then(|| Arc::clone(&pod.spec))
        });
        let ready =
            status["conditions"].items().iter().find(|condition| condition["type"].as_str() == Some("Ready"));
        View::Pod(Pod {
            node_name: spec["nodeName"].str(),
            spec: shared.unwrap_or_else(|| Arc::new(PodSpec::read(spec))),
            phase: match status["phase"].as_str() {
                Some("Running") => Phase::Running,
                Some("Succeeded") => Phase::Succeeded,
                Some("Failed") => Phase::Failed,
                Some("Unknown") => Phase::Unknown,
                _ => Phase::Pending,
            },
            ready: ready.is_some_and(|condition| condition["status"].as_str() == Some("True")),
            ready_since: ready
                .and_then(|condition| condition["lastTransitionTime"].as_time())
                .unwrap_or_default(),
            ip: status["podIP"].str(),
            restarts: status["containerStatuses"]
                .items()
                .iter()
                .filter_map(|c| u32::try_from(c["restartCount"].as_i64()?).ok())
                .fold(0, u32::saturating_add),
        })
    }

    fn default(&self, doc: &mut Doc) {
        doc.at_mut(&["spec"]).default_to("enableServiceLinks", true);
        default_pod_spec(doc.at_mut(&["spec"]));
        default_pod_alone(doc.at_mut(&["spec"]));
    }

    fn prepare_create(&self, doc: &mut Doc) {
        let qos = qos_class(&doc["spec"]);
        let mut status = crate::doc!({ "phase": "Pending", "qosClass": qos });
        if !doc["spec"]["schedulingGates"].is_empty() {
            let condition = crate::doc!({
                "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "lastProbeTime": null, "lastTransitionTime": null
            });
            status.set("conditions", [condition].to_vec());
        }
        doc.set("status", status);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validation::validate_pod(doc, faults);
    }

    fn validate_create(&self, doc: &Doc, faults: &mut Faults) {
        validation::validate_new_pod(doc, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        update::validate(&new["spec"], &old["spec"], faults);
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Ready", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Restarts", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "IP", wide: true },
            Column { name: "Node", wide: true },
            Column { name: "Nominated Node", wide: true },
            Column { name: "Readiness Gates", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let status = &object.body["status"];
        let shown = display::Shown::of(object);
        let or_none = |doc: &Doc| doc.as_str().filter(|text| !text.is_empty()).unwrap_or("<none>").to_owned();
        let restarts = match shown.last_restart {
            Some(last) if shown.restarts > 0 => format!("{} ({} ago)", shown.restarts, age(last, now)),
            _ => shown.restarts.to_string(),
        };
        vec![
            object.key.name.to_string(),
            format!("{}/{}", shown.ready, shown.total),
            shown.status,
            restarts,
            age(object.meta.creation, now),
            or_none(&status["podIP"]),
            or_none(&object.body["spec"]["nodeName"]),
            or_none(&status["nominatedNodeName"]),
            gates(object),
        ]
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        Some(match path {
            "metadata.name" => object.key.name.clone(),
            "metadata.namespace" => object.key.namespace.clone(),
            "spec.hostNetwork" => {
                (if object.body["spec"]["hostNetwork"].as_bool() == Some(true) { "true" } else { "false" })
                    .into()
            }
            path if self.fields().contains(&path) => {
                path.split('.').fold(&object.body, |doc, part| doc.get(part)).str()
            }
            _ => return None,
        })
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "metadata.name",
            "metadata.namespace",
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
        ]
    }
}

/// How many of its readiness gates are open.
fn gates(object: &Object) -> String {
    let gates = object.body["spec"]["readinessGates"].items();
    let conditions = object.body["status"]["conditions"].items();
    let is_open = |gate: &&Doc| {
        let mut of_gate = conditions.iter().filter(|condition| condition["type"] == gate["conditionType"]);
        of_gate.next().is_some_and(|condition| condition["status"].as_str() == Some("True"))
    };
    match gates.len() {
        0 => "<none>".into(),
        all => format!("{}/{all}", gates.iter().filter(is_open).count()),
    }
}

/// A pod's class of service.
pub fn qos_class(spec: &Doc) -> &'static str {
    // What the pod says for all its containers counts instead of what they say.
    let (alone, apart) = match spec["resources"].entries().is_empty() {
        true => (&[][..], [spec["containers"].items(), spec["initContainers"].items()]),
        false => (std::slice::from_ref(spec), [&[][..]; 2]),
    };
    let containers = || alone.iter().chain(apart.into_iter().flatten());
    let amount =
        |container: &Doc, bound: &str, resource: &str| container.at(&["resources", bound, resource]).clone();
    let bounds = [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")];
    if containers()
        .all(|container| bounds.iter().all(|(bound, resource)| amount(container, bound, resource).is_null()))
    {
        return "BestEffort";
    }
    let guaranteed = containers().all(|container| {
        ["cpu", "memory"].iter().all(|resource| {
            let (request, limit) =
                (amount(container, "requests", resource), amount(container, "limits", resource));
            let read = if *resource == "cpu" { milli } else { bytes };
            !limit.is_null() && read(&request) == read(&limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}
