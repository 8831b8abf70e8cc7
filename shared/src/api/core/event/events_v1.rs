//! `events.k8s.io/v1`: the same events under other names.

use crate::doc::{Doc, Path, Segment, Str};

/// What objects of this version say.
pub const API_VERSION: &str = "events.k8s.io/v1";
/// What a field is called here, and as it is kept.
pub const NAMES: [(&str, &str); 7] = [
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

/// What a field is called as it is kept: `regarding.name` is `involvedObject.name`.
pub fn kept_field(path: &str) -> Str {
    let (first, rest) = path.split_once('.').map_or((path, ""), |(first, rest)| (first, rest));
    match NAMES.iter().find(|(here, _)| *here == first) {
        Some((_, kept)) if rest.is_empty() => (*kept).into(),
        Some((_, kept)) => format!("{kept}.{rest}").into(),
        None => path.into(),
    }
}

/// The fields of an object that only the other version has.
pub fn unknown(body: &Doc) -> Vec<Path> {
    let there = NAMES.iter().filter(|(_, kept)| !body[*kept].is_null());
    there.map(|(_, kept)| Path(vec![Segment::Key((*kept).into())])).collect()
}

/// Makes what a client sent into what is stored.
pub fn to_stored(body: &mut Doc) {
    if !body["apiVersion"].is_empty() {
        body.set("apiVersion", "v1");
    }
    for (here, kept) in NAMES {
        rename(body, here, kept);
    }
}

/// Makes an answer, or a list of them, into what this version shows.
pub fn shown(body: &mut Doc) {
    match body["kind"].as_str() {
        Some("Event") => one(body),
        Some("EventList") => {
            body.set("apiVersion", API_VERSION);
            body.at_mut(&["items"]).items_mut().iter_mut().for_each(one);
        }
        _ => {}
    }
}

fn one(event: &mut Doc) {
    if !event["apiVersion"].is_null() {
        event.set("apiVersion", API_VERSION);
    }
    for (here, kept) in NAMES {
        rename(event, kept, here);
    }
}

fn rename(doc: &mut Doc, from: &'static str, to: &'static str) {
    let value = doc[from].clone();
    if doc.remove(from) {
        doc.set(to, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{shown, to_stored};
    use crate::doc;

    #[test]
    fn there_and_back() {
        let sent = doc!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "e" }, "eventTime": "2026-01-01T00:00:00.000000Z",
            "note": "n", "regarding": { "kind": "Pod", "name": "p" }, "reportingController": "c", "reason": "R"
        });
        let mut doc = sent.clone();
        to_stored(&mut doc);
        assert_eq!((doc["apiVersion"].as_str(), doc["message"].as_str()), (Some("v1"), Some("n")));
        assert_eq!(doc["involvedObject"]["name"].as_str(), Some("p"));
        shown(&mut doc);
        assert_eq!(doc, sent);
    }
}
