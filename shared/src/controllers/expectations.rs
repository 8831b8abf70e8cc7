//! What a controller has asked for and not yet seen: until it has, its cache is stale and it must not ask again.

use crate::api::Key;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::sim::{Duration, Time};

use super::worker::Desk;

/// After so long, what is still missing will not come.
const EXPIRY: Duration = Duration::seconds(300);

/// Expectations by the key of the object that has them.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Expectations(BTreeMap<Key, Expected>);

#[derive(Codec, Clone, Debug, Hash)]
struct Expected {
    creations: i64,
    deletions: BTreeSet<Key>,
    since: Time,
}

impl Expectations {
    /// How long until what is expected counts no more, should it never be seen; `None` when nothing is expected.
    pub fn pending(&self, key: &Key, now: Time) -> Option<Duration> {
        let expected = self.0.get(key)?;
        let missing = expected.creations > 0 || !expected.deletions.is_empty();
        let left = (expected.since + EXPIRY).since(now);
        (missing && left > Duration::ZERO).then_some(left)
    }

    /// Whether nothing is expected (any more); otherwise the key comes back when that has expired: a pod that came and
    /// went while the watch was broken is never seen.
    pub fn satisfied(&self, key: &Key, desk: &mut Desk<'_, '_>) -> bool {
        let pending = self.pending(key, desk.now());
        pending.inspect(|wait| desk.add_after(key.clone(), *wait)).is_none()
    }

    /// So many creations, and these deletions, have been asked for.
    pub fn expect(&mut self, key: &Key, creations: i64, deletions: impl IntoIterator<Item = Key>, now: Time) {
        let deletions = deletions.into_iter().collect();
        self.0.insert(key.clone(), Expected { creations, deletions, since: now });
    }

    /// `count` creations were seen, or will never be.
    pub fn creation_observed(&mut self, key: &Key, count: i64) {
        if let Some(expected) = self.0.get_mut(key) {
            expected.creations -= count;
        }
    }

    /// A deletion was seen, or will never be.
    pub fn deletion_observed(&mut self, key: &Key, pod: &Key) {
        if let Some(expected) = self.0.get_mut(key) {
            expected.deletions.remove(pod);
        }
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::Expectations;
    use crate::api::{Key, Kind};
    use crate::sim::{Duration, Time};

    #[test]
    fn nothing_is_asked_for_twice() {
        let key = Key::new(Kind::ReplicaSet, "default", "web");
        let pod = Key::new(Kind::Pod, "default", "web-1");
        let mut expectations = Expectations::default();
        assert_eq!(expectations.pending(&key, Time(0)), None);
        expectations.expect(&key, 2, [], Time(0));
        expectations.creation_observed(&key, 1);
        assert_eq!(expectations.pending(&key, Time(1000)), Some(Duration::seconds(299)));
        assert_eq!(expectations.pending(&key, Time(300_000)), None, "expired");
        expectations.creation_observed(&key, 1);
        assert_eq!(expectations.pending(&key, Time(1000)), None);
        expectations.expect(&key, 0, [pod.clone()], Time(0));
        assert!(expectations.pending(&key, Time(1)).is_some());
        expectations.deletion_observed(&key, &pod);
        expectations.deletion_observed(&key, &pod);
        assert_eq!(expectations.pending(&key, Time(1)), None);
    }
}
