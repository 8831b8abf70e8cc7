//! Informers: list once, watch from there, keep the objects at hand, and begin again when the watch breaks.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::api::{FieldSelector, Key, Kind, Object, Of, Reply, Request, User, Viewed};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{ChangeKind, Context, Duration, RequestId, Timer, WatchId};

use super::Input;

/// The objects that an informer knows, by key.
pub type Cache = BTreeMap<Key, Arc<Object>>;

/// One change of an informer's cache.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The object before; `None` when it is new.
    pub old: Option<Arc<Object>>,
    /// The object now; `None` when it is gone.
    pub new: Option<Arc<Object>>,
}

impl Delta {
    /// The newest version there is.
    pub fn object(&self) -> &Arc<Object> {
        self.new.as_ref().or(self.old.as_ref()).expect("a change has a side")
    }
}

/// What became of an input.
#[derive(Debug)]
pub enum Handled {
    /// It was not for an informer.
    NotMine(Input),
    /// It was, and this is what changed (nothing, perhaps).
    Changes(Deltas),
}

/// What changed of an informer's cache: one object, unless it was listed.
pub type Deltas = SmallVec<[Delta; 2]>;

#[derive(Codec, Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Idle,
    Listing(RequestId),
    /// Waiting for the server to confirm the watch.
    Opening(RequestId, WatchId),
    Watching(WatchId),
    /// Waiting to list again.
    BackingOff,
}

/// How long to wait before listing again: 800 ms doubling to 30 s, as client-go's reflector.
pub fn back_off(failures: u32) -> Duration {
    Duration::millis(800 << failures.min(6)).min(Duration::seconds(30))
}

/// One list-and-watch with its cache.
#[derive(Codec, Clone, Debug)]
pub struct Informer {
    user: User,
    kind: Kind,
    namespace: Str,
    fields: FieldSelector,
    state: State,
    synced: bool,
    failures: u32,
    cache: Cache,
    /// Whether the component goes to work without it.
    late: bool,
    /// Watch numbers are drawn when the watch is asked for, so that events cannot overtake the confirmation.
    number: u64,
}

impl std::hash::Hash for Informer {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.user, self.kind, &self.namespace, &self.fields, &self.state, self.synced, self.failures)
            .hash(state);
        self.cache.iter().for_each(|(key, object)| (key, object.meta.resource_version).hash(state));
    }
}

impl Informer {
    fn new(user: User, kind: Kind, namespace: Str, fields: FieldSelector, number: u64) -> Informer {
        let cache = Cache::new();
        Informer {
            user,
            kind,
            namespace,
            fields,
            state: State::Idle,
            synced: false,
            failures: 0,
            cache,
            late: false,
            number,
        }
    }

    fn list(&mut self, cx: &mut Context<'_>) {
        let mut request = Request::list(self.user.clone(), self.kind);
        request.namespace = self.namespace.clone();
        request.options.fields = self.fields.clone();
        // Whatever the server has at hand is new enough: the watch goes on from there.
        request.options.resource_version = Some(0);
        self.state = State::Listing(cx.request(request));
    }

    fn watch(&mut self, revision: u64, cx: &mut Context<'_>) {
        let mut request = Request::list(self.user.clone(), self.kind);
        request.verb = crate::api::Verb::Watch;
        request.namespace = self.namespace.clone();
        request.options.fields = self.fields.clone();
        request.options.resource_version = Some(revision);
        let watch = cx.core.fresh_id();
        request.options.watch = watch;
        self.state = State::Opening(cx.request(request), watch);
    }

    fn back_off(&mut self, cx: &mut Context<'_>) {
        self.state = State::BackingOff;
        let wait = back_off(self.failures);
        self.failures += 1;
        cx.timer(wait, Timer { number: self.number, ..Timer::named("informer") });
    }

    fn replace(&mut self, items: &[Arc<Object>]) -> Deltas {
        let fresh: Cache = items.iter().map(|object| (object.key.clone(), Arc::clone(object))).collect();
        let mut deltas = Deltas::new();
        for (key, object) in &fresh {
            let old = self.cache.get(key).cloned();
            let same =
                old.as_ref().is_some_and(|old| old.meta.resource_version == object.meta.resource_version);
            if !same {
                deltas.extend(changed(old, Arc::clone(object)));
            }
        }
        for (key, object) in &self.cache {
            if !fresh.contains_key(key) {
                deltas.push(Delta { old: Some(Arc::clone(object)), new: None });
            }
        }
        self.cache = fresh;
        self.synced = true;
        self.failures = 0;
        deltas
    }

    fn apply(&mut self, change: ChangeKind, object: Arc<Object>) -> Deltas {
        if change == ChangeKind::Deleted {
            let old = self.cache.remove(&object.key).unwrap_or(object);
            return smallvec![Delta { old: Some(old), new: None }];
        }
        let old = self.cache.insert(object.key.clone(), Arc::clone(&object));
        changed(old, object)
    }

    /// The request and the watch that it waits for, if any.
    fn awaited(&self) -> Awaited {
        match self.state {
            State::Listing(request) => (Some(request), None),
            State::Opening(request, watch) => (Some(request), Some(watch)),
            State::Watching(watch) => (None, Some(watch)),
            State::Idle | State::BackingOff => (None, None),
        }
    }

    /// Whether a timer is meant for this informer.
    fn has_set(&self, timer: &Timer) -> bool {
        self.state == State::BackingOff && timer.number == self.number
    }

    /// Takes what is meant for this informer.
    fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Handled {
        match (&self.state, input) {
            (State::Listing(_), Input::Response(_, Ok(Reply::List(items, revision)))) => {
                let deltas = self.replace(&items);
                self.watch(revision, cx);
                return Handled::Changes(deltas);
            }
            (State::Opening(_, watch), Input::Response(_, Ok(_))) => self.state = State::Watching(*watch),
            (_, Input::Watch(_, event)) => return Handled::Changes(self.apply(event.change, event.object)),
            (_, Input::Timer(_)) => self.list(cx),
            _ => self.back_off(cx),
        }
        Handled::Changes(Deltas::new())
    }
}

/// One change; two when another object has taken the name while nobody was looking.
fn changed(old: Option<Arc<Object>>, new: Arc<Object>) -> Deltas {
    match old {
        Some(old) if old.meta.uid != new.meta.uid => {
            smallvec![Delta { old: Some(old), new: None }, Delta { old: None, new: Some(new) }]
        }
        old => smallvec![Delta { old, new: Some(new) }],
    }
}

/// The request and the watch that an informer waits for.
type Awaited = (Option<RequestId>, Option<WatchId>);

/// The informers of one process.
#[derive(Codec, Clone, Debug, Default)]
pub struct Informers {
    informers: Vec<Informer>,
    /// What each of them waits for, close together: every input is looked up here.
    awaited: Vec<Awaited>,
}

impl std::hash::Hash for Informers {
    /// What they wait for follows from the rest.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.informers.hash(state);
    }
}

impl Informers {
    /// One informer for each kind, over all namespaces.
    pub fn of(user: &User, kinds: &[Kind]) -> Informers {
        let mut informers = Informers::default();
        kinds.iter().for_each(|&kind| informers.add(user, kind, FieldSelector::default()));
        informers
    }

    /// Adds an informer for what the fields select of a kind; it starts with [`Informers::start`].
    pub fn add(&mut self, user: &User, kind: Kind, fields: FieldSelector) {
        let number = self.informers.last().map_or(0, |informer| informer.number + 1);
        self.informers.push(Informer::new(user.clone(), kind, Str::new(), fields, number));
        self.awaited.push((None, None));
    }

    /// Adds an informer that the component does not wait for.
    pub fn add_late(&mut self, user: &User, kind: Kind) {
        self.add(user, kind, FieldSelector::default());
        if let Some(added) = self.informers.last_mut() {
            added.late = true;
        }
    }

    /// Follows `kinds` from now on, too; the component goes on without them.
    pub fn follow(&mut self, user: &User, kinds: &[Kind], cx: &mut Context<'_>) {
        for &kind in kinds {
            if self.find_cache(kind).is_none() {
                self.add_late(user, kind);
                self.informers.last_mut().into_iter().for_each(|added| added.list(cx));
            }
        }
        self.look_again();
    }

    /// Follows `kinds` and none of the kinds that people defined beside them; answers what went with those that are no
    /// more.
    pub fn follow_custom(&mut self, user: &User, kinds: &[Kind], cx: &mut Context<'_>) -> Vec<Delta> {
        self.follow(user, kinds, cx);
        let mut gone = Vec::new();
        self.informers.retain(|informer| {
            let stays = !matches!(informer.kind, Kind::Custom(_)) || kinds.contains(&informer.kind);
            if !stays {
                let cache = informer.cache.iter();
                gone.extend(cache.map(|(_, old)| Delta { old: Some(Arc::clone(old)), new: None }));
            }
            stays
        });
        self.look_again();
        gone
    }

    /// Begins to list.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        self.informers.iter_mut().for_each(|informer| informer.list(cx));
        self.look_again();
    }

    fn look_again(&mut self) {
        self.awaited = self.informers.iter().map(Informer::awaited).collect();
    }

    /// Gives an input to the informer it is meant for.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Handled {
        let place = match &input {
            Input::Response(id, _) => self.awaited.iter().position(|(request, _)| *request == Some(*id)),
            Input::Watch(id, _) | Input::WatchClosed(id) => {
                self.awaited.iter().position(|(_, watch)| *watch == Some(*id))
            }
            Input::Timer(timer) if timer.name == "informer" => {
                self.informers.iter().position(|informer| informer.has_set(timer))
            }
            _ => None,
        };
        let Some(place) = place else { return Handled::NotMine(input) };
        let handled = self.informers[place].handle(input, cx);
        self.awaited[place] = self.informers[place].awaited();
        handled
    }

    /// Whether every cache that the component needs has been filled once.
    pub fn synced(&self) -> bool {
        self.informers.iter().all(|informer| informer.synced || informer.late)
    }

    /// The cache of a kind.
    ///
    /// # Panics
    /// When there is no informer for it: a mistake of the component's.
    pub fn cache(&self, kind: Kind) -> &Cache {
        self.find_cache(kind).expect("an informer for the kind")
    }

    /// The same, if the kind is followed.
    pub fn find_cache(&self, kind: Kind) -> Option<&Cache> {
        self.informers.iter().find(|informer| informer.kind == kind).map(|informer| &informer.cache)
    }

    /// An object from the cache.
    pub fn get<T: Viewed>(&self, namespace: &Str, name: &Str) -> Option<Of<T>> {
        let key = Key { kind: T::KIND, namespace: namespace.clone(), name: name.clone() };
        self.cache(T::KIND).get(&key).cloned().and_then(Of::new)
    }

    /// All objects of a kind in the cache, by namespace and name.
    pub fn list<T: Viewed>(&self) -> impl Iterator<Item = Of<T>> {
        self.cache(T::KIND).values().cloned().filter_map(Of::new)
    }

    /// All objects of a kind and namespace in the cache, by name.
    pub fn list_namespace<T: Viewed>(&self, namespace: &Str) -> impl Iterator<Item = Of<T>> {
        let from = Key { kind: T::KIND, namespace: namespace.clone(), name: Str::new() };
        let namespace = namespace.clone();
        self.cache(T::KIND)
            .range(from..)
            .take_while(move |(key, _)| key.namespace == namespace)
            .filter_map(|(_, object)| Of::new(Arc::clone(object)))
    }
}
