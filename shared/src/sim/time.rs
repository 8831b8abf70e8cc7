//! Virtual time in whole milliseconds.

use crate::codec::Codec;
use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since the cluster began.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A length of time in milliseconds; written as Go writes durations (`1m30s`).
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub u64);

/// The most milliseconds that Go's durations, which count nanoseconds, can hold.
const LONGEST: u64 = 9_223_372_036_854;

impl Time {
    /// The beginning.
    pub const ZERO: Time = Time(0);

    /// Time passed since `earlier`; zero when that is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time.
    pub const ZERO: Duration = Duration(0);

    /// `count` milliseconds.
    pub const fn millis(count: u64) -> Duration {
        Duration(count)
    }

    /// `count` seconds.
    pub const fn seconds(count: u64) -> Duration {
        Duration(count.saturating_mul(1000))
    }

    /// Whole seconds, rounded down.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Reads `500ms`, `1.5s`, `2m30s`, `1h`; a bare number other than 0 is refused, as Go does.
    pub fn parse(text: &str) -> Option<Duration> {
        if text == "0" {
            return Some(Duration::ZERO);
        }
        let mut rest = text;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(digits);
            let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            let millis = match unit {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let mut part = whole.parse::<u64>().ok()?.checked_mul(millis)?;
            let mut scale = millis;
            for digit in fraction.bytes() {
                scale /= 10;
                part = part.checked_add(scale * u64::from(digit.checked_sub(b'0')?))?;
            }
            total = total.checked_add(part)?;
            rest = tail;
        }
        (!text.is_empty() && total <= LONGEST).then_some(Duration(total))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, length: Duration) -> Time {
        Time(self.0.saturating_add(length.0))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, length: Duration) {
        self.0 = self.0.saturating_add(length.0);
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Duration {
    type Output = Duration;
    fn mul(self, factor: u64) -> Duration {
        Duration(self.0.saturating_mul(factor))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        if seconds == 0 && millis > 0 {
            return write!(f, "{millis}ms");
        }
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if millis > 0 {
            write!(f, "{seconds}.{}s", format!("{millis:03}").trim_end_matches('0'))
        } else {
            write!(f, "{seconds}s")
        }
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t+{}", Duration(self.0))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        Duration::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no duration such as 500ms, 30s or 5m"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn lengths_end_where_those_of_go_do() {
        assert_eq!(Duration::parse("9223372036854ms"), Some(Duration(super::LONGEST)));
        assert_eq!(Duration::parse("9223372036855ms"), None);
        assert_eq!(super::Time(u64::MAX) + Duration::seconds(u64::MAX) * 2, super::Time(u64::MAX));
    }

    #[test]
    fn reads_what_it_writes() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("1s", 1000),
            ("1.5s", 1500),
            ("1m0s", 60_000),
            ("1h0m0.25s", 3_600_250),
        ] {
            assert_eq!(Duration::parse(text), Some(Duration(millis)), "{text}");
            assert_eq!(Duration(millis).to_string(), text);
        }
        for text in ["", "5", "s", "1d", "-1s", "1s2"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
