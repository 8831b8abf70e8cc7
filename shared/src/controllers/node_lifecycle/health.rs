//! When a node was last heard of.

use crate::api::Object;
use crate::api::Of;
use crate::api::coordination::lease::Lease;
use crate::api::core::node::Node;
use crate::codec::Codec;
use crate::controllers::status::{condition, date};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::{Duration, Time};

use super::{STARTUP_GRACE, zones};

/// What is known of a node's signs of life.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Hash)]
pub struct Health {
    /// When a new sign of life was last noticed (the node's own clock does not count).
    pub seen: Time,
    /// How much silence is tolerated.
    pub grace: Duration,
    /// The node's zone; whoever sees its labels change sets it.
    pub zone: Str,
    heartbeat: Timestamp,
    renewed: Timestamp,
}

impl Health {
    /// What is known now, given what was `known` before.
    pub fn look(
        known: Option<&Health>,
        node: &Of<Node>,
        lease: Option<&Object>,
        grace: Duration,
        now: Time,
        date: Timestamp,
    ) -> Health {
        let heartbeat = node.heartbeat.unwrap_or_default();
        let renewed =
            lease.and_then(|lease| lease.view::<Lease>()).map(|lease| lease.renewed).unwrap_or_default();
        let grace = if node.heartbeat.is_none() { STARTUP_GRACE } else { grace };
        let since_creation = Duration::millis((date.millis() - node.meta().creation.millis()).max(0) as u64);
        let seen = match known {
            None if node.heartbeat.is_none() => Time(now.0.saturating_sub(since_creation.0)),
            Some(known) if known.heartbeat == heartbeat && renewed <= known.renewed => known.seen,
            _ => now,
        };
        Health {
            seen,
            grace,
            zone: known.map_or_else(|| zones::key(&node.meta().labels), |known| known.zone.clone()),
            heartbeat,
            renewed: renewed.max(known.map(|known| known.renewed).unwrap_or_default()),
        }
    }

    /// When the patience with this node ends.
    pub fn until(&self) -> Time {
        self.seen + self.grace
    }

    /// Whether it has ended.
    pub fn is_over(&self, now: Time) -> bool {
        now >= self.until()
    }
}

/// The conditions that say that nothing is known any more; `None` when the node says so already.
pub fn unknown_conditions(node: &Of<Node>, now: Timestamp) -> Option<Doc> {
    let status = &node.object().body["status"];
    let mut conditions = Vec::new();
    for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        let current = condition(status, kind);
        if current.is_null() {
            conditions.push(doc!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": date(node.meta().creation), "lastTransitionTime": date(now)
            }));
        } else if current["status"].as_str() != Some("Unknown") {
            conditions.push(doc!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.", "lastTransitionTime": date(now)
            }));
        }
    }
    (!conditions.is_empty()).then(|| Doc::from(conditions))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Health;
    use crate::api::core::node::Node;
    use crate::api::{Key, Kind, Meta, Object, Of};
    use crate::doc;
    use crate::doc::{Doc, Timestamp};
    use crate::sim::{Duration, Time};

    fn lease(renewed_ms: i64) -> Object {
        let body = doc!({ "spec": { "renewTime": Doc::MicroTime(Timestamp::from_millis(renewed_ms)) } });
        Object::new(Key::new(Kind::Lease, "kube-node-lease", "a"), Meta::default(), body, None)
    }

    #[test]
    fn a_lease_keeps_a_node_alive_and_silence_does_not() {
        let body = doc!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        let object = Object::new(Key::new(Kind::Node, "", "a"), Meta::default(), body, None);
        let node = Of::<Node>::new(Arc::new(object)).unwrap();
        let grace = Duration::seconds(50);
        let look = |known: Option<&Health>, lease: &Object, second: u64| {
            let date = Timestamp::from_millis(second as i64 * 1000);
            Health::look(known, &node, Some(lease), grace, Time(second * 1000), date)
        };
        let first = look(None, &lease(3000), 5);
        assert_eq!(first.seen, Time(5000));
        let renewed = look(Some(&first), &lease(13_000), 15);
        assert_eq!(renewed.seen, Time(15_000), "a renewal counts from when it is noticed");
        let silent = look(Some(&renewed), &lease(13_000), 60);
        assert_eq!(silent.seen, Time(15_000));
        assert!(!silent.is_over(Time(60_000)));
        assert!(silent.is_over(Time(65_000)));
    }
}
