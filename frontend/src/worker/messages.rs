//! Which messages are drawn, and when: the trace tells what really travelled and why; this keeps to the visual budget
//! and to cause before effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use shared::{
    api::{Key, Kind, core::pod::Pod},
    cluster::Cluster,
    sim::{Body, PacketStep, Payload, Process, Record, RecordId, What},
};

use super::pacing;
use crate::protocol::{Hop, Speed};

/// Messages drawn singly at once.
const SINGLY: usize = 12;
/// Background messages among them.
const BACKGROUND: usize = 8;
/// Scene milliseconds of a hop that no person caused.
const BACKGROUND_MS: f64 = 420.0;
/// A background message that could only be drawn so much later is not drawn.
const LATEST_MS: f64 = 1800.0;
/// Hops of one story that hold the clock: what goes on and on is a flow in the end, and who looks wants to get on.
const HOLDING: u32 = 150;
/// Of those that say the same of things of one kind so many hold it: one ConfigMap of a hundred is written like another.
const HOLDING_ALIKE: u32 = 12;
/// At more than this pace background messages are a flow, not dots.
const DOTS_RATE: f64 = 3.0;

/// A drawn message that holds the clock until the picture has shown it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Virtual time of its arrival.
    pub until: u64,
    /// Scene time of its arrival.
    pub end: f64,
}

/// What to draw of the messages since the last look.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Dots.
    pub hops: Vec<Hop>,
    /// Places whose heartbeat set out.
    pub heartbeats: Vec<String>,
    /// Background messages that were not drawn.
    pub rest: u32,
}

/// Follows the trace.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    next: RecordId,
    /// Scene time at which the effects of a record may set out.
    ready: BTreeMap<RecordId, f64>,
    /// Dots under way: scene times at which they end, and whether a person caused them.
    flying: Vec<(f64, bool)>,
    /// Same message to the same program: one dot for all its watches.
    alike: BTreeSet<(u64, String, String, &'static str)>,
    held: Vec<Held>,
    /// Hops of the present story so far, and of each sort among them.
    seen: u32,
    sorts: BTreeMap<(&'static str, Kind), u32>,
    /// Where a visitor's request went, by its number: its answer comes from there.
    visits: BTreeMap<u64, String>,
}

/// How the viewer looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Scene time.
    pub scene: f64,
    /// Virtual milliseconds a scene millisecond.
    pub rate: f64,
    /// The chosen speed.
    pub speed: Speed,
    /// The first command of the last human action.
    pub accent_from: u64,
    /// Nothing is drawn: time is being skipped.
    pub quiet: bool,
}

impl Messages {
    /// Begins with what comes next in this cluster's trace.
    pub fn new(cluster: &Cluster) -> Self {
        Self { next: cluster.core().trace.next_id(), ..Self::default() }
    }

    /// A person did something: their story begins.
    pub fn begin_story(&mut self) {
        self.seen = 0;
        self.sorts.clear();
    }

    /// The message that holds the clock next, if any does at `scene`.
    pub fn held(&mut self, scene: f64) -> Option<Held> {
        self.held.retain(|held| held.end > scene);
        self.held.iter().copied().min_by(|a, b| a.until.cmp(&b.until).then(a.end.total_cmp(&b.end)))
    }

    /// Looks at what was recorded since the last look.
    pub fn collect(&mut self, cluster: &Cluster, look: Look, drawn: &mut Drawn) {
        let trace = &cluster.core().trace;
        self.flying.retain(|(end, _)| *end > look.scene);
        let from = self.next;
        self.next = trace.next_id();
        for (id, record) in trace.since(from) {
            let after = record.causes.records().iter().filter_map(|cause| self.ready.get(cause));
            let after = after.copied().fold(look.scene, f64::max);
            let end = self.draw(cluster, id, record, after, look, drawn);
            self.ready.insert(id, end);
        }
        // Causes come shortly before their effects: what is long past is asked for no more.
        let surplus = self.ready.len().saturating_sub(4000);
        if surplus > 0 {
            let first = self.ready.keys().nth(surplus).copied().unwrap_or(0);
            self.ready = self.ready.split_off(&first);
        }
        if self.alike.len() > 2000 {
            self.alike.clear();
        }
        if self.visits.len() > 200 {
            self.visits.clear();
        }
    }

    /// Whether a hop of the story is one to wait for.
    fn holds(&mut self, what: &What) -> bool {
        let object = match what {
            What::Message { object, .. } => object.as_ref(),
            What::Write { key, .. } => Some(key),
            _ => None,
        };
        let alike = object.map_or(0, |key| {
            let alike = self.sorts.entry((kind_of(what), key.kind)).or_default();
            *alike += 1;
            *alike
        });
        self.seen < HOLDING && alike <= HOLDING_ALIKE
    }

    /// The pod that a request on its way comes from or goes to. The trace names programs; what is still in the queue
    /// knows the address.
    fn visit(&mut self, cluster: &Cluster, id: RecordId) -> (Option<String>, Option<String>) {
        let packet = cluster.core().queue.iter().find_map(|(_, event)| match &event.payload {
            Payload::Arrive(message) if message.causes.records() == [id] => match &message.body {
                Body::Packet(packet) => Some(packet),
                _ => None,
            },
            _ => None,
        });
        match packet.map(|packet| (packet.number, &packet.step)) {
            Some((number, PacketStep::ToPod { ip, .. })) => {
                let pod = pod_at(cluster, *ip);
                self.visits.extend(pod.clone().map(|pod| (number, pod)));
                (None, pod)
            }
            Some((number, PacketStep::Answer { .. })) => (self.visits.remove(&number), None),
            _ => (None, None),
        }
    }

    /// Draws one record, if it is to be drawn; the answer is the scene time at which its effects may set out.
    fn draw(
        &mut self,
        cluster: &Cluster,
        id: RecordId,
        record: &Record,
        after: f64,
        look: Look,
        drawn: &mut Drawn,
    ) -> f64 {
        let accent = record.root.is_some_and(|root| root >= look.accent_from);
        let hop = match &record.what {
            What::Message { from, to, label, object, heartbeat, .. } => {
                if *heartbeat {
                    if matches!(from, Process::Kubelet(_)) {
                        drawn.heartbeats.push(place(cluster, *from));
                    }
                    return after;
                }
                if look.quiet || !worth_drawing(cluster, *from, *to, label, object.as_ref(), accent) {
                    return after;
                }
                let (from_pod, to_pod) =
                    if *label == "HTTP" { self.visit(cluster, id) } else { (None, None) };
                Hop {
                    from: from_pod.unwrap_or_else(|| place(cluster, *from)),
                    to: to_pod.unwrap_or_else(|| place(cluster, *to)),
                    label: (*label).to_owned(),
                    object: object.as_ref().map_or(String::new(), words),
                    traffic: *label == "HTTP",
                    lost: !cluster.core().running(*to) && !matches!(to, Process::Client(_)),
                    ..Hop::default()
                }
            }
            // One etcd member commits without messages; the write itself is what travels.
            What::Write { key, revision, .. } if accent && !look.quiet && key.kind != Kind::Event => Hop {
                from: "kube-apiserver".to_owned(),
                to: "etcd".to_owned(),
                label: format!("revision {revision}"),
                object: words(key),
                ..Hop::default()
            },
            _ => return after,
        };
        let until = if let What::Message { until, .. } = &record.what { until.0 } else { record.at.0 };
        if !self.alike.insert((until, hop.to.clone(), hop.object.clone(), kind_of(&record.what)))
            && !hop.traffic
        {
            return after;
        }
        let foreground = accent && !hop.traffic;
        let under_way = self.flying.iter().filter(|(end, _)| *end > after).count();
        let background = self.flying.iter().filter(|(end, accent)| *end > after && !accent).count();
        let fits = if foreground {
            under_way < SINGLY
        } else {
            background < BACKGROUND && look.rate <= DOTS_RATE && after - look.scene < LATEST_MS
        };
        if !fits {
            drawn.rest += u32::from(!foreground);
            return after;
        }
        let story = foreground && look.speed == Speed::Story && self.holds(&record.what);
        let length = if story { pacing::hop_ms(self.seen) } else { BACKGROUND_MS };
        let end = after + length;
        self.flying.push((end, foreground));
        if story {
            // Counting replicas follows what happened; it does not hold it up.
            if !bookkeeping(&record.what) {
                self.seen += 1;
                self.held.push(Held { until, end });
            }
        }
        drawn.hops.push(Hop { id, start: after, end, accent: foreground, ..hop });
        end
    }
}

/// Status counts of controllers about their own objects.
fn bookkeeping(what: &What) -> bool {
    match what {
        What::Message { label, object: Some(key), .. } => {
            matches!(key.kind, Kind::ReplicaSet | Kind::Deployment) && matches!(*label, "PATCH" | "MODIFIED")
        }
        What::Write { key, change, .. } => {
            matches!(key.kind, Kind::ReplicaSet | Kind::Deployment)
                && *change == shared::sim::ChangeKind::Modified
        }
        _ => false,
    }
}

fn kind_of(what: &What) -> &'static str {
    match what {
        What::Message { label, .. } => label,
        _ => "write",
    }
}

/// Answers and bookkeeping stay out of the picture; a change is drawn to those who act on it.
fn worth_drawing(
    cluster: &Cluster,
    from: Process,
    to: Process,
    label: &str,
    object: Option<&Key>,
    accent: bool,
) -> bool {
    if label == "HTTP" {
        return true;
    }
    if object.is_some_and(|key| matches!(key.kind, Kind::Event | Kind::Lease)) {
        return false;
    }
    let answers = matches!(from, Process::ApiServer(_)) && !matches!(label, "ADDED" | "MODIFIED" | "DELETED");
    if answers {
        return accent && matches!(label, "error" | "404");
    }
    if matches!(label, "GET" | "LIST" | "WATCH" | "event") {
        return false;
    }
    let Some(key) = object else { return true };
    match (to, key.kind) {
        // The scheduler acts on pods without a node; whatever else it hears only fills its cache.
        (Process::Scheduler(_), Kind::Pod) => {
            let pod = cluster.store().get(key).and_then(|object| object.view::<Pod>());
            pod.is_some_and(|pod| pod.node_name.is_empty())
        }
        (Process::Scheduler(_), _) => false,
        (Process::ProxyWatch | Process::KubeProxy(_), kind) => {
            matches!(kind, Kind::EndpointSlice | Kind::Service)
        }
        (Process::CoreDns | Process::LoadBalancer | Process::CniWatch | Process::IngressController, _) => {
            false
        }
        // A kubelet hears what it said itself; it acts when a pod comes or has to go.
        (Process::Kubelet(_), Kind::Pod) => {
            label != "MODIFIED" || cluster.store().get(key).is_none_or(|pod| pod.meta.deleting())
        }
        (Process::Kubelet(_), Kind::Node) => false,
        _ => true,
    }
}

/// A process as the page places it.
pub fn place(cluster: &Cluster, process: Process) -> String {
    match process {
        Process::Client(_) => "you".to_owned(),
        Process::ProxyWatch => {
            // One cache serves all proxies: its messages go to the first that runs.
            let machines = (0..).zip(&cluster.core().machines);
            let running = |(number, _): &(u32, _)| cluster.core().running(Process::KubeProxy(*number));
            let machine = machines.clone().find(running).map_or(0, |(number, _)| number);
            place(cluster, Process::KubeProxy(machine))
        }
        process => match process.machine() {
            Some(number) => {
                let machine = cluster.core().machines.get(number as usize);
                format!("{}@{}", process.program(), machine.map_or("", |machine| machine.name.as_str()))
            }
            None => process.program().to_owned(),
        },
    }
}

/// The pod with this address, as the page places it.
fn pod_at(cluster: &Cluster, ip: u32) -> Option<String> {
    let address = Ipv4Addr::from(ip).to_string();
    let pod = cluster.store().list(Kind::Pod).find(|object| {
        object.view::<Pod>().is_some_and(|pod| pod.ip == address.as_str() && !pod.phase.is_terminal())
    })?;
    Some(format!("pod/{}", pod.meta.uid.text()))
}

/// An object in a few words: `pod todo-api-x`.
fn words(key: &Key) -> String {
    format!("{} {}", key.kind.info().singular, key.name)
}
