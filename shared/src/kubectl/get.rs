//! `kubectl get`

use crate::api::age;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, int64, output, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests;
use super::printer::{self, Format, sort_items};
use super::resource::{Target, by_name, selected, targets};
use super::table::{View, lines};
use super::tabs::{WIDE, align};
use super::watch;

pub(super) const FLAGS: &[Flag] = &[
    output(),
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    value("field-selector", None),
    value("filename", Some('f')),
    value("label-columns", Some('L')),
    value("sort-by", None),
    int64("chunk-size", None),
    value("raw", None),
    value("subresource", None),
    switch("no-headers", None),
    switch("show-labels", None),
    switch("show-kind", None),
    switch("ignore-not-found", None),
    switch("watch", Some('w')),
    switch("watch-only", None),
    switch("output-watch-events", None),
    switch("server-print", None),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(path) = args.get("raw").filter(|path| !path.is_empty()) {
        return raw(path, args, io);
    }
    if let Err(why) = contradiction(args) {
        return Err(io.fail(why));
    }
    let watches = args.is_on("watch") || args.is_on("watch-only");
    if args.words.is_empty() && args.get("filename").is_none() && !watches {
        io.warn(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n",
        );
        return Err(io.fail(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that \
             resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples",
        ));
    }
    let mut failures = Vec::new();
    let wanted = wanted(args, io, &mut failures)?;
    let format = Format::asked(args, io)?;
    if watches {
        if wanted.len() > 1 && wanted.iter().all(|target| target.kind == wanted[0].kind) {
            // They are shown before it comes out that there are several.
            match format {
                None => tables(&wanted, args, io, failures)?,
                Some(format) => documents(&wanted, &format, args, io, failures)?,
            }
            return Err(io.fail("you may only watch a single resource or type of resource at a time"));
        }
        return watch::get(&wanted, format.as_ref(), args, io);
    }
    match format {
        None => tables(&wanted, args, io, failures),
        Some(format) => documents(&wanted, &format, args, io, failures),
    }
}

/// Flags that do not go together.
fn contradiction(args: &Args) -> Result<(), String> {
    let output = args.get("output").unwrap_or("");
    if args.is_on("show-labels") && !matches!(output, "" | "wide") {
        return Err(format!("--show-labels option cannot be used with {output} printer"));
    }
    if args.get("label-columns").is_some() && output.starts_with("custom-columns") {
        return Err(format!("--label-columns option cannot be used with {output} printer"));
    }
    if args.is_on("output-watch-events") && !(args.is_on("watch") || args.is_on("watch-only")) {
        return Err("--output-watch-events option can only be used with --watch or --watch-only".into());
    }
    Ok(())
}

/// What the words or the file mean.
fn wanted(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<Target>, Stop> {
    if args.get("filename").is_some() {
        manifests::alone(&args.words, args, io)?;
        let (wanted, refused) = manifests::read(args, "get", io)?;
        // What is no object is said as it is.
        if let [Failure::Client(why)] = refused.as_slice()
            && why.starts_with("unable to decode")
        {
            io.warn(why);
            return Err(Stop::Exit(1));
        }
        failures.extend(refused);
        return Ok(wanted.into_iter().map(|wanted| wanted.target).collect());
    }
    let mut wanted = targets(&args.words, args, io)?;
    let named = wanted.iter().any(|target| !target.name.is_empty());
    by_name(&wanted, &args.words, args, io)?;
    if args.is_on("all-namespaces") {
        wanted.iter_mut().for_each(|target| target.namespace = "".into());
    }
    if !named && args.get("subresource").is_some() {
        return Err(io.fail("subresource cannot be used when bulk resources are specified"));
    }
    Ok(wanted)
}

/// The answer as it came.
fn raw(path: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() {
        return Err(io.fail("arguments may not be passed when --raw is specified"));
    }
    if args.is_on("watch") || args.is_on("watch-only") || args.get("selector").is_some() {
        return Err(io.fail(
            "--raw may not be specified with other flags that filter the server request or alter the output",
        ));
    }
    if args.get("output").is_some() {
        return Err(io.fail("--raw and --output are mutually exclusive"));
    }
    super::raw::send("GET", path, "".into(), io)
}

/// What the objects are sorted by, if by anything.
fn sorted_by(args: &Args) -> Option<&str> {
    args.get("sort-by").filter(|by| !by.is_empty())
}

/// The request for a target's table.
pub(super) fn table_request(target: &Target, args: &Args) -> HttpRequest {
    let mut request = selected(target, args);
    if args.get("server-print") == Some("false") {
        return request;
    }
    request.accept = TABLE.into();
    if sorted_by(args).is_some() {
        let joint = if request.path.contains('?') { '&' } else { '?' };
        request.path = format!("{}{joint}includeObject=Object", request.path).into();
    }
    request
}

/// How the flags want a target's table.
pub(super) fn view(target: &Target, with_kind: bool, args: &Args) -> View {
    View {
        wide: args.get("output") == Some("wide"),
        namespaces: args.is_on("all-namespaces") && target.kind.namespaced,
        prefix: if with_kind || args.is_on("show-kind") {
            format!("{}/", target.kind.type_name())
        } else {
            String::new()
        },
        headers: !args.is_on("no-headers"),
        labels: args.is_on("show-labels"),
        label_columns: args.each("label-columns").map(str::to_owned).collect(),
    }
}

/// A table of one object or of those in a list: names and ages.
fn bare_table(answer: &Doc, io: &Io<'_>) -> Doc {
    let row = |object: &Doc| {
        let metadata = &object["metadata"];
        let age = metadata["creationTimestamp"].as_time().map(|made| age(made, io.started));
        let cells = [metadata["name"].clone(), age.unwrap_or_else(|| "<unknown>".into()).into()];
        doc!({ "cells": Doc::list(cells), "object": object.clone() })
    };
    let rows = match &answer["items"] {
        Doc::List(items) => Doc::list(items.iter().map(row)),
        _ => Doc::list([row(answer)]),
    };
    doc!({ "columnDefinitions": [{ "name": "Name", "format": "name" }, { "name": "Age" }], "rows": rows })
}

fn tables(wanted: &[Target], args: &Args, io: &mut Io<'_>, mut failures: Vec<Failure>) -> Result<(), Stop> {
    let mut answered = 0;
    // Neighbours of one kind share a table.
    let mut tables: Vec<(Target, Doc)> = Vec::new();
    for target in wanted {
        let response = target.look(table_request(target, args), io)?;
        if !response.is_success() {
            let failure = target.failure(&response, args);
            if !(args.is_on("ignore-not-found") && failure.is("NotFound")) {
                failures.push(failure);
            }
            continue;
        }
        answered += 1;
        let body = if response.body["kind"].as_str() == Some("Table") {
            response.body
        } else {
            // Of what the server makes no table, kubectl makes one itself.
            bare_table(&response.body, io)
        };
        match tables.last_mut().filter(|(known, _)| known.kind == target.kind) {
            Some((_, table)) => {
                table.at_mut(&["rows"]).edit_items().extend(body["rows"].items().iter().cloned());
            }
            None => tables.push((target.clone(), body)),
        }
    }
    if let Some(by) = sorted_by(args).filter(|_| answered > 1) {
        // It looks for what to sort by in the tables themselves.
        let by = printer::braced(by).map_err(|why| io.fail(why))?;
        return Err(io.fail(format!("couldn't find any field with path \"{by}\" in the list of objects")));
    }
    // Kinds are told apart when there is more than one among what was asked for.
    let with_kind = tables.iter().any(|(target, _)| target.kind != tables[0].0.kind);
    if let Some(by) = sorted_by(args) {
        for (_, table) in &mut tables {
            let rows = table.at_mut(&["rows"]);
            // kubectl shows nothing of what it cannot sort, and says no more about it.
            if sort_items(rows.items_mut(), by, |row| &row["object"]).is_err() {
                *rows = Doc::list::<Doc>([]);
            }
        }
    }
    tables.retain(|(_, table)| !table["rows"].items().is_empty());
    for (at, (target, table)) in tables.iter().enumerate() {
        let view = view(target, with_kind, args);
        io.print(if at > 0 && view.headers { "\n" } else { "" });
        io.print(&align(&lines(table, &view), WIDE));
    }
    if tables.is_empty() && failures.is_empty() && !args.is_on("ignore-not-found") {
        // Who makes the tables oneself does not know what an empty one would be of.
        let of_none = || wanted.iter().any(|target| !target.kind.namespaced);
        let everywhere =
            args.is_on("all-namespaces") || (args.get("server-print") != Some("false") && of_none());
        io.warn(if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", args.namespace())
        });
    }
    io.finish_all(failures)
}

fn documents(
    wanted: &[Target],
    format: &Format,
    args: &Args,
    io: &mut Io<'_>,
    mut failures: Vec<Failure>,
) -> Result<(), Stop> {
    let mut objects: Vec<(Target, Doc)> = Vec::new();
    for target in wanted {
        let response = target.look(selected(target, args), io)?;
        if !response.is_success() {
            let failure = target.failure(&response, args);
            if !(args.is_on("ignore-not-found") && failure.is("NotFound")) {
                failures.push(failure);
            }
        } else if target.name.is_empty() {
            let items = response.body["items"].items().iter();
            objects.extend(items.map(|item| (target.clone(), typed(target, item))));
        } else {
            objects.push((target.clone(), response.body));
        }
    }
    if let Some(by) = sorted_by(args) {
        sort_items(&mut objects, by, |(_, object)| object).map_err(|why| io.fail(why))?;
    }
    if let Format::Name = format {
        for (target, object) in &objects {
            let target = Target { name: object["metadata"]["name"].str(), ..target.clone() };
            io.say(target.display());
        }
        return io.finish_all(failures);
    }
    let mut items: Vec<Doc> = objects.into_iter().map(|(_, object)| shown(object, format, args)).collect();
    let single = wanted.len() == 1 && !wanted[0].name.is_empty();
    if items.is_empty() && (single || args.is_on("ignore-not-found")) {
        return io.finish_all(failures);
    }
    let whole = match (single, items.pop()) {
        (true, Some(object)) => object,
        (_, last) => {
            items.extend(last);
            doc!({ "apiVersion": "v1", "items": items, "kind": "List", "metadata": { "resourceVersion": "" } })
        }
    };
    format.show(&whole, !args.is_on("no-headers"), io)?;
    io.finish_all(failures)
}

/// An object as a format shows it: bookkeeping of field owners is for those who ask for it.
pub(super) fn shown(mut object: Doc, format: &Format, args: &Args) -> Doc {
    if matches!(format, Format::Yaml | Format::Kyaml | Format::Json) && !args.is_on("show-managed-fields") {
        object.at_mut(&["metadata"]).remove("managedFields");
    }
    object
}

/// An item of a list, which does not say what it is.
pub(super) fn typed(target: &Target, item: &Doc) -> Doc {
    let mut object = item.clone();
    object.set("apiVersion", target.kind.api_version());
    object.set("kind", &target.kind.kind);
    object
}
