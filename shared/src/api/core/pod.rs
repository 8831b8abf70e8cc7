//! Pod: one or more containers that share a network address and a node.

use std::sync::Arc;

use crate::api::validation::{self, Faults};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, View, age, bytes, milli};
use crate::doc::{Doc, Str, Timestamp, intern};

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
    pub restarts: i64,
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
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Containers.
    pub containers: Vec<Container>,
    /// Init containers, in order.
    pub init_containers: Vec<Container>,
    /// `Always`, `OnFailure` or `Never`.
    pub restart_policy: Str,
    /// Labels that the node must have.
    pub node_selector: Doc,
    /// Affinity, as written.
    pub affinity: Doc,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Topology spread constraints, as written.
    pub topology_spread: Doc,
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
    /// CPU for scoring: containers without a request count 100m.
    pub scoring_cpu_milli: i64,
    /// Memory for scoring: containers without a request count 200 MiB.
    pub scoring_memory: i64,
}

/// What the simulation reads of a container.
#[derive(Clone, Debug)]
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
}

/// A port of a container.
#[derive(Clone, Debug)]
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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

impl Pod {
    /// Neither finished nor being deleted.
    pub fn is_active(&self, object: &Object) -> bool {
        !self.phase.is_terminal() && !object.meta.deleting()
    }
}

impl PodSpec {
    fn read(spec: &Doc) -> PodSpec {
        let containers: Vec<Container> = spec["containers"].items().iter().map(Container::read).collect();
        let init_containers: Vec<Container> =
            spec["initContainers"].items().iter().map(Container::read).collect();
        let request = |container: &Container, resource: &str, read: fn(&Doc) -> i64| {
            read(container.doc.at(&["resources", "requests", resource]))
        };
        // A pod needs what its containers need together, or its hungriest init container, whichever is more.
        let effective = |resource: &str, read: fn(&Doc) -> i64| {
            let together: i64 = containers.iter().map(|container| request(container, resource, read)).sum();
            init_containers
                .iter()
                .map(|container| request(container, resource, read))
                .fold(together, i64::max)
                + read(spec.at(&["overhead", resource]))
        };
        let scoring = |resource: &str, read: fn(&Doc) -> i64, fallback: i64| {
            let or_fallback = |container: &Container| {
                if container.doc.at(&["resources", "requests", resource]).is_null() {
                    fallback
                } else {
                    request(container, resource, read)
                }
            };
            let together: i64 = containers.iter().map(or_fallback).sum();
            init_containers.iter().map(or_fallback).fold(together, i64::max)
        };
        PodSpec {
            restart_policy: or(&spec["restartPolicy"], "Always"),
            node_selector: spec["nodeSelector"].clone(),
            affinity: spec["affinity"].clone(),
            tolerations: spec["tolerations"].items().iter().map(Toleration::read).collect(),
            topology_spread: spec["topologySpreadConstraints"].clone(),
            priority: spec["priority"].as_i64().unwrap_or(0),
            scheduler_name: or(&spec["schedulerName"], "default-scheduler"),
            grace_seconds: spec["terminationGracePeriodSeconds"].as_i64().unwrap_or(30),
            cpu_milli: effective("cpu", milli),
            memory: effective("memory", bytes),
            scoring_cpu_milli: scoring("cpu", milli, 100),
            scoring_memory: scoring("memory", bytes, 200 << 20),
            containers,
            init_containers,
        }
    }
}

impl Container {
    fn read(doc: &Doc) -> Container {
        Container {
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
    let rest =
        |doc: &Doc| doc.entries().iter().filter(|(key, _)| key != "nodeName").cloned().collect::<Vec<_>>();
    let (a, b) = (rest(a), rest(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && a.1.same(&b.1))
}

/// Fills in a pod spec's defaults, for pods and templates alike.
pub fn default_pod_spec(spec: &mut Doc) {
    if !matches!(spec, Doc::Map(_)) {
        return;
    }
    spec.default_to("restartPolicy", "Always");
    spec.default_to("dnsPolicy", "ClusterFirst");
    spec.default_to("schedulerName", "default-scheduler");
    spec.default_to("terminationGracePeriodSeconds", 30i64);
    spec.default_to("securityContext", Doc::map());
    for list in ["containers", "initContainers"] {
        // Untouched lists stay shared.
        let items = spec[list].items();
        let defaulted: Vec<Doc> = items.iter().map(default_container).collect();
        if items.iter().zip(&defaulted).any(|(before, after)| !before.same(after)) {
            spec.set(intern(list), defaulted);
        }
    }
}

fn default_container(container: &Doc) -> Doc {
    let mut container = container.clone();
    if !matches!(container, Doc::Map(_)) {
        return container;
    }
    container.default_to("terminationMessagePath", "/dev/termination-log");
    container.default_to("terminationMessagePolicy", "File");
    container.default_to("resources", Doc::map());
    let image = container["image"].str();
    let last = image.rsplit('/').next().unwrap_or("");
    let floating = !last.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    container.default_to("imagePullPolicy", if floating { "Always" } else { "IfNotPresent" });
    if container["ports"].items().iter().any(|port| port["protocol"].is_null()) {
        for port in container.at_mut(&["ports"]).items_mut() {
            port.default_to("protocol", "TCP");
        }
    }
    let missing: Vec<(Str, Doc)> = container["resources"]["limits"]
        .entries()
        .iter()
        .filter(|(resource, _)| container["resources"]["requests"][resource.as_str()].is_null())
        .cloned()
        .collect();
    for (resource, amount) in missing {
        container.at_mut(&["resources", "requests"]).set(resource, amount);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if !container[probe].is_null() {
            let probe = container.at_mut(&[probe]);
            probe.default_to("timeoutSeconds", 1i64);
            probe.default_to("periodSeconds", 10i64);
            probe.default_to("successThreshold", 1i64);
            probe.default_to("failureThreshold", 3i64);
            if !probe["httpGet"].is_null() {
                probe.at_mut(&["httpGet"]).default_to("scheme", "HTTP");
                probe.at_mut(&["httpGet"]).default_to("path", "/");
            }
        }
    }
    container
}

/// Says what is wrong with a pod spec that stands at `path`.
pub fn validate_pod_spec(spec: &Doc, path: &str, faults: &mut Faults) {
    if spec["containers"].items().is_empty() {
        faults.required(format!("{path}.containers"), "");
    }
    let mut names: Vec<Str> = Vec::new();
    for list in ["initContainers", "containers"] {
        for (at, container) in spec[list].items().iter().enumerate() {
            validate_container(container, &format!("{path}.{list}[{at}]"), &mut names, faults);
        }
    }
    let policy = &spec["restartPolicy"];
    if !matches!(policy.as_str(), None | Some("Always" | "OnFailure" | "Never")) {
        faults.not_supported(format!("{path}.restartPolicy"), policy, &["Always", "OnFailure", "Never"]);
    }
    validation::non_negative(
        faults,
        &format!("{path}.terminationGracePeriodSeconds"),
        &spec["terminationGracePeriodSeconds"],
    );
    validation::labels(faults, &format!("{path}.nodeSelector"), &spec["nodeSelector"]);
}

fn validate_container(container: &Doc, path: &str, names: &mut Vec<Str>, faults: &mut Faults) {
    let name = &container["name"];
    if name.is_empty() {
        faults.required(format!("{path}.name"), "");
    } else {
        validation::dns_label(faults, &format!("{path}.name"), name);
        if names.contains(&name.str()) {
            faults.duplicate(format!("{path}.name"), name);
        }
        names.push(name.str());
    }
    if container["image"].is_empty() {
        faults.required(format!("{path}.image"), "");
    }
    for (at, port) in container["ports"].items().iter().enumerate() {
        let number = &port["containerPort"];
        let field = format!("{path}.ports[{at}].containerPort");
        match number.as_i64() {
            None => faults.required(field, ""),
            Some(1..=65_535) => {}
            Some(_) => faults.invalid(field, number, "must be between 1 and 65535, inclusive"),
        }
    }
    for bound in ["requests", "limits"] {
        for (resource, amount) in container["resources"][bound].entries() {
            let field = format!("{path}.resources.{bound}[{resource}]");
            let parsed = match amount {
                Doc::Str(text) => crate::api::parse_quantity(text),
                Doc::Int(number) => Some(i128::from(*number) * 1000),
                _ => None,
            };
            if parsed.is_none_or(|amount| amount < 0) {
                faults.invalid(field, amount, "must be greater than or equal to 0");
            }
        }
    }
    for resource in ["cpu", "memory"] {
        let read = if resource == "cpu" { milli } else { bytes };
        let (request, limit) = (
            container.at(&["resources", "requests", resource]),
            container.at(&["resources", "limits", resource]),
        );
        if !limit.is_null() && read(request) > read(limit) {
            let field = format!("{path}.resources.requests");
            faults.invalid(
                field,
                request,
                format!("must be less than or equal to {resource} limit of {}", limit.str()),
            );
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
            subresources: &[Subresource::Status, Subresource::Binding, Subresource::Eviction],
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
                .filter_map(|c| c["restartCount"].as_i64())
                .sum(),
        })
    }

    fn default(&self, doc: &mut Doc) {
        doc.at_mut(&["spec"]).default_to("enableServiceLinks", true);
        default_pod_spec(doc.at_mut(&["spec"]));
    }

    fn prepare_create(&self, doc: &mut Doc) {
        let qos = qos_class(&doc["spec"]);
        doc.set("status", crate::doc!({ "phase": "Pending", "qosClass": qos }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate_pod_spec(&doc["spec"], "spec", faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let frozen = |doc: &Doc| {
            let mut spec = doc["spec"].clone();
            for field in ["tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"] {
                spec.remove(field);
            }
            for list in ["containers", "initContainers"] {
                for at in 0..spec[list].items().len() {
                    spec.at_mut(&[list]).items_mut()[at].remove("image");
                }
            }
            spec
        };
        if !old["spec"].same(&new["spec"]) && frozen(old) != frozen(new) {
            faults.forbidden(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`,\
                 `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                 existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                 previously negative)",
            );
        }
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
        let statuses = status["containerStatuses"].items();
        let ready = statuses
            .iter()
            .filter(|c| c["ready"].as_bool() == Some(true) && !c["state"]["running"].is_null());
        let total = object.body["spec"]["containers"].items().len();
        let or_none = |doc: &Doc| doc.as_str().filter(|text| !text.is_empty()).unwrap_or("<none>").to_owned();
        vec![
            object.key.name.to_string(),
            format!("{}/{total}", ready.count()),
            display_status(object),
            restarts(statuses, now),
            age(object.meta.creation, now),
            or_none(&status["podIP"]),
            or_none(&object.body["spec"]["nodeName"]),
            or_none(&status["nominatedNodeName"]),
            "<none>".into(),
        ]
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        Some(match path {
            "metadata.name" => object.key.name.clone(),
            "metadata.namespace" => object.key.namespace.clone(),
            "spec.nodeName" => object.body["spec"]["nodeName"].str(),
            "spec.restartPolicy" => object.body["spec"]["restartPolicy"].str(),
            "spec.schedulerName" => object.body["spec"]["schedulerName"].str(),
            "status.phase" => object.body["status"]["phase"].str(),
            "status.podIP" => object.body["status"]["podIP"].str(),
            _ => return None,
        })
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "metadata.name",
            "metadata.namespace",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "status.phase",
            "status.podIP",
        ]
    }
}

/// What kubectl's STATUS column says of a pod.
pub fn display_status(object: &Object) -> String {
    let status = &object.body["status"];
    let mut text = status["phase"].as_str().unwrap_or("Unknown").to_owned();
    if let Some(reason) = status["reason"].as_str() {
        text = reason.to_owned();
    }
    let statuses = status["containerStatuses"].items();
    let mut running = false;
    for container in statuses.iter().rev() {
        let state = &container["state"];
        if let Some(reason) = state["waiting"]["reason"].as_str() {
            text = reason.to_owned();
        } else if let Some(reason) = state["terminated"]["reason"].as_str() {
            text = reason.to_owned();
        } else if !state["terminated"].is_null() {
            text = format!("ExitCode:{}", state["terminated"]["exitCode"]);
        } else if container["ready"].as_bool() == Some(true) && !state["running"].is_null() {
            running = true;
        }
    }
    if text == "Completed" && running {
        text = "Running".into();
    }
    if object.meta.deleting() { "Terminating".into() } else { text }
}

fn restarts(statuses: &[Doc], now: Timestamp) -> String {
    let count: i64 = statuses.iter().filter_map(|container| container["restartCount"].as_i64()).sum();
    let last =
        statuses.iter().filter_map(|c| c.at(&["lastState", "terminated", "finishedAt"]).as_time()).max();
    match last {
        Some(last) if count > 0 => format!("{count} ({} ago)", age(last, now)),
        _ => count.to_string(),
    }
}

fn qos_class(spec: &Doc) -> &'static str {
    let containers = || spec["containers"].items().iter().chain(spec["initContainers"].items());
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
