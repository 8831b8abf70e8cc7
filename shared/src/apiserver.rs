//! kube-apiserver: the only way in. Request → admission → validation → storage → answer and watch events.
//!
//! [`http`] is the outer face (paths, JSON, Tables); components inside the cluster send decoded requests.

mod admission;
mod aggregate;
mod allocate;
mod authorization;
mod bounds;
mod component_status;
mod create;
mod definitions;
mod delete;
mod discovery;
mod evict;
mod family;
mod held;
pub mod http;
mod identity;
mod impersonation;
mod in_step;
mod inside;
mod managed;
mod metrics;
mod node_proxy;
mod openapi;
mod own;
mod page;
mod parts;
mod proxy;
mod ranges;
mod read;
mod replicated;
mod review;
mod statuses;
mod token;
mod versions;
mod watch;
mod write;

pub use evict::REFUSED as EVICTION_REFUSED;

use std::sync::Arc;

use crate::api::{Key, Kind, Object, Reply, Request, Status, Subresource, Verb};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::etcd::{Revision, Store};
use crate::sim::{
    Body, Causes, Context, Duration, Incarnation, Process, Random, RequestId, Signer, Time, Timer, WatchId,
    What,
};

pub use definitions::custom_resources;
pub(crate) use in_step::begin as begin_in_step;
pub(crate) use own::{NAMESPACES, service as own_service};
pub use replicated::Remote;
pub use watch::Watches;

/// How long Events are kept.
const EVENT_TTL: Duration = Duration::seconds(3600);

/// The API server's own state: open watches, and streams for names and addresses.
#[derive(Codec, Clone, Debug)]
pub struct ApiServer {
    watches: Watches,
    random: Random,
    /// Requests that kubelets answer.
    forwarded: node_proxy::Calls,
    /// Requests that the data plane answers.
    proxied: proxy::Calls,
    /// Requests that came from pods.
    inside: inside::Calls,
    /// What pods of one owner share: a cache, not state.
    family: family::Family,
    /// Requests that wait a moment for what is about to be there.
    held: held::Requests,
    /// What makes tokens.
    signer: Signer,
    /// How old a list may be that is read a page at a time.
    pages: page::Horizon,
    served: u64,
    failed: u64,
    /// What it keeps of an etcd of several members; one member is written to directly.
    remote: Option<Box<Remote>>,
}

/// One request while it is handled.
struct Call<'a, 'b> {
    store: &'a mut Store,
    cx: &'a mut Context<'b>,
    request: &'a Request,
    written: Vec<Revision>,
    /// What the asker is warned of beside the answer.
    warnings: Vec<Str>,
    /// Whether etcd has the last word: what is written here is only a draft.
    draft: bool,
}

impl ApiServer {
    /// A server that draws names from the cluster's `seed`, and has its tokens made by `signer`.
    pub fn new(seed: u64, signer: Signer) -> ApiServer {
        ApiServer {
            watches: Watches::default(),
            random: Random::stream(seed, "kube-apiserver"),
            forwarded: BTreeMap::new(),
            proxied: BTreeMap::new(),
            inside: BTreeMap::new(),
            family: family::Family::default(),
            held: held::Requests::default(),
            signer,
            pages: page::Horizon::default(),
            served: 0,
            failed: 0,
            remote: None,
        }
    }

    /// Server number `server` in front of an etcd of `members` members.
    pub fn replicated(seed: u64, signer: Signer, server: u32, members: u32) -> ApiServer {
        let random = Random::stream(seed, &format!("kube-apiserver/{server}"));
        let remote = Some(Box::new(Remote::new(server, members)));
        ApiServer { random, remote, ..ApiServer::new(seed, signer) }
    }

    /// What belongs to the state, in a fixed order.
    pub fn hash_state<H: std::hash::Hasher>(&self, state: &mut H) {
        use std::hash::Hash;
        (&self.watches, &self.random, &self.forwarded, &self.proxied, &self.held).hash(state);
        (&self.pages, self.served, self.failed, &self.inside).hash(state);
        if let Some(remote) = &self.remote {
            remote.hash(state);
        }
    }

    /// Requests answered, and how many of them were refused.
    pub fn counts(&self) -> (u64, u64) {
        (self.served, self.failed)
    }

    /// The open watches.
    pub fn watches(&self) -> &Watches {
        &self.watches
    }

    /// Begins a new life: open watches are gone; housekeeping of expired Events begins.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        self.watches = Watches::default();
        self.held = held::Requests::default();
        self.begin_own(cx);
        if self.remote.is_some() {
            return self.start_replicated(cx);
        }
        cx.timer(Duration::seconds(60), Timer::named("expire"));
    }

    /// Ends all watches: their owners learn it over the link.
    pub fn stop(&mut self, cx: &mut Context<'_>) {
        for (watch, to) in self.watches.drain() {
            cx.send(to, Body::WatchClosed(watch));
        }
        self.drop_forwarded(cx);
        self.drop_proxied(cx);
        self.inside.clear();
    }

    /// The connection to `owner` is gone: which watches it had, in its present life.
    pub fn hang_up(&mut self, owner: Process) -> Vec<WatchId> {
        self.watches.close_all_of(owner)
    }

    /// The machine lost its power: nobody is told, and all find out when their connections time out.
    pub fn vanish(&mut self, wait: Duration, cx: &mut Context<'_>) {
        for (watch, to) in self.watches.drain() {
            cx.core.tell_locally(to, Body::WatchClosed(watch), wait, cx.causes.clone());
        }
        self.vanish_replicated(cx);
    }

    /// The process ends.
    pub fn end(&mut self, cx: &mut Context<'_>) {
        self.stop(cx);
        self.stop_replicated(cx);
    }

    /// What it keeps of an etcd of several members.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_deref()
    }

    /// A timer ran out.
    pub fn timer(&mut self, timer: &Timer, store: &mut Store, cx: &mut Context<'_>) {
        if timer.name == held::TIMER {
            return self.try_again(timer, store, cx);
        }
        if timer.name == proxy::TIMER {
            return self.proxy_timed_out(timer.number, cx);
        }
        if timer.name == own::TIMER {
            return self.look_after_own(timer, store, cx);
        }
        if self.remote.is_some() {
            return self.timer_replicated(timer, cx);
        }
        if timer.name == "expire" {
            self.pages.minute(store.revision());
            if cx.core.running(Process::Etcd(0)) {
                let now = cx.now();
                let gone: Vec<Key> = store.expired(now);
                let removed: Vec<Revision> =
                    gone.iter().filter_map(|key| store.delete(key, Causes::none())).collect();
                let wait = cx.options().etcd_commit;
                self.publish(&removed, wait, cx);
            }
            cx.timer(Duration::seconds(60), Timer::named("expire"));
        }
    }

    /// A watch's owner could not be reached: it is closed, and the owner finds out when its connection times out.
    pub fn drop_watch(&mut self, watch: WatchId) {
        self.watches.remove(watch);
    }

    /// Handles a request that arrived, answers it and tells the watchers.
    pub fn handle(
        &mut self,
        (from, life): (Process, Incarnation),
        id: RequestId,
        request: &Arc<Request>,
        store: &mut Store,
        cx: &mut Context<'_>,
    ) {
        if self.remote.is_some() {
            return self.accept((from, life), id, request, cx);
        }
        self.served += 1;
        if is_for_others(request) {
            return self.hand_on((from, id), request, store, cx);
        }
        if request.verb == Verb::Watch {
            return self.serve_watch((from, life), id, request, store, cx);
        }
        let (result, written) = self.execute(request, store, cx);
        if self.hold((from, life), id, request, cx) {
            return;
        }
        self.failed += u64::from(result.is_err());
        let commit = cx.options().etcd_commit;
        let wait = if request.verb.is_read() { Duration::ZERO } else { commit };
        self.publish(&written, commit, cx);
        cx.send_after(wait, from, Body::Response(id, result.map_err(Box::new)));
    }

    /// Hands a request on to whoever has the answer.
    fn hand_on(
        &mut self,
        (from, id): (Process, RequestId),
        request: &Arc<Request>,
        store: &mut Store,
        cx: &mut Context<'_>,
    ) {
        if request.subresource == Subresource::Metrics {
            return self.aggregate((from, id), request, store, cx);
        }
        let answer = match authorization::authorize(request, store) {
            Ok(()) if request.subresource == Subresource::Proxy => self.proxy(from, id, request, store, cx),
            Ok(()) => self.forward(from, id, request, store, cx),
            Err(status) => Some(Err(status)),
        };
        if let Some(answer) = answer {
            self.failed += u64::from(answer.is_err());
            cx.send(from, Body::Response(id, answer.map_err(Box::new)));
        }
    }

    /// Opens a watch, says so, and what it missed.
    fn serve_watch(
        &mut self,
        (from, life): (Process, Incarnation),
        id: RequestId,
        request: &Request,
        store: &Store,
        cx: &mut Context<'_>,
    ) {
        if life != cx.core.incarnation(from) {
            // Who asked is no more, and the connection with it.
            return;
        }
        let answer = self.open_watch((from, life), request, store);
        let answer = answer.map(|()| Reply::Watching(request.options.watch)).map_err(Box::new);
        cx.send(from, Body::Response(id, answer));
        self.replay(request, store, cx);
    }

    /// Everything between decoding and answering.
    fn execute(
        &mut self,
        request: &Request,
        store: &mut Store,
        cx: &mut Context<'_>,
    ) -> (Result<Reply, Status>, Vec<Revision>) {
        if let Err(status) = authorization::authorize(request, store) {
            return (Err(status), Vec::new());
        }
        let draft = self.remote.is_some();
        if !draft && !request.verb.is_read() && !cx.core.running(Process::Etcd(0)) {
            return (Err(Status::etcd_unavailable()), Vec::new());
        }
        let mut call = Call { store, cx, request, written: Vec::new(), warnings: Vec::new(), draft };
        let result = match request.verb {
            Verb::Get => self.get(&mut call),
            Verb::List => self.list(&mut call),
            Verb::Create => self.create(&mut call),
            Verb::Update => self.update(&mut call),
            Verb::Patch(kind) => self.patch(&mut call, kind),
            Verb::Delete => self.delete(&mut call),
            Verb::DeleteCollection => self.delete_collection(&mut call),
            Verb::Watch => Err(Status::method_not_allowed()),
        };
        self.judge_definitions(&mut call);
        call.keep_in_step();
        call.judge_services();
        call.judge_statuses();
        call.judge_ranges();
        let warned = call.is_from_outside() && !call.warnings.is_empty();
        let warnings = std::mem::take(&mut call.warnings);
        let result = match result {
            Ok(reply) if warned => Ok(Reply::Warned(Box::new(reply), warnings)),
            result => result,
        };
        (result, call.written)
    }

    /// Sends each write to the watches it concerns, once it is durable.
    fn publish<'r>(
        &mut self,
        written: impl IntoIterator<Item = &'r Revision>,
        wait: Duration,
        cx: &mut Context<'_>,
    ) {
        for revision in written {
            ApiServer::heed_own(revision, cx);
            for (watch, to, event) in self.watches.concerned(revision) {
                cx.because(revision.causes.clone(), |cx| cx.send_after(wait, to, Body::Watch(watch, event)));
            }
        }
    }

    fn open_watch(
        &mut self,
        (from, life): (Process, Incarnation),
        request: &Request,
        store: &Store,
    ) -> Result<(), Status> {
        authorization::authorize(request, store)?;
        let from_revision = request.options.resource_version.unwrap_or_else(|| store.revision());
        if from_revision < store.oldest() {
            return Err(Status::expired(from_revision, store.oldest()));
        }
        self.watches.open(from, life, request);
        Ok(())
    }

    /// What a new watch missed since the revision it begins after.
    fn replay(&mut self, request: &Request, store: &Store, cx: &mut Context<'_>) {
        let Some(from) = request.options.resource_version else { return };
        let watch = request.options.watch;
        for (to, causes, event) in self.watches.missed(watch, store, from) {
            cx.because(causes, |cx| cx.send(to, Body::Watch(watch, event)));
        }
    }
}

/// Whether the metrics-server, a kubelet or something in a pod has the answer.
fn is_for_others(request: &Request) -> bool {
    let part = request.subresource;
    matches!(part, Subresource::Metrics | Subresource::Log | Subresource::Proxy) || part.is_connection()
}

impl Call<'_, '_> {
    /// Stores `object` unless this is a dry run.
    fn put(&mut self, mut object: Object) -> Arc<Object> {
        if !self.is_from_outside()
            && let Some(place) = managed::components::place(self.request)
        {
            object.meta.written.0[place] = self.cx.timestamp().seconds() as u32;
        }
        if self.request.options.dry_run {
            return Arc::new(object);
        }
        let ttl = (object.key.kind == Kind::Event).then(|| self.cx.now() + EVENT_TTL);
        let causes = self.cx.causes.clone();
        let mut revision = self.store.put(object, causes);
        if let Some(at) = ttl {
            self.store.expire(at, revision.object.key.clone());
        }
        revision.causes = self.trace(&revision);
        let stored = Arc::clone(&revision.object);
        self.written.push(revision);
        stored
    }

    /// Removes an object unless this is a dry run.
    fn remove(&mut self, key: &Key) {
        if self.request.options.dry_run {
            return;
        }
        let causes = self.cx.causes.clone();
        if let Some(mut revision) = self.store.delete(key, causes) {
            revision.causes = self.trace(&revision);
            self.written.push(revision);
        }
    }

    fn trace(&mut self, revision: &Revision) -> Causes {
        let core = &mut self.cx.core;
        if self.draft || !core.trace.enabled() {
            return Causes::none();
        }
        let what = What::Write {
            revision: revision.revision,
            key: revision.object.key.clone(),
            change: revision.change,
        };
        let at: Time = core.now;
        core.trace.record(at, what, self.cx.causes.clone())
    }

    fn existing(&self, key: &Key) -> Result<Arc<Object>, Status> {
        self.store.get(key).cloned().ok_or_else(|| Status::not_found(key))
    }
}
