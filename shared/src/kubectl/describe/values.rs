//! How values look to people, as Go and kubectl print them.

use crate::api::quantity::canonical;
use crate::api::{age, plain};
use crate::collections::{sort, sort_by_key};
use crate::doc::{Doc, Timestamp};

/// The value at the end of a path with dots.
pub fn at<'d>(doc: &'d Doc, path: &str) -> &'d Doc {
    path.split('.').filter(|key| !key.is_empty()).fold(doc, |doc, key| doc.get(key))
}

/// Whether somebody said something: neither nothing nor empty.
pub fn is_there(value: &Doc) -> bool {
    match value {
        Doc::Null => false,
        Doc::Str(text) => !text.is_empty(),
        Doc::List(_) | Doc::Map(_) => !value.is_empty(),
        _ => true,
    }
}

/// A value in one of the formats of the texts with holes.
pub fn shown(value: &Doc, format: &str) -> String {
    match format {
        "time" => rfc1123(value),
        "bool" => if value.as_bool() == Some(true) { "True" } else { "False" }.into(),
        "quantity" => canonical(value).unwrap_or_default(),
        "selector" => selector(value),
        "map" => pairs(value, "=").join(","),
        "list" => value.items().iter().map(bare).collect::<Vec<_>>().join(","),
        "wide" => value.items().iter().map(bare).collect::<Vec<_>>().join(", "),
        "go" if value.as_map().is_some() => super::super::jsonpath::go_value(value),
        "go" => go_list(value),
        "certificate" => plain::certificate_condition(value),
        "requested" => plain::requested_duration(value),
        "modes" => super::volumes::modes(value),
        "addresses" => super::volumes::addresses(value),
        "names" => value.items().iter().map(|item| bare(&item["name"])).collect::<Vec<_>>().join(", "),
        "indexes" => indexes(&bare(value)),
        "utc" => value
            .as_time()
            .map_or_else(String::new, |time| time.rfc3339().replace('T', " ").replace('Z', " +0000 UTC")),
        _ => bare(value),
    }
}

/// A list of numbers, cut at a comma where it gets long.
fn indexes(text: &str) -> String {
    const LONG: usize = 50;
    match text.get(LONG..).and_then(|rest| rest.find(',')) {
        Some(comma) => format!("{}...", &text[..=LONG + comma]),
        None => text.to_owned(),
    }
}

/// Text as it is, everything else as it prints.
pub fn bare(value: &Doc) -> String {
    match value {
        Doc::Null => String::new(),
        Doc::Str(text) => text.to_string(),
        Doc::Time(time) => time.rfc3339(),
        Doc::MicroTime(time) => time.rfc3339_micros(),
        other => other.to_json(),
    }
}

/// `key=value` of each entry.
pub fn pairs(map: &Doc, between: &str) -> Vec<String> {
    map.entries().iter().map(|(key, value)| format!("{key}{between}{}", bare(value))).collect()
}

/// `[a b]`
pub fn go_list(list: &Doc) -> String {
    format!("[{}]", list.items().iter().map(bare).collect::<Vec<_>>().join(" "))
}

/// A label selector's conditions by key; empty when there is none.
pub fn selector(selector: &Doc) -> String {
    let labels = selector["matchLabels"].entries().iter();
    let mut conditions: Vec<(String, String)> =
        labels.map(|(key, value)| (key.to_string(), format!("{key}={}", value.str()))).collect();
    for expression in selector["matchExpressions"].items() {
        let key = expression["key"].str();
        let mut values: Vec<String> = expression["values"].items().iter().map(bare).collect();
        sort(&mut values);
        let values = values.join(",");
        let text = match expression["operator"].as_str() {
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("Exists") => key.to_string(),
            Some("DoesNotExist") => format!("!{key}"),
            _ => format!("{key} in ({values})"),
        };
        conditions.push((key.to_string(), text));
    }
    sort_by_key(&mut conditions, |(key, _)| key.clone());
    conditions.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// `Sun, 22 Nov 2026 22:32:31 +0000`
pub fn rfc1123(value: &Doc) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Some(time) = value.as_time() else { return "Mon, 01 Jan 0001 00:00:00 +0000".into() };
    let (year, month, day) = time.date();
    let weekday = DAYS[time.seconds().div_euclid(86_400).rem_euclid(7) as usize];
    let clock = &time.rfc3339()[11..19];
    format!("{weekday}, {day:02} {} {year:04} {clock} +0000", MONTHS[month as usize - 1])
}

/// How long ago that was.
pub fn since(value: &Doc, now: Timestamp) -> String {
    value.as_time().map_or_else(|| "<unknown>".into(), |then| age(then, now))
}

/// A text that is cut where it gets too long.
pub fn shorten(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{rfc1123, selector};
    use crate::doc;
    use crate::doc::{Doc, Timestamp};

    #[test]
    fn dates_have_their_weekday() {
        for (text, expected) in [
            ("2026-11-22T22:32:31Z", "Sun, 22 Nov 2026 22:32:31 +0000"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            ("2024-02-29T01:02:03Z", "Thu, 29 Feb 2024 01:02:03 +0000"),
        ] {
            assert_eq!(rfc1123(&Doc::Time(Timestamp::parse(text).unwrap())), expected);
        }
    }

    #[test]
    fn selectors_are_ordered_by_key() {
        let doc = doc!({
            "matchLabels": { "b": "1" },
            "matchExpressions": [
                { "key": "a", "operator": "In", "values": ["y", "x"] },
                { "key": "c", "operator": "Exists" }, { "key": "d", "operator": "DoesNotExist" },
                { "key": "e", "operator": "NotIn", "values": ["z"] }
            ]
        });
        assert_eq!(selector(&doc), "a in (x,y),b=1,c,!d,e notin (z)");
    }
}
