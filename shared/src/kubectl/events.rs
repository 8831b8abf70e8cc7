//! `kubectl events`

use crate::api::Kind;
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::args::{Args, Flag, int64, output, switch, value};
use super::describe::event_interval;
use super::failure::Failure;
use super::go_sort;
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::{Target, escape, kind};
use super::tabs::{WIDE, align, align_like, visible};
use super::watch::{Told, follow};

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
    if let Some(word) = args.get("for").filter(|word| !word.is_empty()) {
        let Some((resource, name)) = word.split_once('/') else {
            return Err(io.fail("--for must be in resource/name form"));
        };
        if name.contains('/') {
            return Err(io.fail("arguments in resource/name form may not have more than one slash"));
        }
        let Some(found) = kind(resource, io)? else {
            io.warn(format!("the server doesn't have a resource type {resource:?}"));
            return Err(Stop::Exit(1));
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
    if !fields.is_empty() {
        request.path = format!("{}?fieldSelector={}", request.path, escape(&fields)).into();
    }
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
    let asks = args.get("output").is_some_and(|output| !output.is_empty());
    let format = Format::asked(args, io)?.filter(|_| asks);
    if events.is_empty() {
        io.warn(match args.is_on("all-namespaces") {
            true => "No events found.".to_owned(),
            false => format!("No events found in {} namespace.", args.namespace()),
        });
        return Ok(());
    }
    go_sort::sort(&mut events, |one, two| moment(one) < moment(two));
    if let Some(format) = format {
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
    let started = io.started;
    let failure = follow(request, None, io, |memory, told, said| {
        let events = match told {
            Told::First(list) => list["items"].items(),
            Told::Event("ADDED" | "MODIFIED", event) => std::slice::from_ref(event),
            // They are forgotten after an hour: nothing happened.
            Told::Event(..) | Told::Late => return None,
            Told::Refused(response) => return Some(Failure::of(response)),
        };
        let widths = memory["widths"].items().iter();
        let mut widths: Vec<usize> = widths.map(|width| width.as_i64().unwrap_or(0) as usize).collect();
        // Each is printed for itself: its columns are as wide as they had to be so far.
        for event in events.iter().filter(|event| fits(event)) {
            let mut text = String::new();
            if memory["headed"].is_null() && !args.is_on("no-headers") {
                text.push_str(&headings(args));
            }
            memory.set("headed", true);
            // What is told now has just happened.
            let now = moment(event).filter(|moment| moment.millis() > started.millis()).unwrap_or(started);
            text.push_str(&row(event, now, args));
            said.stdout.push_str(&align_like(&text, WIDE, &mut widths));
        }
        memory.set("widths", Doc::list(widths.into_iter().map(|width| Doc::from(width as i64))));
        None
    })?;
    io.finish(vec![failure])
}
