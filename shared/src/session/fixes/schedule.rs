//! When a CronJob runs, in words and in the notations of others.

use super::Fix;
use super::scene::Fault;
use super::syntax::quoted;
use super::values::unquoted;

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// `every 5 minutes`, `hourly`, and six fields where the first are seconds.
pub(super) fn words(fault: &Fault) -> Vec<Fix> {
    if !fault.message.starts_with("spec.") || fault.key() != "schedule" {
        return Vec::new();
    }
    let text = unquoted(fault.text()).trim().to_lowercase();
    let Some(meant) = spoken(&text).or_else(|| with_seconds(&text)) else { return Vec::new() };
    vec![Fix::new("fix_value", meant.clone(), fault.put(quoted(&meant)))]
}

/// What is said in words, as five fields.
fn spoken(text: &str) -> Option<String> {
    let words = text.trim_start_matches('@').trim_start_matches("every").trim_start_matches("each").trim();
    let digits = words.len() - words.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = words.split_at(digits);
    let unit = unit.trim().trim_end_matches('s');
    let every = if number.is_empty() { 1 } else { number.parse::<u32>().ok().filter(|every| *every > 0)? };
    let step = |below: u32| match every {
        1 => Some("*".to_owned()),
        _ if every < below => Some(format!("*/{every}")),
        _ => None,
    };
    let once = |fields: &str| (every == 1).then(|| fields.to_owned());
    match unit {
        "m" | "min" | "minute" => Some(format!("{} * * * *", step(60)?)),
        "h" | "hr" | "hour" | "hourly" => Some(format!("0 {} * * *", step(24)?)),
        "d" | "day" | "daily" | "midnight" | "night" => Some(format!("0 0 {} * *", step(32)?)),
        "week" | "weekly" => once("0 0 * * 0"),
        "month" | "monthly" => once("0 0 1 * *"),
        "year" | "yearly" => once("0 0 1 1 *"),
        "weekday" => once("0 0 * * 1-5"),
        _ => {
            let day = DAYS.iter().position(|day| unit == *day || unit == &day[..3])?;
            once(&format!("0 0 * * {day}"))
        }
    }
}

/// Schedules of others begin with seconds and have `?` for any day.
fn with_seconds(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [_, rest @ ..] = &fields[..] else { return None };
    let plain = |field: &&str| field.chars().all(|c| c.is_ascii_digit() || "*/,-?".contains(c));
    (rest.len() == 5 && fields.iter().all(plain)).then(|| rest.join(" ").replace('?', "*"))
}
