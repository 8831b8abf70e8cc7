//! A CronJob's clock: what was due, what is due next, and how moments are written.

use crate::api::Of;
use crate::api::batch::cronjob::CronJob;
use crate::api::batch::schedule::{Schedule, zone_offset};
use crate::doc::Timestamp;

/// A CronJob's clock.
pub struct Clock {
    schedule: Schedule,
    /// Seconds ahead of UTC.
    offset: i64,
}

impl Clock {
    pub fn read(cron: &CronJob) -> Result<Clock, String> {
        let schedule = Schedule::parse(&cron.schedule)?;
        let zone = if cron.time_zone.is_empty() { "UTC" } else { &cron.time_zone };
        Ok(Clock { schedule, offset: zone_offset(zone).unwrap_or(0) * 60 })
    }

    pub fn next(&self, after: i64) -> Option<i64> {
        self.schedule.next(after + self.offset).map(|at| at - self.offset)
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

/// Looks for starts between the last one (or the CronJob's creation) and now, in seconds.
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
    let minutes = zone_offset(&cron.time_zone).unwrap_or(0);
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
    use super::rfc1123;

    #[test]
    fn moments_are_written_as_in_mail() {
        assert_eq!(rfc1123(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(rfc1123(1_795_386_600), "Sun, 22 Nov 2026 22:30:00 +0000");
    }
}
