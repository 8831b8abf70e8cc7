//! `kubectl events`

use crate::api::Kind;
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::args::{Args, Flag, int64, output, switch, value};
use super::describe::event_interval;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::printer::Format;
use super::resource::{Target, escape, kind};
use super::tabs::{WIDE, align, align_like, visible};

pub(super) const FLAGS: &[Flag] = &[
    switch("watch", Some('w')),
    switch("all-namespaces", Some('A')),
    switch("no-headers", None),
    value("for", None),
    value("types", None),
    int64("chunk-size", None),
    output(),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut fields = String::new();
    if let Some(word) = args.get("for") {
        let Some((resource, name)) = word.split_once('/') else {
            return Err(io.fail("--for must be in resource/name form"));
        };
        let Some(found) = kind(resource, io)? else {
            return Err(io.fail(format!("the server doesn't have a resource type {resource:?}")));
        };
        fields = format!(
            "involvedObject.kind={},involvedObject.apiVersion={},involvedObject.name={name}",
            found.kind,
            found.api_version()
        );
    }
    let types: Vec<String> = args.each("types").map(str::to_lowercase).collect();
    if types.iter().any(|name| name != "normal" && name != "warning") {
        return Err(io.fail("valid --types are Normal or Warning"));
    }
    let namespace = if args.is_on("all-namespaces") { "" } else { args.namespace() };
    let mut request = Target::new(Kind::Event, namespace, "").get();
    let selector = if fields.is_empty() { fields } else { format!("&fieldSelector={}", escape(&fields)) };
    request.path = format!("{}?limit=500{selector}", request.path).into();
    let fits = |event: &Doc| types.is_empty() || types.contains(&event["type"].str().to_lowercase());
    if args.is_on("watch") {
        return watch(&request, fits, args, io);
    }
    let response = io.request(request)?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    let mut events = response.body["items"].items().to_vec();
    events.retain(fits);
    if events.is_empty() {
        io.warn(match args.is_on("all-namespaces") {
            true => "No events found.".to_owned(),
            false => format!("No events found in {} namespace.", args.namespace()),
        });
        return Ok(());
    }
    sort_by_key(&mut events, moment);
    if let Some(format) = Format::asked(args, io)? {
        return documents(&format, events, io);
    }
    let headings = if args.is_on("no-headers") { String::new() } else { headings(args) };
    let rows: String = events.iter().map(|event| row(event, io.started, args)).collect();
    io.print(&align(&(headings + &rows), WIDE));
    Ok(())
}

fn documents(format: &Format, events: Vec<Doc>, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Format::Name = format {
        events.iter().for_each(|event| io.say(format!("event/{}", event["metadata"]["name"].str())));
        return Ok(());
    }
    let items = events.into_iter().map(|mut event| {
        event.set("apiVersion", "v1");
        event.set("kind", "Event");
        event.at_mut(&["metadata"]).remove("managedFields");
        event
    });
    let whole = doc!({ "apiVersion": "v1", "items": Doc::list(items), "kind": "EventList", "metadata": {} });
    format.show(&whole, true, io)
}

/// When an event happened last.
fn moment(event: &Doc) -> Option<Timestamp> {
    let series = event["series"]["lastObservedTime"].as_time();
    series.or_else(|| event["lastTimestamp"].as_time()).or_else(|| event["eventTime"].as_time())
}

fn headings(args: &Args) -> String {
    let namespace = if args.is_on("all-namespaces") { "NAMESPACE\t" } else { "" };
    format!("{namespace}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n")
}

fn row(event: &Doc, now: Timestamp, args: &Args) -> String {
    let namespace = match args.is_on("all-namespaces") {
        true => format!("{}\t", event["metadata"]["namespace"].str()),
        false => String::new(),
    };
    let involved = &event["involvedObject"];
    visible(&format!(
        "{namespace}{}\t{}\t{}\t{}/{}\t{}\n",
        event_interval(event, now),
        event["type"].str(),
        event["reason"].str(),
        involved["kind"].str(),
        involved["name"].str(),
        event["message"].str().trim()
    ))
}

/// Events as they come, those that are there first.
fn watch(
    request: &crate::cluster::HttpRequest,
    fits: impl Fn(&Doc) -> bool,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let mut headed = args.is_on("no-headers");
    let started = io.started;
    let first = doc!({ "known": {}, "widths": [], "looks": 0i64 });
    let failure = io.stream(&|_| request.clone(), first, |mut memory, response, said| {
        let looks = memory["looks"].as_i64().unwrap_or(0);
        if !response.is_success() {
            return match (looks, response.code) {
                (1.., 0) => Next::Again(memory),
                _ => Next::Done(Failure::of(response)),
            };
        }
        headed |= looks > 0;
        let mut text = String::new();
        let now = Timestamp::from_millis(started.millis() + looks * POLL.0 as i64);
        let mut known = Doc::map();
        for event in response.body["items"].items().iter().filter(|event| fits(event)) {
            let (uid, revision) =
                (event["metadata"]["uid"].str(), event["metadata"]["resourceVersion"].str());
            if memory["known"][uid.as_str()].as_str() != Some(&*revision) {
                if !std::mem::replace(&mut headed, true) {
                    text.push_str(&headings(args));
                }
                text.push_str(&row(event, now, args));
            }
            known.set(uid, revision);
        }
        let widths = memory["widths"].items().iter();
        let mut widths: Vec<usize> = widths.map(|width| width.as_i64().unwrap_or(0) as usize).collect();
        said.stdout.push_str(&align_like(&text, WIDE, &mut widths));
        let widths = Doc::list(widths.into_iter().map(|width| Doc::Int(width as i64)));
        memory = doc!({ "known": known, "widths": widths, "looks": looks + 1 });
        Next::Again(memory)
    })?;
    io.finish(vec![failure])
}
