//! A CronJob's clock: what was due, what is due next, and how moments are written.

use crate::api::Of;
use crate::api::batch::cronjob::CronJob;
use crate::api::batch::schedule::Schedule;
use crate::api::batch::timezone::Zone;
use crate::doc::Timestamp;

/// A CronJob's clock.
pub struct Clock {
    schedule: Schedule,
    zone: Zone,
}

impl Clock {
    pub fn read(cron: &CronJob) -> Result<Clock, String> {
        let schedule = Schedule::parse(&cron.schedule)?;
        let zone = Zone::named(&cron.time_zone)
            .ok_or_else(|| format!("provided bad location {}: unknown time zone {0}", cron.time_zone))?;
        Ok(Clock { schedule, zone })
    }

    /// The first moment after `after`. What clocks skip when they are put forward does not come; what they show twice
    /// when they are put back comes twice.
    pub fn next(&self, after: i64) -> Option<i64> {
        if matches!(self.schedule, Schedule::Every(_)) {
            return self.schedule.next(after);
        }
        let mut from = after;
        let (mut offset, mut change) = self.zone.at(after);
        loop {
            let at = self.schedule.next(from + offset)? - offset;
            match change {
                Some(moment) if at >= moment => {
                    from = moment - 1;
                    (offset, change) = self.zone.at(moment);
                }
                _ => return Some(at),
            }
        }
    }
}

/// What was due and has not been started.
pub struct Missed {
    /// The moment from which missed starts count.
    pub earliest: i64,
    /// The latest of them.
    pub latest: Option<i64>,
    pub count: i64,
}

/// Looks for starts between the last one (or the CronJob's creation) and now, in seconds. None of a schedule whose
/// moments do not come.
pub fn missed(cron: &Of<CronJob>, clock: &Clock, now: i64, with_deadline: bool) -> Option<Missed> {
    let mut earliest = cron.last_schedule.unwrap_or(cron.meta().creation).seconds();
    if let Some(limit) = cron.starting_deadline_seconds.filter(|_| with_deadline) {
        earliest = earliest.max(now - limit);
    }
    let first = clock.next(earliest)?;
    if now < first {
        return Some(Missed { earliest, latest: None, count: 0 });
    }
    let second = clock.next(first)?;
    if now < second {
        return Some(Missed { earliest, latest: Some(first), count: 0 });
    }
    // Roughly so many; from just before the end on they are counted out.
    let interval = (second - first).max(1);
    let count = (now - first) / interval + 1;
    let mut latest = None;
    let mut at = clock.next(first + (count - 2) * interval);
    while let Some(due) = at.filter(|due| *due <= now) {
        latest = Some(due);
        at = clock.next(due);
    }
    Some(Missed { earliest, latest, count })
}

/// `Mon, 02 Jan 2006 15:04:05 +0000`
pub fn rfc1123(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let moment = Timestamp::from_millis(seconds * 1000);
    let (year, month, day) = moment.date();
    let weekday = DAYS[seconds.div_euclid(86_400).rem_euclid(7) as usize];
    let clock = &moment.rfc3339()[11..19];
    format!("{weekday}, {day:02} {} {year} {clock} +0000", MONTHS[(month - 1) as usize])
}

/// A moment in the CronJob's own time zone.
pub fn local(cron: &CronJob, due: i64) -> String {
    let minutes = Zone::named(&cron.time_zone).map_or(0, |zone| zone.at(due).0 / 60);
    let text = Timestamp::from_millis((due + minutes * 60) * 1000).rfc3339();
    match minutes {
        0 => text,
        _ => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            format!("{}{sign}{hours:02}:{rest:02}", text.trim_end_matches('Z'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Schedule, Zone, rfc1123};
    use crate::doc::Timestamp;

    #[test]
    fn a_skipped_hour_does_not_come_and_a_repeated_one_comes_twice() {
        let next = |schedule: &str, zone: &str, after: &str, count: usize| {
            let schedule = Schedule::parse(schedule).unwrap();
            let clock = Clock { schedule, zone: Zone::named(zone).unwrap() };
            let mut at = Timestamp::parse(after).unwrap().seconds();
            let mut step = || {
                at = clock.next(at).unwrap();
                Timestamp::from_millis(at * 1000).rfc3339()
            };
            (0..count).map(|_| step()).collect::<Vec<_>>()
        };
        let spring = next("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]);
        let autumn = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 3);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]);
        let across = next("0 9 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
        assert_eq!(across, ["2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z"]);
    }

    #[test]
    fn moments_are_written_as_in_mail() {
        assert_eq!(rfc1123(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(rfc1123(1_795_386_600), "Sun, 22 Nov 2026 22:30:00 +0000");
    }
}
