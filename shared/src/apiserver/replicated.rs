//! An API server in front of an etcd of several members: it answers from a watch cache, writes by transactions that
//! etcd may refuse because something changed meanwhile, and asks etcd whether its cache is current where that matters.

use std::sync::Arc;

use crate::api::{Kind, Reason, Reply, Request, Status, Subresource, Verb};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Doc;
use crate::etcd::{Revision, Store};
use crate::sim::{
    Act, Answer, Body, Causes, ChangeKind, Context, Duration, EtcdMessage, Incarnation, Process, Put,
    RequestId, Time, Timer, Txn,
};

use super::{ApiServer, EVENT_TTL, own};

/// etcd's request timeout with the default election timeout.
const ETCD_TIMEOUT: Duration = Duration::seconds(7);
/// How long a request waits for the cache to be as new as it wants.
const FRESH_TIMEOUT: Duration = Duration::seconds(3);
/// How long requests wait for a server that is just starting.
const START_TIMEOUT: Duration = Duration::seconds(10);
/// How often the server makes sure that its connection lives.
const KEEPALIVE: Duration = Duration::seconds(10);
/// After all members were tried in vain.
const RECONNECT: Duration = Duration::seconds(1);
/// `--etcd-compaction-interval`
const COMPACTION: Duration = Duration::seconds(300);

/// What an API server keeps of etcd.
#[derive(Codec, Clone, Debug)]
pub struct Remote {
    cache: Store,
    members: u32,
    /// The member it is connected to, and since when.
    member: u32,
    since: Time,
    failures: u32,
    ready: bool,
    /// Requests under way, by what etcd or a timer will call them.
    calls: BTreeMap<u64, Call>,
    /// The revision that is forgotten at the next compaction.
    compact: u64,
}

impl std::hash::Hash for Remote {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.cache.revision(), self.members, self.member, self.since, self.failures, self.ready).hash(state);
        (&self.calls, self.compact).hash(state);
    }
}

/// A request that waits for etcd.
#[derive(Codec, Clone, Debug, Hash)]
struct Call {
    from: Process,
    life: Incarnation,
    id: RequestId,
    request: Arc<Request>,
    causes: Causes,
    until: Time,
    stage: Stage,
}

/// What it waits for.
#[derive(Codec, Clone, Debug, Hash)]
enum Stage {
    /// The server to have a cache at all.
    Start,
    /// Word that the cache is current.
    Verify,
    /// The cache to reach a revision.
    Fresh(u64),
    /// A transaction, made from a revision, and what to answer if it goes through.
    Write(Arc<Txn>, u64, Result<Reply, Box<Status>>),
}

impl Remote {
    /// For server number `server`, before it has anything.
    pub fn new(server: u32, members: u32) -> Remote {
        Remote {
            cache: Store::default(),
            members,
            member: server % members,
            since: Time::ZERO,
            failures: 0,
            ready: false,
            calls: BTreeMap::new(),
            compact: 0,
        }
    }

    /// How many members etcd has.
    pub fn members(&self) -> u32 {
        self.members
    }

    /// The member that it is connected to.
    pub fn member(&self) -> u32 {
        self.member
    }

    fn send(&self, message: EtcdMessage, cx: &mut Context<'_>) {
        cx.send(Process::Etcd(self.member), Body::Etcd(Box::new(message)));
    }

    /// Connects to the present member and says everything again that has no answer.
    fn connect(&mut self, cx: &mut Context<'_>) {
        self.since = cx.now();
        self.send(EtcdMessage::Watch { revision: self.cache.revision() }, cx);
        let open = self.calls.iter().filter_map(|(&number, call)| match &call.stage {
            Stage::Verify => Some((EtcdMessage::Read(number), call.causes.clone())),
            Stage::Write(txn, ..) => Some((EtcdMessage::Propose(Arc::clone(txn)), call.causes.clone())),
            Stage::Start | Stage::Fresh(_) => None,
        });
        for (message, causes) in open.collect::<Vec<_>>() {
            cx.because(causes, |cx| self.send(message, cx));
        }
        if !self.ready {
            // The first list must be current.
            self.send(EtcdMessage::Read(0), cx);
        }
    }
}

impl ApiServer {
    /// What it has of the data, where etcd has several members.
    pub(super) fn cached(&self) -> Option<&Store> {
        self.remote.as_ref().map(|remote| &remote.cache)
    }

    /// The remote part starts anew.
    pub(super) fn start_replicated(&mut self, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        **remote = Remote { member: remote.member, ..Remote::new(remote.member, remote.members) };
        remote.connect(cx);
        cx.timer(KEEPALIVE, Timer::named("keepalive"));
        cx.timer(COMPACTION, Timer::named("compact"));
    }

    /// The server is told to end: it takes itself out of the Service first. Nobody waits for the answers.
    pub fn leave(&mut self, cx: &mut Context<'_>) {
        let Some(remote) = self.remote.as_ref().filter(|remote| remote.ready) else { return };
        let mut draft = remote.cache.clone();
        let base = draft.revision();
        let mut puts = Vec::new();
        for request in own::farewell(&draft.clone(), cx) {
            let (_, written) = self.execute(&request, &mut draft, cx);
            puts.extend(written.iter().map(|revision| put_of(revision, cx.now())));
        }
        if let Some(remote) = self.remote.as_ref().filter(|_| !puts.is_empty()) {
            let txn =
                Txn { id: cx.core.fresh_id(), act: Act::Write { base, puts }, causes: cx.causes.clone() };
            remote.send(EtcdMessage::Propose(Arc::new(txn)), cx);
        }
    }

    /// Requests under way get no answer any more.
    pub(super) fn stop_replicated(&mut self, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        for call in std::mem::take(&mut remote.calls).into_values() {
            let refused = Err(Box::new(Status::connection_refused()));
            cx.because(call.causes, |cx| cx.send(call.from, Body::Response(call.id, refused)));
        }
    }

    /// The same without a word: whoever waits finds out by waiting.
    pub(super) fn vanish_replicated(&mut self, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        for call in std::mem::take(&mut remote.calls).into_values() {
            let timeout = Err(Box::new(Status::request_timeout()));
            cx.core.reply_locally(call.from, call.id, timeout, Duration::seconds(10), call.causes);
        }
    }

    pub(super) fn timer_replicated(&mut self, timer: &Timer, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        match timer.name {
            "keepalive" => {
                cx.timer(KEEPALIVE, Timer::named("keepalive"));
                remote.send(EtcdMessage::Ping, cx);
            }
            "compact" => {
                cx.timer(COMPACTION, Timer::named("compact"));
                let revision = std::mem::replace(&mut remote.compact, remote.cache.revision());
                let act = Act::Compact(revision);
                let txn = Txn { id: cx.core.fresh_id(), act, causes: Causes::none() };
                remote.send(EtcdMessage::Propose(Arc::new(txn)), cx);
            }
            "connect" => remote.connect(cx),
            "deadline" => self.give_up(cx),
            _ => {}
        }
    }

    /// A request arrived.
    pub(super) fn accept(
        &mut self,
        (from, life): (Process, Incarnation),
        id: RequestId,
        request: &Arc<Request>,
        cx: &mut Context<'_>,
    ) {
        self.served += 1;
        let request = Arc::clone(request);
        let (causes, until) = (cx.causes.clone(), cx.now());
        self.consider(Call { from, life, id, request, causes, until, stage: Stage::Start }, cx);
    }

    /// Decides what a request needs before it can be answered.
    fn consider(&mut self, call: Call, cx: &mut Context<'_>) {
        let Some(remote) = &self.remote else { return };
        if !remote.ready {
            return self.park(call, Stage::Start, START_TIMEOUT, cx);
        }
        if super::is_for_others(&call.request) {
            let mut store = remote.cache.clone();
            let Call { from, id, request, causes, .. } = call;
            return cx.because(causes, |cx| self.hand_on((from, id), &request, &mut store, cx));
        }
        // What the server is like, etcd does not know.
        if call.request.subresource == Subresource::Document {
            return self.answer_read(call, cx);
        }
        let wanted = call.request.options.resource_version;
        match (call.request.verb, wanted) {
            (_, Some(revision)) if call.request.verb.is_read() && revision > remote.cache.revision() => {
                self.park(call, Stage::Fresh(revision), FRESH_TIMEOUT, cx);
            }
            (Verb::Get | Verb::List, None) => self.verify(call, cx),
            (Verb::Get | Verb::List | Verb::Watch, _) => self.answer_read(call, cx),
            _ => self.attempt(call, false, cx),
        }
    }

    /// Lets a request wait.
    fn park(&mut self, call: Call, stage: Stage, at_most: Duration, cx: &mut Context<'_>) {
        let number = cx.core.fresh_id();
        self.keep(number, Call { stage, ..call }, at_most, cx);
    }

    fn keep(&mut self, number: u64, mut call: Call, at_most: Duration, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        // A second attempt has no longer than the first.
        if call.until <= cx.now() {
            call.until = cx.now() + at_most;
            cx.because(call.causes.clone(), |cx| cx.timer(at_most, Timer::named("deadline")));
        }
        remote.calls.insert(number, call);
    }

    /// Asks etcd whether there is anything newer than the cache.
    fn verify(&mut self, call: Call, cx: &mut Context<'_>) {
        let number = cx.core.fresh_id();
        self.keep(number, Call { stage: Stage::Verify, ..call }, ETCD_TIMEOUT, cx);
        if let Some(remote) = &self.remote {
            remote.send(EtcdMessage::Read(number), cx);
        }
    }

    fn answer_read(&mut self, call: Call, cx: &mut Context<'_>) {
        let Some(remote) = &self.remote else { return };
        let mut store = remote.cache.clone();
        if call.request.verb == Verb::Watch {
            return self.serve_watch((call.from, call.life), call.id, &call.request, &store, cx);
        }
        let (result, _) = self.execute(&call.request, &mut store, cx);
        self.respond(call, result.map_err(Box::new), cx);
    }

    fn respond(&mut self, call: Call, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        self.failed += u64::from(result.is_err());
        cx.because(call.causes, |cx| cx.send(call.from, Body::Response(call.id, result)));
    }

    /// Makes a transaction of a write, from what the cache says. `current` says that this is what etcd has.
    fn attempt(&mut self, call: Call, current: bool, cx: &mut Context<'_>) {
        let Some(remote) = &self.remote else { return };
        let mut draft = remote.cache.clone();
        let base = draft.revision();
        let (result, written) = self.execute(&call.request, &mut draft, cx);
        if written.is_empty() {
            if !current && is_for_etcd_to_say(&call.request, &result) {
                return self.verify(call, cx);
            }
            return self.respond(call, result.map_err(Box::new), cx);
        }
        let puts = written.iter().map(|revision| put_of(revision, cx.now())).collect();
        let id = cx.core.fresh_id();
        let act = Act::Write { base, puts };
        let txn = Arc::new(Txn { id, act, causes: cx.causes.clone() });
        let stage = Stage::Write(Arc::clone(&txn), base, result.map_err(Box::new));
        self.keep(id, Call { stage, ..call }, ETCD_TIMEOUT, cx);
        if let Some(remote) = &self.remote {
            remote.send(EtcdMessage::Propose(txn), cx);
        }
    }

    /// Something came from etcd; `store` is the data that a notice brings.
    pub fn etcd(&mut self, message: EtcdMessage, store: Option<Store>, cx: &mut Context<'_>) {
        match (message, store) {
            (EtcdMessage::Notice { answers, .. }, Some(store)) => self.noticed(store, answers, cx),
            (EtcdMessage::Broken { member, at }, _) => self.reconnect(member, at, cx),
            _ => {}
        }
    }

    fn reconnect(&mut self, member: u32, at: Time, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        if remote.member != member || remote.since > at {
            return;
        }
        remote.failures += 1;
        remote.member = (member + 1) % remote.members;
        // Until then nothing that is lost on the old connection counts.
        remote.since = cx.now() + Duration::millis(1);
        if remote.failures % remote.members == 0 {
            remote.since = cx.now() + RECONNECT;
            cx.timer(RECONNECT, Timer::named("connect"));
        } else {
            remote.connect(cx);
        }
    }

    fn noticed(&mut self, store: Store, answers: Vec<(u64, Answer)>, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        remote.failures = 0;
        self.catch_up(store, cx);
        for (number, answer) in answers {
            let Some(remote) = &mut self.remote else { return };
            if number == 0 {
                remote.ready = true;
                self.release(|stage| matches!(stage, Stage::Start), cx);
            } else if let Some(call) = remote.calls.remove(&number) {
                cx.because(call.causes.clone(), |cx| self.answered(call, answer, cx));
            }
        }
        let revision = self.remote.as_ref().map_or(0, |remote| remote.cache.revision());
        self.release(|stage| matches!(stage, Stage::Fresh(wanted) if *wanted <= revision), cx);
    }

    /// The cache takes in what is new; watchers hear of it.
    fn catch_up(&mut self, store: Store, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        let before = remote.cache.revision();
        if store.revision() <= before {
            return;
        }
        remote.cache = store.clone();
        if !remote.ready {
            return;
        }
        match store.since(before) {
            Some(news) => self.publish(news, Duration::ZERO, cx),
            // Too much was missed: all watches begin again.
            None => self.stop(cx),
        }
    }

    /// Requests of a stage go on.
    fn release(&mut self, ripe: impl Fn(&Stage) -> bool, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        let numbers: Vec<u64> =
            remote.calls.iter().filter(|(_, call)| ripe(&call.stage)).map(|(&number, _)| number).collect();
        for number in numbers {
            let call = self.remote.as_mut().and_then(|remote| remote.calls.remove(&number));
            if let Some(mut call) = call {
                call.until = cx.now();
                cx.because(call.causes.clone(), |cx| self.consider(call, cx));
            }
        }
    }

    fn answered(&mut self, call: Call, answer: Answer, cx: &mut Context<'_>) {
        match (&call.stage, answer) {
            (Stage::Write(_, base, reply), Answer::Done(before)) => {
                let reply = match reply {
                    Ok(reply) => Ok(renumbered(reply, *base, before)),
                    Err(status) => Err(status.clone()),
                };
                self.respond(call, reply, cx);
            }
            // What it rests on has changed: once more, from the cache, which has what changed by now.
            (Stage::Write(..), Answer::Changed) => self.attempt(call, true, cx),
            _ if call.request.verb.is_read() => self.answer_read(call, cx),
            _ => self.attempt(call, true, cx),
        }
    }

    /// Requests whose time is up.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        let Some(remote) = &mut self.remote else { return };
        let now = cx.now();
        let late: Vec<u64> =
            remote.calls.iter().filter(|(_, call)| call.until <= now).map(|(&number, _)| number).collect();
        for number in late {
            let Some(remote) = &mut self.remote else { return };
            let Some(call) = remote.calls.remove(&number) else { continue };
            let status = match call.stage {
                Stage::Start => Status {
                    retry_after_seconds: Some(1),
                    ..Status::new(Reason::TooManyRequests, "storage is (re)initializing")
                },
                Stage::Verify | Stage::Write(..) => {
                    Status::new(Reason::Unknown, "etcdserver: request timed out")
                }
                Stage::Fresh(wanted) => {
                    let current = remote.cache.revision();
                    let message =
                        format!("Timeout: Too large resource version: {wanted}, current: {current}");
                    Status { retry_after_seconds: Some(1), ..Status::new(Reason::Timeout, message) }
                }
            };
            self.respond(call, Err(Box::new(status)), cx);
        }
    }
}

fn put_of(revision: &Revision, now: Time) -> Put {
    let key = revision.object.key.clone();
    let stays = revision.change != ChangeKind::Deleted;
    let expires = (stays && key.kind == Kind::Event).then(|| now + EVENT_TTL);
    Put { key, object: stays.then(|| Arc::clone(&revision.object)), expires }
}

/// Whether an answer rests on objects being there or not, which a cache may not know yet.
fn is_for_etcd_to_say(request: &Request, result: &Result<Reply, Status>) -> bool {
    match result {
        Ok(_) => !request.options.dry_run,
        Err(status) => matches!(
            status.reason,
            Reason::NotFound | Reason::AlreadyExists | Reason::Conflict | Reason::TooManyRequests
        ),
    }
}

/// The reply with the revisions that the writes really have: they were made from `base`, and came after `before`.
fn renumbered(reply: &Reply, base: u64, before: u64) -> Reply {
    let new = |revision: u64| if revision > base { revision - base + before } else { revision };
    match reply {
        Reply::Object(object, created)
            if new(object.meta.resource_version) != object.meta.resource_version =>
        {
            let mut object = (**object).clone();
            object.meta.resource_version = new(object.meta.resource_version);
            Reply::Object(Arc::new(object), *created)
        }
        Reply::List(items, revision) => Reply::List(Arc::clone(items), new(*revision)),
        Reply::Doc(doc) => {
            let mut doc = doc.clone();
            let revision = doc["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
            if let Some(revision) = revision {
                doc.set_at(&["metadata", "resourceVersion"], Doc::from(new(revision).to_string()));
            }
            Reply::Doc(doc)
        }
        Reply::Warned(reply, warnings) => {
            Reply::Warned(Box::new(renumbered(reply, base, before)), warnings.clone())
        }
        other => other.clone(),
    }
}
