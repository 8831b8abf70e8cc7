//! Which date it is: virtual time as a calendar has it. Clocks can be set forward, as those of a computer that slept are
//! when it wakes; what happened before keeps its date, and nothing that runs down notices.

use crate::codec::Codec;
use crate::doc::Timestamp;

use super::Time;

/// The dates of all moments.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Dates {
    /// The date of t = 0.
    epoch: Timestamp,
    /// From when on clocks were set to another date, and which date t = 0 would have by them.
    set: Vec<(Time, Timestamp)>,
}

impl Dates {
    /// Dates that begin at this one.
    pub fn from(epoch: Timestamp) -> Dates {
        Dates { epoch, set: Vec::new() }
    }

    /// The date of a moment.
    pub fn of(&self, at: Time) -> Timestamp {
        let last = self.set.iter().rev().find(|(since, _)| *since <= at);
        let epoch = last.map_or(self.epoch, |(_, epoch)| *epoch);
        Timestamp::from_millis(epoch.millis().saturating_add(at.0 as i64))
    }

    /// The moment of a date: of one that was passed over, when it was passed over. None where that was before t = 0.
    pub fn time_of(&self, date: Timestamp) -> Option<Time> {
        let begun = self.set.iter().rev().find(|(since, _)| self.of(*since) <= date);
        let epoch = begun.map_or(self.epoch, |(_, epoch)| *epoch);
        let time = Time(u64::try_from(date.millis() - epoch.millis()).ok()?);
        let next = self.set.iter().find(|(since, _)| self.of(*since) > date);
        Some(next.map_or(time, |(since, _)| time.min(*since)))
    }

    /// Sets the clocks forward: from now on it is this date. False where that is no later one.
    pub fn set(&mut self, now: Time, date: Timestamp) -> bool {
        let later = date > self.of(now);
        if later {
            self.set.push((now, Timestamp::from_millis(date.millis() - now.0 as i64)));
        }
        later
    }
}
