//! Lists a page at a time, and lists as they were: both look at the past, as far as the history goes back.

use std::sync::Arc;

use crate::api::{Key, Object, Page, Pages, Reason, Reply, Status};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::Str;
use crate::etcd::Store;

use super::http::base64;
use super::{ApiServer, Call, read};

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new \
     list without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
     results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, \
     or deleted between the time the first chunk was retrieved and now may show up in the list.";

/// Minutes between two compactions.
const COMPACTION: u32 = 5;

/// How far back lists go that are read a page at a time: to the last compaction but one, so that a token is good for
/// five to ten minutes. Watches may begin earlier, as far as the history is kept.
#[derive(Codec, Clone, Copy, Debug, Default, Hash)]
pub(super) struct Horizon {
    minutes: u32,
    /// The revision that was the newest at the last compaction, and at the one before.
    last: u64,
    before: u64,
}

impl Horizon {
    /// Another minute has passed.
    pub(super) fn minute(&mut self, newest: u64) {
        self.minutes = (self.minutes + 1) % COMPACTION;
        if self.minutes == 0 {
            self.before = std::mem::replace(&mut self.last, newest);
        }
    }
}

impl ApiServer {
    /// A list as [`Pages`] says.
    pub(super) fn page(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let pages = &call.request.options.pages;
        let newest = call.store.revision();
        if let Some((wanted, _)) = pages.at.filter(|(wanted, _)| *wanted > newest) {
            return Err(Status::too_large_version(wanted, newest));
        }
        let revision = match (&pages.after, pages.at) {
            (Some((revision, ..)), _) => *revision,
            (None, Some((revision, true))) => revision,
            _ => newest,
        };
        let kept = pages.after.is_none() || revision >= self.pages.before;
        let Some(past) = kept.then(|| changed_since(call.store, revision)).flatten() else {
            return Err(expired(pages, newest, call.store.oldest()));
        };
        let mut items = read::select(call)?;
        if !past.is_empty() {
            items = as_it_was(call, items, past);
        }
        if let Some((_, namespace, name)) = &pages.after {
            items.retain(|object| (&object.key.namespace, &object.key.name) > (namespace, name));
        }
        let limit = usize::try_from(pages.limit).unwrap_or(usize::MAX);
        let mut page = Page { items, revision, token: Str::new(), remaining: None };
        if limit > 0 && page.items.len() > limit {
            let rest = page.items.len() - limit;
            page.items.truncate(limit);
            let options = &call.request.options;
            page.remaining =
                (options.labels.is_empty() && options.fields.0.is_empty()).then_some(rest as u64);
            if let Some(last) = page.items.last() {
                page.token = token(revision, &last.key);
            }
        }
        Ok(Reply::Page(Arc::new(page)))
    }
}

/// What every object that changed after `revision` was then; `None` where the history does not go back so far.
fn changed_since(store: &Store, revision: u64) -> Option<BTreeMap<Key, Option<Arc<Object>>>> {
    let mut past: BTreeMap<Key, Option<Arc<Object>>> = BTreeMap::new();
    for later in store.since(revision)? {
        past.entry(later.object.key.clone()).or_insert_with(|| later.previous.clone());
    }
    Some(past)
}

/// The selected objects of a moment past: those that are there now and have not changed, and what the others were.
fn as_it_was(
    call: &Call<'_, '_>,
    now: Vec<Arc<Object>>,
    past: BTreeMap<Key, Option<Arc<Object>>>,
) -> Vec<Arc<Object>> {
    let kept = now.into_iter().filter(|object| !past.contains_key(&object.key));
    let before = past.values().flatten().filter(|object| read::is_selected(call.request, object)).cloned();
    let all: BTreeMap<Key, Arc<Object>> =
        kept.chain(before).map(|object| (object.key.clone(), object)).collect();
    all.into_values().collect()
}

/// 410, with a token to go on with the list as it is now.
fn expired(pages: &Pages, newest: u64, oldest: u64) -> Status {
    let Some((revision, namespace, name)) = &pages.after else {
        let revision = pages.at.map_or(0, |(revision, _)| revision);
        return Status::expired(revision, oldest);
    };
    let _ = revision;
    let key = Key::new(crate::api::Kind::Namespace, namespace.clone(), name.clone());
    Status { go_on: token(newest, &key), ..Status::new(Reason::Expired, TOO_OLD) }
}

fn token(revision: u64, after: &Key) -> Str {
    let start = format!("{}/{}", after.namespace, after.name);
    let text = doc!({ "v": "meta.k8s.io/v1", "rv": revision as i64, "start": start }).to_json();
    base64::encode(text.as_bytes()).into()
}

/// Reads a token.
pub(super) fn read_token(text: &str) -> Result<(u64, Str, Str), Status> {
    let invalid = |why: String| {
        Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
    };
    let bytes =
        base64::decode(text).map_err(|at| invalid(format!("illegal base64 data at input byte {at}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let doc = doc::parse_json(&text).map_err(|_| invalid("it is no JSON".into()))?;
    if doc["v"].as_str() != Some("meta.k8s.io/v1") {
        return Err(invalid(format!("server does not recognize this encoded version {}", doc["v"])));
    }
    let start = doc["start"].str();
    let (revision, place) = (doc["rv"].as_i64(), start.split_once('/'));
    match (revision.and_then(|revision| u64::try_from(revision).ok()), place) {
        (Some(revision), Some((namespace, name))) if revision > 0 => {
            Ok((revision, namespace.into(), name.into()))
        }
        _ => Err(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)".into())),
    }
}
