//! The clock of a live session: how far virtual time has come, and how far it may go.
//!
//! What was reserved on disk may be shown; nothing beyond it. After a crash the clock goes on where the reservation
//! ends, so that nobody who saw the clock has to go back.

use std::time::{Duration, Instant};

use crate::storage::Pace;

/// A reservation lasts this long at the clock's pace: a crash makes the clock jump by no more.
const BLOCK: Duration = Duration::from_secs(1);

/// Slowest and fastest, in virtual milliseconds a second.
pub const SPEED_MILLI: std::ops::RangeInclusive<u32> = 100..=1_000_000;

/// A clock that shows virtual milliseconds.
#[derive(Clone, Debug)]
pub struct Clock {
    pace: Pace,
    time: u64,
    /// When `time` was right.
    since: Instant,
    reserved: u64,
}

impl Clock {
    /// A clock that goes on at `time` from `now`; everything before is reserved already.
    pub fn new(time: u64, pace: Pace, now: Instant) -> Self {
        Self { pace, time, since: now, reserved: time }
    }

    /// Lets it go on until `now`, but not past what is reserved, and reads it.
    pub fn read(&mut self, now: Instant) -> u64 {
        if self.pace.running {
            let speed = u128::from(self.pace.speed_milli);
            let passed = now.saturating_duration_since(self.since).as_micros() * speed / 1_000_000;
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            let due = self.time.saturating_add(passed);
            if due <= self.reserved {
                // The rest, less than a millisecond, is for the next reading.
                let micros = u64::try_from(u128::from(passed) * 1_000_000 / speed).unwrap_or(u64::MAX);
                self.since += Duration::from_micros(micros);
                self.time = due;
            } else {
                // Held back by the disk. The time lost is not made up in a jump.
                self.since = now;
                self.time = self.reserved;
            }
        } else {
            self.since = now;
        }
        self.time
    }

    /// How far time should be reserved now; `None` while there is enough.
    pub fn wants(&self) -> Option<u64> {
        let horizon = self.block_from(self.time);
        let left = self.reserved.saturating_sub(self.time);
        (self.pace.running && left <= (horizon - self.time) / 2).then_some(horizon)
    }

    /// What to reserve for a clock that stands at `time`: nothing more when it is paused.
    pub fn block_from(&self, time: u64) -> u64 {
        match self.pace.running {
            true => time.saturating_add(u64::from(self.pace.speed_milli) * BLOCK.as_secs()),
            false => time,
        }
    }

    /// Time up to `horizon`, and no more, is on disk.
    pub fn reserve(&mut self, horizon: u64) {
        self.reserved = self.time.max(horizon);
    }

    /// How far it may go.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Goes on at another pace from `now`.
    pub fn set_pace(&mut self, pace: Pace, now: Instant) {
        self.read(now);
        self.pace = pace;
        self.since = now;
    }

    /// Jumps forward to `time`, which must be reserved.
    pub fn skip(&mut self, time: u64, now: Instant) {
        self.time = self.time.max(time.min(self.reserved));
        self.since = now;
    }

    /// How it goes.
    pub fn pace(&self) -> Pace {
        self.pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Pace = Pace { running: true, speed_milli: 1000 };

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn it_never_passes_what_is_reserved() {
        let start = Instant::now();
        let mut clock = Clock::new(5000, RUNNING, start);
        assert_eq!(clock.read(start + millis(300)), 5000);
        assert_eq!(clock.wants(), Some(6000));
        clock.reserve(6000);
        assert_eq!(clock.wants(), None);
        assert_eq!(clock.read(start + millis(800)), 5500);
        assert_eq!(clock.wants(), Some(6500));
        assert_eq!(clock.read(start + millis(9000)), 6000);
        clock.reserve(6500);
        assert_eq!(clock.read(start + millis(9100)), 6100, "time lost is not made up");
    }

    #[test]
    fn it_stands_while_paused_and_goes_at_its_speed() {
        let start = Instant::now();
        let mut clock = Clock::new(0, Pace { running: false, speed_milli: 1000 }, start);
        assert_eq!(clock.wants(), None);
        assert_eq!(clock.read(start + millis(500)), 0);
        clock.set_pace(Pace { running: true, speed_milli: 60_000 }, start + millis(500));
        clock.reserve(clock.wants().expect("it has nothing"));
        assert_eq!(clock.read(start + millis(600)), 6000);
        clock.set_pace(Pace { running: false, speed_milli: 60_000 }, start + millis(700));
        assert_eq!(clock.read(start + millis(5000)), 12_000);
    }

    #[test]
    fn frequent_readings_lose_nothing() {
        let start = Instant::now();
        let mut clock = Clock::new(0, RUNNING, start);
        clock.reserve(100_000);
        for micros in (0..1_000_000).step_by(333) {
            clock.read(start + Duration::from_micros(micros));
        }
        assert_eq!(clock.read(start + millis(1000)), 1000);
    }

    #[test]
    fn it_jumps_forward_only() {
        let start = Instant::now();
        let mut clock = Clock::new(1000, Pace { running: false, speed_milli: 1000 }, start);
        clock.reserve(9000);
        clock.skip(500, start);
        assert_eq!(clock.read(start), 1000);
        clock.skip(9000, start);
        assert_eq!(clock.read(start), 9000);
    }
}
