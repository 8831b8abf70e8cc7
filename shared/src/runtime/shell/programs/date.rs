//! The moment, as programs show it.

use crate::doc::Str;

use super::super::Task;
use super::super::step::Surroundings;
use super::{Done, say};

/// The time of day.
pub(super) fn clock(world: &Surroundings<'_>) -> String {
    world.date.rfc3339()[11..19].to_owned()
}

/// The month's short name, and the day.
pub(super) fn day(world: &Surroundings<'_>) -> (&'static str, i64) {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = world.date.date();
    (MONTHS[(month - 1).clamp(0, 11) as usize], day)
}

pub(super) fn date(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (year, month, day) = world.date.date();
    let seconds = world.date.seconds();
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let weekday = DAYS[seconds.div_euclid(86_400).rem_euclid(7) as usize];
    let (month_name, _) = self::day(world);
    let clock = clock(world);
    let format = args.iter().find_map(|arg| arg.strip_prefix('+'));
    let Some(format) = format else {
        return say(task, &format!("{weekday} {month_name} {day:2} {clock} UTC {year}\n"), world);
    };
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('Y') => text.push_str(&format!("{year:04}")),
            Some('m') => text.push_str(&format!("{month:02}")),
            Some('d') => text.push_str(&format!("{day:02}")),
            Some('H') => text.push_str(&clock[..2]),
            Some('M') => text.push_str(&clock[3..5]),
            Some('S') => text.push_str(&clock[6..8]),
            Some('F') => text.push_str(&format!("{year:04}-{month:02}-{day:02}")),
            Some('T') => text.push_str(&clock),
            Some('s') => text.push_str(&seconds.to_string()),
            Some('N') => text.push_str(&format!("{:03}000000", world.date.millis().rem_euclid(1000))),
            Some('Z') => text.push_str("UTC"),
            Some('a') => text.push_str(weekday),
            Some('b') => text.push_str(month_name),
            Some('%') => text.push('%'),
            Some(other) => text.extend(['%', other]),
            None => text.push('%'),
        }
    }
    text.push('\n');
    say(task, &text, world)
}
