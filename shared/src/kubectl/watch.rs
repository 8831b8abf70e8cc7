//! What goes on after `get`: changes of what was asked for, a line each, until somebody presses Ctrl-C.
//!
//! A program asks one question at a time, so it looks again and again; what changed meanwhile is told once.

use crate::cluster::HttpResponse;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::Args;
use super::failure::Failure;
use super::get;
use super::io::{Io, Next, Said, Stop};
use super::printer::Format;
use super::resource::{Target, selected};
use super::table::{View, lines};
use super::tabs::{WIDE, align_like};

/// Something that was seen, and how it is told.
struct Change {
    event: &'static str,
    item: Doc,
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
    let first = doc!({ "known": {}, "widths": [], "begun": args.is_on("watch-only") });
    let failure = io.stream(&|_| request.clone(), first, |memory, response, said| {
        look(target, format, args, memory, response, said)
    })?;
    io.finish(failure.into_iter().collect())
}

fn look(
    target: &Target,
    format: Option<&Format>,
    args: &Args,
    mut memory: Doc,
    response: &HttpResponse,
    said: &mut Said,
) -> Next<Option<Failure>> {
    let begun = memory["begun"].as_bool() == Some(true);
    if !response.is_success() {
        // Whoever watches notices nothing while the server is away, nor that the last object of a name went.
        let failure = target.failure(response, args);
        let gone = failure.is("NotFound");
        if !begun || !(gone || response.code == 0) {
            let silent = gone && args.is_on("ignore-not-found");
            return Next::Done(Some(failure).filter(|_| !silent));
        }
        if response.code == 0 {
            return Next::Again(memory);
        }
    }
    let items = if response.is_success() { items(target, format, &response.body) } else { Vec::new() };
    let silent = args.is_on("watch-only") && memory["seen"].is_null();
    let changes = changes(&mut memory, items, silent);
    memory.set("seen", true);
    match format {
        None => {
            let view = get::view(target, false, args);
            table(&mut memory, &response.body, changes, &view, args, said);
        }
        Some(format) => {
            for Change { event, item } in changes {
                let object = get::shown(get::typed(target, &item), format, args);
                document(&mut memory, format, event, object, target, args, said);
            }
        }
    }
    memory.set("begun", true);
    Next::Again(memory)
}

/// The rows or objects of an answer.
fn items(target: &Target, format: Option<&Format>, body: &Doc) -> Vec<Doc> {
    match (format, target.name.is_empty()) {
        (None, _) => body["rows"].items().to_vec(),
        (Some(_), true) => body["items"].items().to_vec(),
        (Some(_), false) => vec![body.clone()],
    }
}

/// What differs from what is remembered, which becomes what is there now.
fn changes(memory: &mut Doc, items: Vec<Doc>, silent: bool) -> Vec<Change> {
    let metadata = |item: &Doc| match item["object"].is_null() {
        true => item["metadata"].clone(),
        false => item["object"]["metadata"].clone(),
    };
    let before = memory["known"].clone();
    let (mut known, mut changes) = (Doc::map(), Vec::new());
    for item in items {
        let metadata = metadata(&item);
        let uid: Str = metadata["uid"].str();
        let old = &before[uid.as_str()];
        if old.is_null() {
            changes.push(Change { event: "ADDED", item: item.clone() });
        } else if old["revision"] != metadata["resourceVersion"] {
            changes.push(Change { event: "MODIFIED", item: item.clone() });
        }
        known.set(uid, doc!({ "revision": metadata["resourceVersion"].clone(), "item": item }));
    }
    for (uid, old) in before.entries() {
        if known[uid.as_str()].is_null() {
            changes.push(Change { event: "DELETED", item: old["item"].clone() });
        }
    }
    memory.set("known", known);
    if silent { Vec::new() } else { changes }
}

/// Writes rows; columns never get narrower than they were.
fn table(memory: &mut Doc, body: &Doc, changes: Vec<Change>, view: &View, args: &Args, said: &mut Said) {
    if changes.is_empty() {
        return;
    }
    if memory["columns"].is_null() {
        memory.set("columns", body["columnDefinitions"].clone());
    }
    let mut headers = view.headers && memory["headed"].is_null();
    memory.set("headed", true);
    let mut text = String::new();
    for Change { event, item } in changes {
        let table = doc!({ "columnDefinitions": memory["columns"].clone(), "rows": [item] });
        for line in lines(&table, &View { headers, ..view.clone() }).lines() {
            if args.is_on("output-watch-events") {
                text.push_str(if std::mem::take(&mut headers) { "EVENT" } else { event });
                text.push('\t');
            }
            headers = false;
            text.push_str(line);
            text.push('\n');
        }
    }
    let mut widths: Vec<usize> =
        memory["widths"].items().iter().map(|width| width.as_i64().unwrap_or(0) as usize).collect();
    said.stdout.push_str(&align_like(&text, WIDE, &mut widths));
    memory.set("widths", Doc::list(widths.into_iter().map(|width| Doc::Int(width as i64))));
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
