//! Simulated traffic: sources that send requests and count the answers.
//!
//! Visitors outside use every load balancer there is, as often as the options say. Other sources are named, go to one
//! URL, and are outside too or a pod: what a pod sends its own machine sends, with the pod's address and resolver.

use serde::{Deserialize, Serialize};

use crate::api::{Key, Kind};
use crate::client::Input;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Protocol, Timer};
use crate::{doc, sim::HttpTarget};

use super::tally::{Ending, Failure};
use super::url::Url;
use super::{Tally, periodic};

/// How long a visitor waits for an answer.
const PATIENCE: Duration = Duration::seconds(1);
/// 198.51.100.0/24, which is for documentation only: where visitors come from.
const NETWORK: u32 = 198 << 24 | 51 << 16 | 100 << 8;
/// How often visitors look whether there is something to visit while their rate is zero.
const IDLE: Duration = Duration::seconds(1);
/// The most requests a second of one source, and the longest it waits for an answer.
const MOST_A_SECOND: u32 = 10_000;
const LONGEST_TIMEOUT: Duration = Duration::seconds(60);
/// How many times as many requests a surge brings.
const SURGE: u32 = 10;
/// What the people outside are called where a source of traffic is named.
const VISITORS: &str = "visitors";
/// Where sources are that are no pods.
const OUTSIDE: &str = "outside";

/// A source of requests, as a scenario has it: `{name: shoppers, from: pod/client, to: "http://todo-api:8080", rate: 5}`.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficSource {
    /// Its name. Naming a source again changes it.
    pub name: Str,
    /// `outside`, or the pod that sends: `pod/client`.
    #[serde(default = "outside", skip_serializing_if = "is_outside")]
    pub from: Str,
    /// The pod's namespace; `default` when left out.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub namespace: Str,
    /// Where to: `http://todo-api:8080/items`, `udp://10.96.0.10:53` …; may be left out to stop a source.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub to: Str,
    /// Requests a second; 0 stops it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub rate: u32,
    /// How long it waits for an answer.
    #[serde(default = "patience", skip_serializing_if = "is_patience")]
    pub timeout: Duration,
}

fn outside() -> Str {
    OUTSIDE.into()
}
fn is_outside(from: &Str) -> bool {
    *from == OUTSIDE
}
fn one() -> u32 {
    1
}
fn is_one(rate: &u32) -> bool {
    *rate == 1
}
fn patience() -> Duration {
    PATIENCE
}
fn is_patience(timeout: &Duration) -> bool {
    *timeout == PATIENCE
}

impl TrafficSource {
    /// What is wrong with it: the field (`.to`) and a sentence.
    ///
    /// # Errors
    /// Such a pair.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.name.is_empty() || self.name.contains('/') {
            return Err((".name", "a source of traffic needs a name, without a slash".into()));
        }
        if !is_outside(&self.from) && self.pod().is_none() {
            return Err((".from", format!("{:?} is no source: write outside or pod/NAME", self.from)));
        }
        if self.rate > 0 || !self.to.is_empty() {
            Url::parse(&self.to).map_err(|message| (".to", message))?;
        }
        if self.rate > MOST_A_SECOND {
            return Err((".rate", format!("a source sends at most {MOST_A_SECOND} requests a second")));
        }
        if self.timeout == Duration::ZERO || self.timeout > LONGEST_TIMEOUT {
            return Err((
                ".timeout",
                format!("a source waits for its answers up to {LONGEST_TIMEOUT}, and not 0s"),
            ));
        }
        Ok(())
    }

    /// The pod that sends; `None` for outside.
    pub fn pod(&self) -> Option<Key> {
        let name = self.from.strip_prefix("pod/").filter(|name| !name.is_empty() && !name.contains('/'))?;
        let namespace = if self.namespace.is_empty() { "default" } else { &self.namespace };
        Some(Key::new(Kind::Pod, namespace, name))
    }
}

/// A named source at work.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Source {
    /// What it does.
    pub spec: TrafficSource,
    /// How its requests went.
    pub tally: Tally,
    /// How many it sent.
    pub sent: u64,
    url: Url,
    /// Tells its timers from those of what it was before.
    number: u64,
}

/// Whose a request is.
#[derive(Codec, Clone, Debug, Hash)]
enum Whose {
    /// A visitor's, to this Service.
    Visitor(Key),
    /// A named source's.
    Source(Str),
}

/// A request that a pod is to send.
#[derive(Codec, Clone, Debug, Hash)]
pub struct PodRequest {
    /// The pod.
    pub pod: Key,
    /// The source, to say how it went.
    pub source: Str,
    /// Where to.
    pub url: Url,
    /// How long to wait.
    pub timeout: Duration,
}

/// All sources.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Traffic {
    /// How all requests of visitors went.
    pub total: Tally,
    /// The same for each Service.
    pub by_service: BTreeMap<Key, Tally>,
    /// Named sources.
    pub sources: BTreeMap<Str, Source>,
    waiting: BTreeMap<u64, Whose>,
    /// How many requests of named sources ended.
    answers: u64,
    numbers: u64,
    /// Sources that send far more than they would.
    surges: BTreeSet<Str>,
    /// What pods are to send.
    for_pods: Vec<PodRequest>,
}

/// Where a source outside finds what it wants.
pub(super) struct Way {
    pub to: Process,
    pub ip: u32,
}

impl Traffic {
    /// Requests from outside that wait for their answer.
    pub fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// How many requests of named sources ended so far.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Starts, changes or (with a rate of 0) stops a source.
    pub(super) fn set(&mut self, spec: TrafficSource, cx: &mut Context<'_>) -> Result<(), String> {
        spec.check().map_err(|(field, message)| format!("traffic{field}: {message}"))?;
        self.numbers += 1;
        let number = self.numbers;
        if spec.to.is_empty() {
            let source = self.sources.get_mut(&spec.name);
            let source =
                source.ok_or_else(|| format!("there is no source of traffic called {:?}", spec.name))?;
            (source.spec.rate, source.number) = (0, number);
            return Ok(());
        }
        let url = Url::parse(&spec.to)?;
        let before = self.sources.remove(&spec.name);
        let (tally, sent) = before.map_or_else(Default::default, |source| (source.tally, source.sent));
        self.sources.insert(spec.name.clone(), Source { spec, tally, sent, url, number });
        periodic_of(Duration::ZERO, number, cx);
        Ok(())
    }

    /// Lets a source send far more than it would, or no longer.
    pub(super) fn surge(&mut self, name: &Str, surge: bool) -> Result<(), String> {
        if name != VISITORS && !self.sources.contains_key(name) {
            return Err(format!("there is no source of traffic called {name:?}"));
        }
        if surge {
            self.surges.insert(name.clone());
        } else {
            self.surges.remove(name);
        }
        Ok(())
    }

    /// The sources that send far more than they would.
    pub fn surges(&self) -> &BTreeSet<Str> {
        &self.surges
    }

    /// What pods are to send now.
    pub fn take_for_pods(&mut self) -> Vec<PodRequest> {
        std::mem::take(&mut self.for_pods)
    }

    /// A pod sent a request for a source.
    pub fn sent(&mut self, source: &str) {
        if let Some(source) = self.sources.get_mut(source) {
            source.sent += 1;
        }
    }

    /// A request of a source ended.
    pub fn ended(&mut self, source: &str, ending: &Ending, now: crate::sim::Time) {
        if let Some(source) = self.sources.get_mut(source) {
            source.tally.record(now, ending);
            self.answers += 1;
        }
    }

    /// A source in numbers: what it sent, and how that went.
    pub fn summary(&self, source: &str) -> Option<Doc> {
        let Source { spec, tally, sent, .. } = self.sources.get(source)?;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut failures = doc!({});
        for (failure, count) in &tally.failures {
            failures.set(failure.name(), number(*count));
        }
        let recent = tally.recent.iter().map(|result| doc!({ "ok": result.ok, "detail": &result.detail }));
        Some(doc!({
            "name": &spec.name, "sent": number(*sent), "ok": number(tally.ok), "failed": number(tally.failed),
            "failures": failures, "recent": Doc::list(recent)
        }))
    }

    pub(super) fn handle(
        &mut self,
        input: Input,
        addresses: &BTreeMap<Key, (u32, u32)>,
        find: &mut dyn FnMut(&str) -> Result<Way, Failure>,
        cx: &mut Context<'_>,
    ) {
        match input {
            Input::Start => periodic(Duration::ZERO, "visit", cx),
            Input::Timer(timer) => match timer.name {
                "visit" => self.visit(addresses, cx),
                "traffic" => self.send(timer.number, find, cx),
                "no answer" => self.answered(timer.number, &Failure::TimedOut.into(), cx),
                _ => {}
            },
            Input::Packet(packet) => match &packet.step {
                PacketStep::Answer { status, detail } => {
                    self.answered(packet.number, &Ending::of(*status, detail), cx);
                }
                // Somebody outside is asked.
                PacketStep::ToPod { ip, .. } | PacketStep::ToService { ip, .. } => {
                    let detail = std::net::Ipv4Addr::from(*ip).to_string().into();
                    let step = PacketStep::Answer { status: Some(200), detail };
                    super::pass(&packet, packet.origin, step, cx);
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn visit(&mut self, addresses: &BTreeMap<Key, (u32, u32)>, cx: &mut Context<'_>) {
        let surge = if self.surges.contains(VISITORS) { SURGE } else { 1 };
        let rate = u64::from(cx.core.options.visitors_per_second_milli) * u64::from(surge);
        if rate == 0 {
            return periodic(IDLE, "visit", cx);
        }
        // More than one at a time where a millisecond is too coarse.
        let at_once = (rate / 1_000_000).max(1);
        periodic(Duration::millis((1_000_000 * at_once / rate).max(1)), "visit", cx);
        for (key, &(ip, port)) in addresses {
            for _ in 0..at_once {
                let step = PacketStep::ToService { ip, port };
                let whose = Whose::Visitor(key.clone());
                self.request(whose, (Process::LoadBalancer, step), (Protocol::Tcp, None), PATIENCE, cx);
            }
        }
    }

    /// Sends a request from outside, from an address of its own.
    fn request(
        &mut self,
        whose: Whose,
        (to, step): (Process, PacketStep),
        (protocol, http): (Protocol, Option<std::sync::Arc<HttpTarget>>),
        timeout: Duration,
        cx: &mut Context<'_>,
    ) {
        self.numbers += 1;
        let number = self.numbers;
        self.waiting.insert(number, whose);
        let client = NETWORK + 1 + (number % 254) as u32;
        let packet =
            Packet { number, origin: Process::Visitors, client, protocol, http, text: Str::new(), step };
        cx.because(Causes::none(), |cx| {
            cx.send(to, Body::Packet(packet));
            cx.timer(timeout, Timer { number, ..Timer::named("no answer") });
        });
    }

    /// It is time for the next request of a named source.
    fn send(
        &mut self,
        number: u64,
        find: &mut dyn FnMut(&str) -> Result<Way, Failure>,
        cx: &mut Context<'_>,
    ) {
        let Some(source) = self.sources.values().find(|source| source.number == number) else { return };
        let (spec, url) = (source.spec.clone(), source.url.clone());
        if spec.rate == 0 {
            return;
        }
        let surge = if self.surges.contains(&spec.name) { SURGE } else { 1 };
        let rate = (spec.rate * surge).min(MOST_A_SECOND);
        let at_once = (rate / 1000).max(1);
        periodic_of(Duration::millis((1000 * at_once / rate).max(1).into()), number, cx);
        for _ in 0..at_once {
            if let Some(pod) = spec.pod() {
                let request =
                    PodRequest { pod, source: spec.name.clone(), url: url.clone(), timeout: spec.timeout };
                self.for_pods.push(request);
                continue;
            }
            self.sent(&spec.name);
            match find(&url.host) {
                Ok(way) => {
                    let to = (way.to, PacketStep::ToService { ip: way.ip, port: url.port });
                    let whose = Whose::Source(spec.name.clone());
                    self.request(whose, to, (url.protocol, url.http.clone()), spec.timeout, cx);
                }
                Err(failure) => self.ended(&spec.name, &failure.into(), cx.now()),
            }
        }
    }

    fn answered(&mut self, number: u64, ending: &Ending, cx: &Context<'_>) {
        match self.waiting.remove(&number) {
            Some(Whose::Visitor(service)) => {
                self.by_service.entry(service).or_default().record(cx.now(), ending);
                self.total.record(cx.now(), ending);
            }
            Some(Whose::Source(source)) => self.ended(&source, ending, cx.now()),
            None => {}
        }
    }
}

/// A timer of a named source, whatever once began it.
fn periodic_of(wait: Duration, number: u64, cx: &mut Context<'_>) {
    cx.because(Causes::none(), |cx| cx.timer(wait, Timer { number, ..Timer::named("traffic") }));
}
