//! What a kubelet says of itself over HTTP, to who asks through the API server (`nodes/NAME/proxy/…`).

use crate::api::{Info, Kind};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::runtime::Runtime;
use crate::sim::{Context, Core, NodeMetrics, Process, Time};

use super::Kubelet;
use super::serve::NO_RUNTIME;

/// The folders of `/var/log`.
const LOGS: &str = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n\
                    <a href=\"containers/\">containers/</a>\n<a href=\"pods/\">pods/</a>\n</pre>\n";

/// Whether a page of the kubelet's tells what its runtime knows, and that is there to tell it.
pub fn tells_usage(to: Process, path: &str, core: &Core) -> bool {
    let runs = matches!(to, Process::Kubelet(machine) if core.running(Process::Runtime(machine)));
    runs && (is_running(path) || is_summary(path))
}

fn is_summary(path: &str) -> bool {
    path.split('?').next() == Some("/stats/summary")
}

fn is_running(path: &str) -> bool {
    path.starts_with("/runningpods/")
}

impl Kubelet {
    /// What runs on the node, and what it uses, of the moment.
    pub fn usage_page(&self, path: &str, runtime: &Runtime, cx: &Context<'_>) -> Str {
        let usage = runtime.usage(self.name.clone(), cx.now());
        let doc = if is_running(path) { self.running_pods(&usage) } else { self.summary(&usage, cx) };
        doc.to_json().into()
    }

    fn running_pods(&self, usage: &NodeMetrics) -> Doc {
        let pods = usage.pods.iter().filter_map(|(key, running)| {
            let pod = self.informers.cache(Kind::Pod).get(key)?;
            let runs = |container: &&Doc| running.iter().any(|one| container["name"].str() == one.name);
            let known = pod.body["spec"]["containers"].items().iter().filter(runs);
            let containers = known.map(|container| {
                doc!({ "name": &container["name"], "image": &container["image"], "resources": {} })
            });
            let metadata =
                doc!({ "name": &key.name, "namespace": &key.namespace, "uid": pod.meta.uid.text() });
            Some(doc!({
                "metadata": metadata, "spec": { "containers": Doc::list(containers) }, "status": {}
            }))
        });
        doc!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": Doc::list(pods) })
    }

    /// What is used since it began. What is used at a moment nobody here has measured.
    fn summary(&self, usage: &NodeMetrics, cx: &Context<'_>) -> Doc {
        let date = |at: Time| Doc::Time(cx.core.dates.of(at).floor_seconds());
        let now = date(usage.at);
        let cpu = |nanos: u64| doc!({ "time": &now, "usageCoreNanoSeconds": nanos as i64 });
        let memory =
            |bytes: u64| doc!({ "time": &now, "usageBytes": bytes as i64, "workingSetBytes": bytes as i64 });
        let pods = usage.pods.iter().map(|(key, containers)| {
            let uid = self.by_key.get(key).map(|uid| uid.text());
            let of = containers.iter().map(|one| {
                doc!({
                    "name": &one.name, "startTime": date(one.started), "cpu": cpu(one.cpu_nanos),
                    "memory": memory(one.memory)
                })
            });
            doc!({
                "podRef": { "name": &key.name, "namespace": &key.namespace, "uid": uid },
                "startTime": containers.iter().map(|one| one.started).min().map(date),
                "containers": Doc::list(of), "cpu": cpu(containers.iter().map(|one| one.cpu_nanos).sum()),
                "memory": memory(containers.iter().map(|one| one.memory).sum())
            })
        });
        let mut whole = memory(usage.memory);
        let has = cx.core.machines[self.machine as usize].memory;
        whole.set("availableBytes", has.saturating_sub(usage.memory as i64).max(0));
        doc!({
            "node": {
                "nodeName": &usage.node, "startTime": date(Time::default()), "cpu": cpu(usage.cpu_nanos),
                "memory": whole, "fs": self.disk(&now)
            },
            "pods": Doc::list(pods)
        })
    }

    /// What is on the node's disk: its images.
    fn disk(&self, now: &Doc) -> Doc {
        let used: u64 = self.images.values().map(|image| image.bytes).sum();
        let left = super::node::DISK_BYTES.saturating_sub(used as i64).max(0);
        doc!({
            "time": now, "capacityBytes": super::node::DISK_BYTES, "usedBytes": used as i64, "availableBytes": left
        })
    }

    /// Status and text of what is at a path.
    pub(super) fn page(&self, path: &str, cx: &Context<'_>) -> (u32, Str) {
        let path = path.split('?').next().unwrap_or("");
        match path {
            "/healthz" | "/healthz/ping" | "/healthz/syncloop" | "/healthz/log" => (200, literal!("ok")),
            "/pods" | "/pods/" => (200, self.pod_list().to_json().into()),
            "/configz" => (200, self.configuration(cx).to_json().into()),
            "/logs" | "/logs/" => (200, literal!(LOGS)),
            path if is_running(path) || is_summary(path) => (500, literal!(NO_RUNTIME)),
            _ => (404, literal!("404 page not found\n")),
        }
    }

    fn pod_list(&self) -> Doc {
        let info: &Info = Kind::Pod.info();
        let pods = self.informers.cache(Kind::Pod).values().map(|object| object.to_doc());
        doc!({
            "kind": "PodList", "apiVersion": info.api_version(), "metadata": {}, "items": Doc::list(pods)
        })
    }

    fn configuration(&self, cx: &Context<'_>) -> Doc {
        let pods = cx.core.machines[self.machine as usize].pods;
        doc!({
            "kubeletconfig": {
                "port": 10250i64, "healthzPort": 10248i64, "clusterDomain": "cluster.local",
                "cgroupDriver": "systemd", "maxPods": pods, "serializeImagePulls": true
            }
        })
    }
}
