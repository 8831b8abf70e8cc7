//! Requests that wait a moment for what is about to be there: a new namespace has no account for its pods until a
//! controller has made it, and upstream waits for that as well.

use std::sync::Arc;

use crate::api::Request;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::etcd::Store;
use crate::sim::{Context, Duration, Incarnation, Process, RequestId, Timer};

use super::ApiServer;

pub(super) const TIMER: &str = "held";
/// How often a request is tried again, and how long it waits each time.
const MOST_TRIES: u32 = 10;
const WAIT: Duration = Duration::millis(100);

/// What waits.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Requests {
    waiting: BTreeMap<u64, Held>,
    /// Whether what the request being handled lacks may be there soon.
    pub is_coming: bool,
    /// How often that request has waited.
    tries: u32,
}

#[derive(Codec, Clone, Debug, Hash)]
struct Held {
    from: (Process, Incarnation),
    id: RequestId,
    request: Arc<Request>,
    tries: u32,
}

impl ApiServer {
    /// Keeps a request that cannot be granted yet; false when there is no use in waiting.
    pub(super) fn hold(
        &mut self,
        from: (Process, Incarnation),
        id: RequestId,
        request: &Arc<Request>,
        cx: &mut Context<'_>,
    ) -> bool {
        let tries = std::mem::take(&mut self.held.tries) + 1;
        if !std::mem::take(&mut self.held.is_coming) || tries > MOST_TRIES {
            return false;
        }
        let number = self.held.waiting.last_key_value().map_or(0, |(last, _)| last + 1);
        self.held.waiting.insert(number, Held { from, id, request: Arc::clone(request), tries });
        cx.timer(WAIT, Timer { number, ..Timer::named(TIMER) });
        true
    }

    /// Handles a request that has waited.
    pub(super) fn try_again(&mut self, timer: &Timer, store: &mut Store, cx: &mut Context<'_>) {
        if let Some(held) = self.held.waiting.remove(&timer.number) {
            self.held.tries = held.tries;
            // It was counted when it came.
            self.served -= 1;
            self.handle(held.from, held.id, &held.request, store, cx);
        }
    }
}
