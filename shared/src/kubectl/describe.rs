//! `kubectl describe`: what a kind's page says is a text with holes ([`kinds`]), filled by [`sheet`].

mod containers;
mod csr;
mod generic;
mod hpa;
mod kinds;
mod network;
mod node;
mod parts;
mod policy;
mod quota;
mod sheet;
pub(super) mod values;
mod volumes;

use crate::doc::Doc;

use super::args::{Args, Flag, int64, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests;
use super::resource::{Target, by_name, escape, objects_or_lists, targets};
use super::tabs::{NARROW, align, visible};
pub(super) use parts::interval as event_interval;
pub(super) use policy::compact as policy_rules;
use sheet::Sheet;

pub(super) const FLAGS: &[Flag] = &[
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    switch("show-events", None),
    int64("chunk-size", None),
    value("filename", Some('f')),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.words.is_empty() && args.get("filename").is_none() {
        return Err(io.fail(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of \
             supported resources.",
        ));
    }
    let mut failures = Vec::new();
    let found = find(args, io, &mut failures)?;
    if found.is_empty()
        && let [kind, prefix] = args.words.as_slice()
        && failures.iter().any(|failure| failure.is("NotFound"))
    {
        return by_prefix(kind, prefix, failures, args, io);
    }
    // Events of many objects are left out, unless they are asked for.
    let alone = found.len() == 1 && failures.is_empty();
    let events = args.get("show-events").map_or(alone, |_| args.is_on("show-events"));
    for (at, (target, object)) in found.iter().enumerate() {
        let text = page(target, object, events, io)?;
        io.print(if at > 0 { "\n\n" } else { "" });
        io.print(&text);
    }
    if found.is_empty() && failures.is_empty() {
        io.warn(if args.is_on("all-namespaces") {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", args.namespace())
        });
    }
    io.finish_all(failures)
}

/// The objects that are meant.
fn find(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop> {
    if args.get("filename").is_some() {
        manifests::alone(&args.words, args, io)?;
        let (wanted, refused) = manifests::read(args, "describe", io)?;
        let wanted: Vec<Target> = wanted.into_iter().map(|wanted| wanted.target).collect();
        failures.extend(refused);
        return objects_or_lists(wanted, args, io, failures);
    }
    let wanted = targets(&args.words, args, io)?;
    by_name(&wanted, &args.words, args, io)?;
    objects_or_lists(wanted, args, io, failures)
}

/// Objects whose names begin like this, where none is called exactly so.
fn by_prefix(
    kind: &str,
    prefix: &str,
    failures: Vec<Failure>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let wanted = targets(&[kind.to_owned()], args, io)?;
    let mut others = Vec::new();
    let all = objects_or_lists(wanted, args, io, &mut others)?;
    if !others.is_empty() {
        return io.finish(others);
    }
    let events = args.is_on("show-events");
    let mut any = false;
    for (target, object) in all.iter().filter(|(target, _)| target.name.starts_with(prefix)) {
        let text = page(target, object, events, io)?;
        io.say(text);
        any = true;
    }
    if any { Ok(()) } else { io.finish(failures) }
}

/// All that is said of one object.
fn page(target: &Target, object: &Doc, events: bool, io: &mut Io<'_>) -> Result<String, Stop> {
    let template = kinds::template(&target.kind);
    let mut sheet = Sheet { text: String::new(), events, target, io };
    match template {
        Some(template) => sheet.fill(object, template)?,
        None => generic::describe(&mut sheet, object)?,
    }
    Ok(align(&visible(&sheet.text), NARROW))
}

/// What a rollout's history says of a revision's pod template; kubectl sets no columns there.
pub(super) fn pod_template(template: &Doc, io: &mut Io<'_>, target: &Target) -> Result<String, Stop> {
    let mut sheet = Sheet { text: String::new(), events: false, target, io };
    parts::template(&mut sheet, template)?;
    Ok(sheet.text)
}

/// A list request with a selector on fields.
fn with_fields(list: &Target, fields: &str) -> crate::cluster::HttpRequest {
    let mut request = list.get();
    request.path = format!("{}?fieldSelector={}", request.path, escape(fields)).into();
    request
}
