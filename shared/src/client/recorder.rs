//! The event recorder: writes Events, and counts up instead of writing the same one again.

use std::collections::BTreeMap;

use crate::api::{Key, Kind, Object, PatchKind, Request, User};
use crate::doc::{Doc, Str, literal};
use crate::doc;
use crate::sim::Context;

/// How many different events are remembered for counting.
const REMEMBERED: usize = 4096;

/// An event's `type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Severity {
    Normal,
    Warning,
}

/// Writes Events on behalf of one component.
#[derive(Clone, Debug, Hash)]
pub struct Recorder {
    user: User,
    component: Str,
    host: Str,
    known: BTreeMap<(u128, Str, Str, Str), (Key, i64)>,
    order: std::collections::VecDeque<(u128, Str, Str, Str)>,
}

impl Recorder {
    /// A recorder for `component`, on `host` if it runs on a node.
    pub fn new(user: &User, component: &'static str, host: Str) -> Recorder {
        Recorder {
            user: user.clone(),
            component: crate::doc::intern(component),
            host,
            known: BTreeMap::new(),
            order: std::collections::VecDeque::new(),
        }
    }

    /// Records that something happened to `object`.
    pub fn event(
        &mut self,
        object: &Object,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let mut involved = object.reference();
        let info = object.key.kind.info();
        involved.set("apiVersion", info.api_version());
        if object.meta.resource_version != 0 {
            involved.set("resourceVersion", object.meta.resource_version.to_string());
        }
        self.event_about(involved, object.meta.uid, severity, reason, message, cx);
    }

    /// Records that something happened to what `involved` refers to (for instance one container of a pod).
    pub fn event_about(
        &mut self,
        involved: Doc,
        uid: u128,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let message = message.into();
        let now = Doc::Time(cx.timestamp().floor_seconds());
        let same = (uid, crate::doc::intern(reason), message.clone(), involved["fieldPath"].str());
        if let Some((key, count)) = self.known.get_mut(&same) {
            *count += 1;
            let patch = doc!({ "count": *count, "lastTimestamp": now });
            let request = Request::patch(self.user.clone(), key, PatchKind::Merge, patch);
            cx.request(request);
            return;
        }
        let namespace = match involved["namespace"].str() {
            empty if empty.is_empty() => literal!("default"),
            namespace => namespace,
        };
        // As upstream: the object's name and the time, in hexadecimal; a number keeps simultaneous ones apart.
        let stamp = (cx.timestamp().millis() as u64) << 20 | cx.core.fresh_id() & 0xf_ffff;
        let name: Str = format!("{}.{stamp:016x}", involved["name"].str()).into();
        let source = if self.host.is_empty() {
            doc!({ "component": &self.component })
        } else {
            doc!({ "component": &self.component, "host": &self.host })
        };
        let body = doc!({
            "metadata": { "name": &name, "namespace": &namespace },
            "involvedObject": involved, "reason": reason, "message": message.clone(),
            "source": source, "firstTimestamp": now.clone(), "lastTimestamp": now, "count": 1i64,
            "type": match severity { Severity::Normal => "Normal", Severity::Warning => "Warning" },
            "reportingComponent": &self.component, "reportingInstance": &self.host
        });
        let key = Key { kind: Kind::Event, namespace: namespace.clone(), name };
        self.remember(same, key);
        cx.request(Request::create(self.user.clone(), Kind::Event, namespace, body));
    }

    fn remember(&mut self, same: (u128, Str, Str, Str), key: Key) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(same.clone());
        self.known.insert(same, (key, 1));
    }
}
