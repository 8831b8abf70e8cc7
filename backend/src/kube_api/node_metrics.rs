//! What kubelets count, in Prometheus' text form (`nodes/NAME/proxy/metrics…`): made of what they say in their summary. There
//! is only what is true of the simulation.

use std::{collections::BTreeMap, fmt::Write};

use shared::{
    cluster::HttpRequest,
    doc::{Doc, Str},
    session::protocol::Role,
};

use super::replica::{Handle, Reply};

/// What a metric takes of an object that the summary tells of.
type Value = fn(&Doc) -> String;

/// The port of kubelets.
const KUBELET: &str = "10250";

/// Which page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// `/metrics`: the kubelet's own.
    Own,
    /// `/metrics/resource`: what is used, for metrics-server.
    Resource,
    /// `/metrics/cadvisor`: the same, container by container.
    Cadvisor,
}

/// A request for such a page, and the way to the kubelet.
pub struct Asked {
    page: Page,
    kubelet: String,
}

impl Asked {
    /// What a request is for, if that is such a page.
    pub fn of(http: &HttpRequest) -> Option<Self> {
        let path = http.path.split('?').next().unwrap_or_default();
        let (node, page) = path.strip_prefix("/api/v1/nodes/")?.split_once("/proxy/metrics")?;
        let named: Vec<&str> = node.split(':').collect();
        let own = match named.as_slice() {
            [_] => true,
            [_, port] | [_, _, port] => matches!(*port, "" | KUBELET),
            _ => false,
        };
        let page = match page.trim_end_matches('/') {
            "" => Page::Own,
            "/resource" => Page::Resource,
            "/cadvisor" => Page::Cadvisor,
            _ => return None,
        };
        let kubelet = format!("/api/v1/nodes/{node}/proxy");
        (own && http.method == "GET").then_some(Self { page, kubelet })
    }

    /// The page, or what comes in its place.
    pub async fn answer(&self, handle: &Handle, role: Role, http: HttpRequest) -> Reply {
        let path = |page: &str| format!("{}{page}", self.kubelet).into();
        let asked = HttpRequest { path: path("/stats/summary"), ..http.clone() };
        let mut answer = match handle.ask(role, asked).await {
            Reply::Answer(answer) if answer.is_success() => answer,
            other => return other,
        };
        let summary = read(&answer.body);
        let text = match self.page {
            Page::Own => own(&summary),
            Page::Resource => resource(&summary),
            Page::Cadvisor => match handle.ask(role, HttpRequest { path: path("/pods"), ..http }).await {
                Reply::Answer(pods) if pods.is_success() => cadvisor(&summary, &read(&pods.body)),
                other => return other,
            },
        };
        answer.body = text.into();
        Reply::Answer(answer)
    }
}

/// What a kubelet says is JSON in a text.
fn read(body: &Doc) -> Doc {
    shared::doc::parse_json(&body.str()).unwrap_or_default()
}

/// The text under way.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, of: &str, help: &str) {
        // A text takes all that is written.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {of}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let mut said = String::new();
        for (label, value) in labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let mark = if said.is_empty() { "" } else { "," };
            let _ = write!(said, "{mark}{label}=\"{value}\"");
        }
        let said = if said.is_empty() { said } else { format!("{{{said}}}") };
        let _ = writeln!(self.0, "{name}{said} {value}");
    }
}

/// Seconds of CPU, bytes of memory, or when something began.
fn cpu(of: &Doc) -> String {
    let nanos = of["cpu"]["usageCoreNanoSeconds"].as_i64().unwrap_or_default();
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn memory(of: &Doc) -> String {
    of["memory"]["workingSetBytes"].as_i64().unwrap_or_default().to_string()
}

fn start(of: &Doc) -> String {
    of["startTime"].as_time().map_or(0, |time| time.seconds()).to_string()
}

/// A value with the moment of the measurement, in milliseconds.
fn dated(value: String, of: &Doc) -> String {
    let at = of["cpu"]["time"].as_time().map_or(0, |time| time.seconds() * 1000);
    format!("{value} {at}")
}

/// All containers: namespace, pod and itself.
fn containers(summary: &Doc) -> impl Iterator<Item = (Str, Str, &Doc)> {
    summary["pods"].items().iter().flat_map(|pod| {
        let (namespace, name) = (pod["podRef"]["namespace"].str(), pod["podRef"]["name"].str());
        pod["containers"].items().iter().map(move |one| (namespace.clone(), name.clone(), one))
    })
}

fn own(summary: &Doc) -> String {
    let mut text = Text::default();
    text.family("kubelet_node_name", "gauge", "[ALPHA] The node's name. The count is always 1.");
    text.line("kubelet_node_name", &[("node", &summary["node"]["nodeName"].str())], "1");
    let help = "[ALPHA] Number of containers currently running";
    text.family("kubelet_running_containers", "gauge", help);
    let running = containers(summary).count().to_string();
    text.line("kubelet_running_containers", &[("container_state", "running")], &running);
    let help = "[ALPHA] Number of pods that have a running pod sandbox";
    text.family("kubelet_running_pods", "gauge", help);
    text.line("kubelet_running_pods", &[], &summary["pods"].items().len().to_string());
    text.0
}

fn resource(summary: &Doc) -> String {
    let mut text = Text::default();
    let (node, pods) = (&summary["node"], summary["pods"].items());
    let help = [
        "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
        "[STABLE] Current working set of the container in bytes",
        "[STABLE] Start time of the container since unix epoch in seconds",
        "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
        "[STABLE] Current working set of the node in bytes",
        "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
        "[STABLE] Current working set of the pod in bytes",
    ];
    let of_container: [(&str, &str, Value); 3] = [
        ("container_cpu_usage_seconds_total", "counter", cpu),
        ("container_memory_working_set_bytes", "gauge", memory),
        ("container_start_time_seconds", "gauge", start),
    ];
    for ((name, of, value), help) in of_container.into_iter().zip(help) {
        text.family(name, of, help);
        for (namespace, pod, one) in containers(summary) {
            let container = one["name"].str();
            let labels: [(&str, &str); 3] =
                [("container", &container), ("namespace", &namespace), ("pod", &pod)];
            text.line(name, &labels, &dated(value(one), one));
        }
    }
    text.family("node_cpu_usage_seconds_total", "counter", help[3]);
    text.line("node_cpu_usage_seconds_total", &[], &dated(cpu(node), node));
    text.family("node_memory_working_set_bytes", "gauge", help[4]);
    text.line("node_memory_working_set_bytes", &[], &dated(memory(node), node));
    let of_pod: [(&str, &str, Value); 2] =
        [("pod_cpu_usage_seconds_total", "counter", cpu), ("pod_memory_working_set_bytes", "gauge", memory)];
    for ((name, of, value), help) in of_pod.into_iter().zip(&help[5..]) {
        text.family(name, of, help);
        for pod in pods {
            let (namespace, called) = (pod["podRef"]["namespace"].str(), pod["podRef"]["name"].str());
            text.line(name, &[("namespace", &namespace), ("pod", &called)], &dated(value(pod), pod));
        }
    }
    let help = "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise";
    text.family("resource_scrape_error", "gauge", help);
    text.line("resource_scrape_error", &[], "0");
    text.0
}

fn cadvisor(summary: &Doc, pods: &Doc) -> String {
    let mut text = Text::default();
    // What else is known of a container, by namespace, pod and name: its image and its identifier.
    let mut known: BTreeMap<(Str, Str, Str), (Str, Str)> = BTreeMap::new();
    for pod in pods["items"].items() {
        let metadata = &pod["metadata"];
        for status in pod["status"]["containerStatuses"].items() {
            let key = (metadata["namespace"].str(), metadata["name"].str(), status["name"].str());
            let id = status["containerID"].str();
            let id = id.rsplit("//").next().unwrap_or_default().into();
            known.insert(key, (status["image"].str(), id));
        }
    }
    let families: [(&str, &str, &str, Value); 4] = [
        ("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.", cpu),
        (
            "container_memory_usage_bytes",
            "gauge",
            "Current memory usage in bytes, including all memory \
            regardless of when it was accessed",
            memory,
        ),
        ("container_memory_working_set_bytes", "gauge", "Current working set in bytes.", memory),
        (
            "container_start_time_seconds",
            "gauge",
            "Start time of the container since unix epoch in seconds.",
            start,
        ),
    ];
    let node = &summary["node"];
    for (name, of, help, value) in families {
        text.family(name, of, help);
        let total: &[(&str, &str)] =
            if name == "container_cpu_usage_seconds_total" { &[("cpu", "total")] } else { &[] };
        let whole =
            [("container", ""), ("id", "/"), ("image", ""), ("name", ""), ("namespace", ""), ("pod", "")];
        text.line(name, &[&whole[..1], total, &whole[1..]].concat(), &dated(value(node), node));
        for (namespace, pod, one) in containers(summary) {
            let container = one["name"].str();
            let key = (namespace.clone(), pod.clone(), container.clone());
            let (image, id) = known.get(&key).cloned().unwrap_or_default();
            let group = format!("/kubepods.slice/cri-containerd-{id}.scope");
            let labels: [(&str, &str); 6] = [
                ("container", &container),
                ("id", &group),
                ("image", &image),
                ("name", &id),
                ("namespace", &namespace),
                ("pod", &pod),
            ];
            text.line(name, &[&labels[..1], total, &labels[1..]].concat(), &dated(value(one), one));
        }
    }
    let bytes = |field: &str| node["memory"][field].as_i64().unwrap_or_default();
    text.family("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.");
    text.line("machine_memory_bytes", &[], &(bytes("availableBytes") + bytes("workingSetBytes")).to_string());
    text.0
}
