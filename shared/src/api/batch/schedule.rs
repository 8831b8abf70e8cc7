//! Cron schedules: five fields, or a word such as `@daily`, read and refused as Kubernetes' own reader does.

use crate::doc::Timestamp;
use crate::sim::Duration;

const DAY: i64 = 86_400;
/// No schedule is looked at further ahead, in days.
const HORIZON: i64 = 5 * 366;

/// When something is due again and again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Schedule {
    /// At these minutes, hours, days, months and days of the week: one bit each.
    Fields {
        /// The sets.
        sets: [u64; 5],
        /// Whether neither or only one of the two sorts of days restricts: then both must fit, otherwise one of them.
        both_days: bool,
    },
    /// So many seconds after the last time.
    Every(i64),
}

struct Bounds {
    first: u64,
    last: u64,
    names: &'static [&'static str],
}

const BOUNDS: [Bounds; 5] = [
    Bounds { first: 0, last: 59, names: &[] },
    Bounds { first: 0, last: 23, names: &[] },
    Bounds { first: 1, last: 31, names: &[] },
    Bounds {
        first: 1,
        last: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Bounds { first: 0, last: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

const WORDS: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        if text.is_empty() {
            return Err("empty spec string".into());
        }
        if text.starts_with('@') {
            if let Some((_, fields)) = WORDS.iter().find(|(word, _)| *word == text) {
                return Schedule::parse(fields);
            }
            let Some(length) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            let length = Duration::parse(length).ok_or_else(|| {
                format!("failed to parse duration {text}: time: invalid duration {length:?}")
            })?;
            return Ok(Schedule::Every((length.as_seconds() as i64).max(1)));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            let count = fields.len();
            return Err(format!("expected exactly 5 fields, found {count}: [{}]", fields.join(" ")));
        }
        let mut sets = [0; 5];
        let mut stars = [false; 5];
        for (at, field) in fields.iter().enumerate() {
            for part in field.split(',') {
                let (set, star) = range(part, &BOUNDS[at])?;
                sets[at] |= set;
                stars[at] |= star;
            }
        }
        Ok(Schedule::Fields { sets, both_days: stars[2] || stars[4] })
    }

    /// The first moment after `after` that fits, all in seconds since 1970 of the schedule's own clock; `None` when
    /// there is none for years.
    pub fn next(&self, after: i64) -> Option<i64> {
        let (sets, both_days) = match self {
            Schedule::Every(seconds) => return Some(after + seconds),
            Schedule::Fields { sets, both_days } => (sets, *both_days),
        };
        let has = |at: usize, value: i64| sets[at] >> value & 1 == 1;
        let from = after.div_euclid(60) + 1;
        for day in from.div_euclid(1440)..from.div_euclid(1440) + HORIZON {
            let (_, month, number) = Timestamp::from_millis(day * DAY * 1000).date();
            let (by_month, by_week) = (has(2, number), has(4, (day + 4).rem_euclid(7)));
            let fits = if both_days { by_month && by_week } else { by_month || by_week };
            if !fits || !has(3, month) {
                continue;
            }
            let first = (from - day * 1440).max(0);
            let minute = (first..1440).find(|minute| has(1, minute / 60) && has(0, minute % 60));
            if let Some(minute) = minute {
                return Some((day * 1440 + minute) * 60);
            }
        }
        None
    }
}

/// One part of a field: the values it means, and whether it is a plain `*`.
fn range(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let mut slashes = text.split('/');
    let (limits, step) = (slashes.next().unwrap_or(""), slashes.next());
    if slashes.next().is_some() {
        return Err(format!("too many slashes: {text}"));
    }
    let mut hyphens = limits.split('-');
    let (low, high) = (hyphens.next().unwrap_or(""), hyphens.next());
    let any = matches!(low, "*" | "?");
    let (first, mut last) = match (any, high) {
        (true, _) => (bounds.first, bounds.last),
        (false, None) => {
            let value = number(low, bounds)?;
            (value, value)
        }
        (false, Some(high)) => (number(low, bounds)?, number(high, bounds)?),
    };
    if !any && hyphens.next().is_some() {
        return Err(format!("too many hyphens: {text}"));
    }
    let step = match step {
        None => 1,
        Some(step) => {
            if high.is_none() && !any {
                last = bounds.last;
            }
            number(step, &Bounds { names: &[], ..*bounds })?
        }
    };
    if first < bounds.first {
        return Err(format!("beginning of range ({first}) below minimum ({}): {text}", bounds.first));
    }
    if last > bounds.last {
        return Err(format!("end of range ({last}) above maximum ({}): {text}", bounds.last));
    }
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let mut set = 0;
    let mut value = first;
    while value <= last {
        set |= 1 << value;
        value = value.saturating_add(step);
    }
    Ok((set, any && step == 1))
}

fn number(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let word = text.to_ascii_lowercase();
    if let Some(at) = bounds.names.iter().position(|name| *name == word) {
        return Ok(at as u64 + bounds.first);
    }
    text.parse().map_err(|_| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
    })
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::doc::Timestamp;

    fn next(schedule: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let mut at = Timestamp::parse(after).unwrap().seconds();
        let step = |_| {
            at = schedule.next(at)?;
            Some(Timestamp::from_millis(at * 1000).rfc3339())
        };
        (0..count).map_while(step).collect()
    }

    #[test]
    fn schedules_come_round() {
        let cases: &[(&str, &[&str])] = &[
            ("* * * * *", &["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]),
            ("*/20 8-9 * * *", &["2026-01-01T08:00:00Z", "2026-01-01T08:20:00Z"]),
            ("0 0 1 1 *", &["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
            ("30 6 * * mon-Fri", &["2026-01-01T06:30:00Z", "2026-01-02T06:30:00Z", "2026-01-05T06:30:00Z"]),
            ("0 12 13 * 5", &["2026-01-02T12:00:00Z", "2026-01-09T12:00:00Z", "2026-01-13T12:00:00Z"]),
            ("0 0 29 2 *", &["2028-02-29T00:00:00Z"]),
            ("5/30 23 31 DEC ?", &["2026-12-31T23:05:00Z", "2026-12-31T23:35:00Z"]),
            ("@weekly", &["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
            ("@every 90s", &["2026-01-01T00:02:00Z", "2026-01-01T00:03:30Z"]),
        ];
        for (schedule, times) in cases {
            assert_eq!(next(schedule, "2026-01-01T00:00:30Z", times.len()), *times, "{schedule}");
        }
        assert!(next("0 0 31 2 *", "2026-01-01T00:00:00Z", 1).is_empty(), "never");
    }

    #[test]
    fn refusals_say_why() {
        let cases = [
            ("", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("@noon", "unrecognized descriptor: @noon"),
        ];
        for (schedule, why) in cases {
            assert_eq!(Schedule::parse(schedule).unwrap_err(), why);
        }
    }
}
