//! What containers use; and the program of the metrics-server image, which asks all kubelets for that and answers for
//! `metrics.k8s.io`.

use std::sync::Arc;

use crate::api::{Kind, Object, Reply, Request, Status, User, Verb, quantity};
use crate::client::Input;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{
    Body, ContainerMetrics, Context, Duration, Metrics, NodeMetrics, Process, Query, RequestId, Time, Timer,
};

use super::container::Stage;
use super::{Container, ImageSpec, Runtime};

/// `--metric-resolution`
const RESOLUTION: Duration = Duration::seconds(15);
/// From when on a container that started since the last look counts.
const FRESH: Duration = Duration::seconds(10);
/// What runs on a node beside containers: kubelet, runtime, system.
const SYSTEM_CPU_MILLI: u64 = 50;
const SYSTEM_MEMORY: u64 = 400 << 20;

/// What one metrics-server knows.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Scraper {
    asked: Option<RequestId>,
    /// The last two measurements of each node.
    nodes: BTreeMap<Str, (Option<Arc<NodeMetrics>>, Arc<NodeMetrics>)>,
}

/// CPU time in nanoseconds and memory in bytes at a moment.
#[derive(Clone, Copy)]
struct Point {
    at: Time,
    cpu_nanos: u64,
    memory: u64,
}

impl Container {
    /// Since when it runs and its CPU time since then, in nanoseconds.
    fn burnt(&self, spec: &ImageSpec, now: Time) -> Option<(Time, u64)> {
        let Stage::Running { since, .. } = self.stage else { return None };
        let idle = u64::from(spec.cpu_milli) * now.since(since).0 * 1000;
        let burnt = self.worked(spec, now).saturating_add(self.burnt_for_nothing(now));
        Some((since, idle.saturating_add(burnt)))
    }
}

impl Runtime {
    /// What the node uses: the kubelet's answer to a scrape.
    pub fn usage(&self, node: Str, now: Time) -> NodeMetrics {
        let mut usage = NodeMetrics {
            node,
            at: now,
            cpu_nanos: self.ended_cpu_nanos + SYSTEM_CPU_MILLI * now.0 * 1000,
            memory: SYSTEM_MEMORY,
            pods: Vec::new(),
        };
        for sandbox in self.sandboxes.values() {
            let of = |container: &Container| {
                let spec = self.images.find(&container.image).spec()?;
                let (started, cpu_nanos) = container.burnt(spec, now)?;
                Some(ContainerMetrics {
                    name: container.name.clone(),
                    started,
                    cpu_nanos,
                    memory: container.counted,
                })
            };
            let containers: Vec<ContainerMetrics> = sandbox.containers.iter().filter_map(of).collect();
            if containers.is_empty() {
                continue;
            }
            usage.cpu_nanos += containers.iter().map(|container| container.cpu_nanos).sum::<u64>();
            usage.memory += containers.iter().map(|container| container.memory).sum::<u64>();
            usage.pods.push((sandbox.key.clone(), containers));
        }
        usage
    }

    /// A container is about to end: what it used stays with the node.
    pub(super) fn keep_usage(&mut self, number: u64, now: Time) {
        let images = Arc::clone(&self.images);
        let Some((_, container)) = self.numbered_mut(number) else { return };
        let spec = images.find(&container.image).spec();
        let burnt = spec.and_then(|spec| container.burnt(spec, now)).map_or(0, |(_, nanos)| nanos);
        self.ended_cpu_nanos += burnt;
        self.scrapers.remove(&number);
    }

    /// A container is up: if it is a metrics-server, it begins to look around.
    pub(super) fn begin_scraping(&mut self, number: u64, cx: &mut Context<'_>) {
        self.scrapers.insert(number, Scraper::default());
        cx.timer(Duration::ZERO, Timer { number, ..Timer::named("scrape") });
    }

    /// Time for the next look: which nodes are there?
    pub(super) fn scrape(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(scraper) = self.scrapers.get_mut(&number) else { return };
        // Who did not answer last time is forgotten.
        let patience = Time(cx.now().0.saturating_sub(RESOLUTION.0 + 1000));
        scraper.nodes.retain(|_, (_, last)| last.at >= patience);
        let user = User::component("system:serviceaccount:kube-system:metrics-server");
        scraper.asked = Some(cx.request(Request::list(user, Kind::Node)));
        cx.timer(RESOLUTION, Timer { number, ..Timer::named("scrape") });
    }

    /// The nodes are known: each is asked.
    pub(super) fn nodes_listed(&mut self, input: Input, cx: &mut Context<'_>) {
        let Input::Response(id, Ok(Reply::List(nodes, _))) = input else { return };
        if !self.scrapers.values().any(|scraper| scraper.asked == Some(id)) {
            return;
        }
        for node in nodes.iter() {
            let machines = (0u32..).zip(&cx.core.machines);
            let machine = machines.into_iter().find(|(_, machine)| machine.name == node.key.name);
            if let Some((machine, _)) = machine {
                cx.send(Process::Kubelet(machine), Body::Metrics(Metrics::Scrape));
            }
        }
    }

    /// A message for a metrics-server that runs here.
    pub fn metrics(&mut self, message: Metrics, cx: &mut Context<'_>) {
        match message {
            Metrics::Scrape => {}
            Metrics::Usage(usage) => {
                for scraper in self.scrapers.values_mut() {
                    let before = scraper.nodes.remove(&usage.node).map(|(_, last)| last);
                    scraper.nodes.insert(usage.node.clone(), (before, Arc::clone(&usage)));
                }
            }
            Metrics::Query(query) => {
                let reply = self.answer_query(&query, cx).map_err(Box::new);
                let (asker, id) = query.asker;
                cx.send(asker, Body::Response(id, reply));
            }
        }
    }

    fn answer_query(&self, query: &Query, cx: &Context<'_>) -> Result<Reply, Status> {
        let request = &query.request;
        let named = |sandbox: &&super::Sandbox| {
            sandbox.key.name == query.server && sandbox.key.namespace == "kube-system"
        };
        let sandbox = self.sandboxes.values().find(named);
        let numbers = sandbox.into_iter().flat_map(|sandbox| &sandbox.containers);
        let scraper = numbers.into_iter().find_map(|container| self.scrapers.get(&container.number));
        let scraper = scraper.ok_or_else(|| Status::metrics_unavailable(request))?;
        let items = query.objects.iter().filter_map(|object| scraper.document(object, cx));
        let (kind, list) = if request.kind == Kind::Pod {
            ("PodMetrics", "PodMetricsList")
        } else {
            ("NodeMetrics", "NodeMetricsList")
        };
        let version = "metrics.k8s.io/v1beta1";
        if request.verb == Verb::List {
            let items = Doc::list(items);
            return Ok(Reply::Doc(
                doc!({ "kind": list, "apiVersion": version, "metadata": {}, "items": items }),
            ));
        }
        let mut items = items;
        let mut item = items.next().ok_or_else(|| Status::no_metrics(request))?;
        item.set("kind", kind);
        item.set("apiVersion", version);
        Ok(Reply::Doc(item))
    }
}

impl Scraper {
    /// The metrics of a node or pod; none until there are two measurements.
    fn document(&self, object: &Object, cx: &Context<'_>) -> Option<Doc> {
        let pod = object.key.kind == Kind::Pod;
        let node = if pod { object.body["spec"]["nodeName"].str() } else { object.key.name.clone() };
        let (before, last) = self.nodes.get(&node)?;
        let mut metadata = doc!({ "name": &object.key.name, "creationTimestamp": Doc::Time(cx.timestamp().floor_seconds()) });
        if pod {
            metadata.set("namespace", &object.key.namespace);
        }
        if !object.meta.labels.is_empty() {
            metadata.set("labels", object.meta.labels.clone());
        }
        let whole =
            |usage: &NodeMetrics| Point { at: usage.at, cpu_nanos: usage.cpu_nanos, memory: usage.memory };
        let (field, value, window) = if pod {
            let (containers, window) = containers(object, before.as_deref(), last)?;
            ("containers", containers, window)
        } else {
            let (usage, window) = rate(whole(before.as_deref()?), whole(last))?;
            ("usage", usage, window)
        };
        let at = cx.core.dates.of(last.at).floor_seconds();
        let mut document =
            doc!({ "metadata": metadata, "timestamp": Doc::Time(at), "window": window.to_string() });
        document.set(field, value);
        Some(document)
    }
}

/// What each container of a pod uses, and over which time that was measured.
fn containers(object: &Object, before: Option<&NodeMetrics>, last: &NodeMetrics) -> Option<(Doc, Duration)> {
    let of = |usage: &'_ NodeMetrics| -> Option<usize> {
        usage.pods.iter().position(|(key, _)| *key == object.key)
    };
    let now = &last.pods[of(last)?].1;
    let earlier = before.and_then(|before| Some(before.pods[of(before)?].1.as_slice())).unwrap_or(&[]);
    let mut window = None;
    let mut all = Vec::new();
    for container in now {
        let age = last.at.since(container.started);
        let known = earlier.iter().find(|it| it.name == container.name && it.started == container.started);
        let first = match known.zip(before) {
            Some((point, before)) => Point { at: before.at, cpu_nanos: point.cpu_nanos, memory: 0 },
            None if age >= FRESH && age < RESOLUTION => {
                Point { at: container.started, cpu_nanos: 0, memory: 0 }
            }
            None => return None,
        };
        let point = Point { at: last.at, cpu_nanos: container.cpu_nanos, memory: container.memory };
        let (usage, over) = rate(first, point)?;
        window = Some(window.unwrap_or(over).min(over));
        all.push(doc!({ "name": &container.name, "usage": usage }));
    }
    Some((Doc::list(all), window?))
}

/// CPU and memory as quantities, from two points in time.
fn rate(first: Point, last: Point) -> Option<(Doc, Duration)> {
    let window = last.at.since(first.at);
    let nanos = last.cpu_nanos.checked_sub(first.cpu_nanos)?;
    let cores = u128::from(nanos) * 1000 / u128::from(Some(window.0).filter(|millis| *millis > 0)?);
    let memory = quantity::Amount { milli: i128::from(last.memory) * 1000, binary: true };
    Some((doc!({ "cpu": quantity::nanos(cores), "memory": memory.to_string() }), window))
}
