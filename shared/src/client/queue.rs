//! A controller's work queue: each key at most once, with the causes of all that was folded into it, back-off for
//! failures, and a limit on requests per second.

use std::collections::VecDeque;

use crate::api::Key;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::sim::{Causes, Context, Duration, Time, Timer};

/// client-go's default: 5 ms doubling to 1000 s per item.
const FIRST_BACK_OFF_MS: u64 = 5;
const LONGEST_BACK_OFF: Duration = Duration::seconds(1000);

/// Keys to work on. A key that is being worked on waits until that is done.
#[derive(Codec, Clone, Debug, Hash)]
pub struct WorkQueue {
    name: &'static str,
    waiting: VecDeque<Key>,
    causes: BTreeMap<Key, Causes>,
    busy: BTreeSet<Key>,
    failures: BTreeMap<Key, u32>,
}

impl WorkQueue {
    /// A queue whose delayed keys come back with timers called `name`.
    pub fn new(name: &'static str) -> WorkQueue {
        WorkQueue {
            name,
            waiting: VecDeque::new(),
            causes: BTreeMap::new(),
            busy: BTreeSet::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Puts a key in line; if it is there already, only the cause is added.
    pub fn add(&mut self, key: Key, causes: &Causes) {
        match self.causes.get_mut(&key) {
            Some(known) => known.merge(causes),
            None => {
                self.causes.insert(key.clone(), causes.clone());
                if !self.busy.contains(&key) {
                    self.waiting.push_back(key);
                }
            }
        }
    }

    /// Puts a key in line after `wait`.
    pub fn add_after(&mut self, key: Key, wait: Duration, cx: &mut Context<'_>) {
        cx.timer(wait, Timer::about(self.name, key));
    }

    /// Puts a key in line again after a failure, later each time.
    pub fn add_rate_limited(&mut self, key: Key, cx: &mut Context<'_>) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = Duration::millis(FIRST_BACK_OFF_MS << (*failures).min(20)).min(LONGEST_BACK_OFF);
        *failures += 1;
        self.add_after(key, wait, cx);
    }

    /// Takes a delayed key whose timer ran out; false when the timer is somebody else's.
    pub fn handle_timer(&mut self, timer: &Timer, cx: &Context<'_>) -> bool {
        match &timer.key {
            Some(key) if timer.name == self.name => {
                self.add(key.clone(), &cx.causes);
                true
            }
            _ => false,
        }
    }

    /// The next key to work on and why; it counts as busy until [`WorkQueue::done`].
    #[expect(clippy::should_implement_trait, reason = "a queue is no iterator: its work can grow meanwhile")]
    pub fn next(&mut self) -> Option<(Key, Causes)> {
        let key = self.waiting.pop_front()?;
        let causes = self.causes.remove(&key).unwrap_or_default();
        self.busy.insert(key.clone());
        Some((key, causes))
    }

    /// The work on `key` is finished; if it was added meanwhile, it is in line again.
    pub fn done(&mut self, key: &Key) {
        self.busy.remove(key);
        if self.causes.contains_key(key) {
            self.waiting.push_back(key.clone());
        }
    }

    /// Forgets the failures of a key.
    pub fn forget(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// How many keys are in line.
    pub fn len(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Whether no key is in line.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether `key` is being worked on.
    pub fn is_busy(&self, key: &Key) -> bool {
        self.busy.contains(key)
    }
}

/// How many times as much as the others a client may ask.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// In the long run.
    pub steady: u32,
    /// At once.
    pub burst: u32,
}

impl Share {
    /// What a client gets for which nobody has asked for more.
    pub const ONE: Share = Share { steady: 1, burst: 1 };
}

/// A client's token bucket (`--kube-api-qps`, `--kube-api-burst`).
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct RateLimiter {
    /// When the next request would go out if requests were spread evenly; the burst may run ahead of it.
    next: Time,
}

impl RateLimiter {
    /// How long a request made now has to wait, for a client that may send so many times the usual at once and in
    /// the long run; counts it.
    pub fn wait(&mut self, share: Share, cx: &Context<'_>) -> Duration {
        let options = &cx.core.options;
        if options.kube_api_qps == 0 {
            return Duration::ZERO;
        }
        let interval = 1000 / u64::from(options.kube_api_qps.saturating_mul(share.steady)).max(1);
        let most = u64::from(options.kube_api_burst.saturating_mul(share.burst).saturating_sub(1));
        let burst = Duration::millis(interval * most);
        let now = cx.now();
        let slot = self.next.max(now);
        self.next = slot + Duration::millis(interval);
        // The first `burst` requests go at once; each later one waits for its slot.
        Duration(slot.since(now).0.saturating_sub(burst.0))
    }
}
