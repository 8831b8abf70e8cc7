//! Lists and watches: what is there, then each change as it comes, until somebody presses Ctrl-C or time is up.

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, parse_json};
use crate::sim::Duration;

use super::args::Args;
use super::get;
use super::io::{Io, Next, Said, Stop};
use super::printer::Format;
use super::resource::{Target, escape, selected};
use super::table::{View, lines};
use super::tabs::{WIDE, align_like};

/// What one who watches is told.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// What was there at the beginning, or after so much was missed that all is told anew.
    First(&'a Doc),
    /// `ADDED`, `MODIFIED`, `DELETED`, and what.
    Event(&'a str, &'a Doc),
    /// The server refuses.
    Refused(&'a HttpResponse),
    /// Time is up.
    Late,
}

/// Sends `list` and watches from there, until `until` if that is given. `judge` says when to end; it has a memory, for
/// the answers are not kept.
pub(super) fn follow<T>(
    list: &HttpRequest,
    until: Option<Timestamp>,
    io: &mut Io<'_>,
    mut judge: impl FnMut(&mut Doc, Told<'_>, &mut Said) -> Option<T>,
) -> Result<T, Stop> {
    let request = |memory: &Doc| match memory["revision"].as_str() {
        Some(revision) => watching(list, revision),
        None => list.clone(),
    };
    let first = doc!({ "revision": Doc::Null, "own": Doc::map() });
    io.stream(&request, first, |mut memory, response, said| {
        let mut own = memory["own"].clone();
        let begins = memory["revision"].is_null();
        if !response.is_success() {
            // Whoever watches notices nothing while the server is away.
            if response.code == 0 && memory["begun"].as_bool() == Some(true) {
                return Next::Again(memory);
            }
            if let Some(end) = judge(&mut own, Told::Refused(response), said) {
                return Next::Done(end);
            }
        } else if begins {
            let revision = response.body["metadata"]["resourceVersion"].str();
            memory.set("revision", revision);
            memory.set("begun", true);
            if let Some(end) = judge(&mut own, Told::First(&response.body), said) {
                return Next::Done(end);
            }
        } else {
            let text = response.body.str();
            let late = Some(Told::Late).filter(|_| text.is_empty());
            if let Some(end) = late.and_then(|late| judge(&mut own, late, said)) {
                return Next::Done(end);
            }
            for event in text.lines().filter_map(|line| parse_json(line).ok()) {
                match &*event["type"].str() {
                    // What it should go on from is gone: it begins anew.
                    "ERROR" => memory.set("revision", Doc::Null),
                    kind => {
                        if let Some(end) = judge(&mut own, Told::Event(kind, &event["object"]), said) {
                            return Next::Done(end);
                        }
                    }
                }
            }
        }
        memory.set("own", own);
        if memory["revision"].is_null() { Next::Again(memory) } else { Next::Watch(memory, until) }
    })
}

/// The watch of what a list shows, from a revision on.
fn watching(list: &HttpRequest, revision: &str) -> HttpRequest {
    let (path, query) = list.path.split_once('?').unwrap_or((&list.path, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("limit="));
    let kept: String = kept.map(|pair| format!("{pair}&")).collect();
    HttpRequest { path: format!("{path}?{kept}resourceVersion={revision}&watch=true").into(), ..list.clone() }
}

/// The list of one object, which may be none.
pub(super) fn list_of_one(target: &Target) -> HttpRequest {
    let all = Target { name: Str::new(), ..target.clone() };
    let path = format!("{}?fieldSelector=metadata.name%3D{}", all.path(), escape(&target.name));
    HttpRequest { path: path.into(), ..all.get() }
}

/// The date at which a time is up that runs since the program started.
pub(super) fn deadline(length: Duration, io: &Io<'_>) -> Timestamp {
    Timestamp::from_millis(io.started.millis().saturating_add_unsigned(length.0))
}

/// `kubectl get -w`
pub(super) fn get(
    wanted: &[Target],
    format: Option<&Format>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let [target] = wanted else {
        return Err(io.fail("you may only specify a single resource type"));
    };
    let request = match format {
        None => get::table_request(target, args),
        Some(_) => selected(target, args),
    };
    let mut list = request.clone();
    if !target.name.is_empty() {
        let response = target.look(request, io)?;
        if !response.is_success() {
            let failure = target.failure(&response, args);
            let silent = failure.is("NotFound") && args.is_on("ignore-not-found");
            return io.finish(Some(failure).filter(|_| !silent).into_iter().collect());
        }
        list.path = list_of_one(target).path;
    }
    let failure = follow(&list, None, io, |memory, told, said| {
        let (event, items) = match told {
            Told::First(list) => ("ADDED", items(format, list)),
            Told::Event("BOOKMARK", _) | Told::Late => return None,
            Told::Event(event, object) if format.is_none() => (event, items(format, object)),
            Told::Event(event, object) => (event, vec![object.clone()]),
            Told::Refused(response) => return Some(target.failure(response, args)),
        };
        let silent = args.is_on("watch-only") && memory["begun"].is_null();
        memory.set("begun", true);
        let table = if let Told::First(list) | Told::Event(_, list) = told { list } else { &Doc::Null };
        if memory["columns"].is_null() {
            memory.set("columns", table["columnDefinitions"].clone());
        }
        match format {
            _ if silent => {}
            None => rows(memory, event, items, &get::view(target, false, args), args, said),
            Some(format) => {
                for item in items {
                    let object = get::shown(get::typed(target, &item), format, args);
                    document(memory, format, event, object, target, args, said);
                }
            }
        }
        None
    })?;
    io.finish(vec![failure])
}

/// The rows or objects of a list.
fn items(format: Option<&Format>, list: &Doc) -> Vec<Doc> {
    list[if format.is_none() { "rows" } else { "items" }].items().to_vec()
}

/// Writes rows; columns never get narrower than they were.
fn rows(memory: &mut Doc, event: &str, rows: Vec<Doc>, view: &View, args: &Args, said: &mut Said) {
    if rows.is_empty() {
        return;
    }
    let mut headers = view.headers && memory["headed"].is_null();
    memory.set("headed", true);
    let mut text = String::new();
    let table = doc!({ "columnDefinitions": memory["columns"].clone(), "rows": rows });
    for line in lines(&table, &View { headers, ..view.clone() }).lines() {
        if args.is_on("output-watch-events") {
            text.push_str(if std::mem::take(&mut headers) { "EVENT" } else { event });
            text.push('\t');
        }
        text.push_str(line);
        text.push('\n');
    }
    let mut widths: Vec<usize> =
        memory["widths"].items().iter().map(|width| width.as_i64().unwrap_or(0) as usize).collect();
    said.stdout.push_str(&align_like(&text, WIDE, &mut widths));
    memory.set("widths", Doc::list(widths.into_iter().map(|width| Doc::from(width as i64))));
}
fn document(
    memory: &mut Doc,
    format: &Format,
    event: &str,
    object: Doc,
    target: &Target,
    args: &Args,
    said: &mut Said,
) {
    if let Format::Name = format {
        let target = Target { name: object["metadata"]["name"].str(), ..target.clone() };
        said.stdout.push_str(&format!("{}\n", target.display()));
        return;
    }
    let first = memory["printed"].is_null();
    memory.set("printed", true);
    if matches!(format, Format::Yaml) && !first {
        said.stdout.push_str("---\n");
    }
    let whole = match args.is_on("output-watch-events") {
        true => doc!({ "type": event, "object": object }),
        false => object,
    };
    said.stdout.push_str(&format.print(&whole, first && !args.is_on("no-headers")));
}
