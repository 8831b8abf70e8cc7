//! Leader election among the replicas of a component, by a Lease that one of them holds and renews.

use std::sync::Arc;

use crate::api::{Key, Kind, Object, Reason, Reply, Request, Status, User};
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Duration, Process, Random, RequestId, Time, Timer};

use super::{Input, Recorder, Severity};

/// How long a lease lasts without being renewed, as those see it who want it.
const LEASE: Duration = Duration::seconds(15);
/// How long its holder tries to renew it before it gives up.
const RENEW_DEADLINE: Duration = Duration::seconds(10);
/// How often everybody tries.
const RETRY: Duration = Duration::seconds(2);
/// How long a request may take: half the deadline.
const PATIENCE: Duration = Duration::seconds(5);
const TRY: &str = "election";

/// What became of an input.
#[derive(Debug)]
pub enum Ballot {
    /// It was not about the election.
    NotMine(Input),
    /// Nothing for the component to know.
    Nothing,
    /// From now on the component works.
    Elected,
    /// The component has to end.
    Lost,
}

/// One replica's part in the election.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Candidate {
    user: User,
    key: Key,
    identity: Str,
    recorder: Recorder,
    random: Random,
    leads: bool,
    /// The request under way, since when, and whether it writes.
    asked: Option<(RequestId, Time, bool)>,
    /// The lease as it was last seen to change, and when that was.
    lease: Option<Arc<Object>>,
    seen: Time,
    /// Since when the holder has tried to renew it.
    trying: Option<Time>,
}

impl Candidate {
    /// A replica that has just started. `source` is what its events say that they come from.
    pub fn new(process: Process, number: u32, source: &'static str, mut random: Random) -> Candidate {
        let user = User::component(format!("system:{}", process.program()));
        let uuid = random.uuid().text();
        Candidate {
            key: Key::new(Kind::Lease, literal!("kube-system"), process.program()),
            identity: format!("control-plane-{number}_{uuid}").into(),
            recorder: Recorder::new(&user, source, Str::new()),
            user,
            random,
            leads: false,
            asked: None,
            lease: None,
            seen: Time::ZERO,
            trying: None,
        }
    }

    /// The same replica after its process ended: under another identity, without memory.
    pub fn restarted(&self, process: Process, number: u32, source: &'static str) -> Candidate {
        Candidate::new(process, number, source, self.random.clone())
    }

    /// Whether it holds the lease, as far as it knows.
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// Its name in the lease.
    pub fn identity(&self) -> &Str {
        &self.identity
    }

    /// Takes an input.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Ballot {
        match input {
            Input::Start => self.attempt(cx),
            Input::Timer(timer) if timer.name == TRY => self.attempt(cx),
            Input::Response(id, answer) => match self.asked {
                Some((asked, _, wrote)) if asked == id => {
                    self.asked = None;
                    self.answered(answer, wrote, cx)
                }
                _ => Ballot::NotMine(Input::Response(id, answer)),
            },
            input => Ballot::NotMine(input),
        }
    }

    /// Everybody's turn comes every two seconds; who does not hold the lease spreads out.
    fn attempt(&mut self, cx: &mut Context<'_>) -> Ballot {
        let spread = if self.leads { 0 } else { self.random.below(RETRY.0 * 6 / 5) };
        cx.timer(RETRY + Duration(spread), Timer::named(TRY));
        if self.leads {
            let since = *self.trying.get_or_insert(cx.now());
            if cx.now().since(since) >= RENEW_DEADLINE {
                return Ballot::Lost;
            }
        }
        if self.asked.is_none_or(|(_, since, _)| cx.now().since(since) >= PATIENCE) {
            match self.lease.clone().filter(|_| self.leads) {
                Some(lease) => self.write(&lease, cx),
                None => self.read(cx),
            }
        }
        Ballot::Nothing
    }

    fn ask(&mut self, request: Request, cx: &mut Context<'_>) {
        let wrote = !request.verb.is_read();
        self.asked = Some((cx.request(request), cx.now(), wrote));
    }

    fn read(&mut self, cx: &mut Context<'_>) {
        self.ask(Request::get(self.user.clone(), &self.key), cx);
    }

    fn answered(&mut self, answer: Result<Reply, Box<Status>>, wrote: bool, cx: &mut Context<'_>) -> Ballot {
        let lease = match answer {
            Ok(reply) => reply.object().cloned(),
            Err(status) if status.reason == Reason::NotFound => {
                self.create(cx);
                None
            }
            Err(status) if status.reason == Reason::Conflict && self.leads => {
                self.read(cx);
                None
            }
            Err(_) => None,
        };
        let Some(lease) = lease else { return Ballot::Nothing };
        if self.lease.as_ref().is_none_or(|seen| seen.body != lease.body) {
            self.seen = cx.now();
        }
        let holder = lease.body["spec"]["holderIdentity"].str();
        self.lease = Some(Arc::clone(&lease));
        if wrote {
            return self.confirmed(&lease, cx);
        }
        // Its own, nobody's, or that of somebody who fell silent.
        if holder == self.identity || holder.is_empty() || cx.now().since(self.seen) >= LEASE {
            self.write(&lease, cx);
        }
        Ballot::Nothing
    }

    /// The lease was written just now: it is this replica's.
    fn confirmed(&mut self, lease: &Object, cx: &mut Context<'_>) -> Ballot {
        self.trying = None;
        if std::mem::replace(&mut self.leads, true) {
            return Ballot::Nothing;
        }
        let message = format!("{} became leader", self.identity);
        self.recorder.event(lease, Severity::Normal, "LeaderElection", message, cx);
        Ballot::Elected
    }

    fn create(&mut self, cx: &mut Context<'_>) {
        let now = Doc::MicroTime(cx.timestamp());
        let spec = doc!({
            "holderIdentity": &self.identity, "leaseDurationSeconds": (LEASE.as_seconds() as i64),
            "acquireTime": now.clone(), "renewTime": now, "leaseTransitions": 0i64
        });
        let body = doc!({
            "metadata": { "name": &self.key.name, "namespace": &self.key.namespace }, "spec": spec
        });
        self.ask(Request::create(self.user.clone(), Kind::Lease, self.key.namespace.clone(), body), cx);
    }

    /// Takes or renews the lease, unless somebody was faster.
    fn write(&mut self, lease: &Object, cx: &mut Context<'_>) {
        let mut body = lease.to_doc();
        let now = Doc::MicroTime(cx.timestamp());
        if lease.body["spec"]["holderIdentity"].str() != self.identity {
            let transitions = lease.body["spec"]["leaseTransitions"].as_i64().unwrap_or(0);
            body.set_at(&["spec", "leaseTransitions"], transitions + 1);
            body.set_at(&["spec", "acquireTime"], now.clone());
            body.set_at(&["spec", "holderIdentity"], &self.identity);
        }
        body.set_at(&["spec", "renewTime"], now);
        self.ask(Request::update(self.user.clone(), &self.key, body), cx);
    }
}
