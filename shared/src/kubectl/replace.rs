//! `kubectl replace`

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str};

use super::args::{Args, Flag, duration, int64, optional, output, switch, value};
use super::change::{DryRun, anew};
use super::failure::Failure;
use super::io::{Io, Next, Stop};
use super::last_applied;
use super::manifests::{self, Wanted};
use super::printer::Format;
use super::resource::Target;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    optional("dry-run", "unchanged"),
    optional("validate", "strict"),
    optional("cascade", "background"),
    switch("save-config", None),
    switch("force", None),
    int64("grace-period", None),
    duration("timeout", None),
    value("subresource", None),
    output(),
    value("field-manager", None),
    switch("wait", None),
    value("raw", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(path) = args.get("raw").filter(|path| !path.is_empty()) {
        if args.get("filename").is_none() {
            return Err(io.fail("must specify one of -f and -k"));
        }
        return super::raw::send("PUT", path, io.stdin.text.clone(), io);
    }
    let force = args.is_on("force");
    super::delete::cascade(args).map_err(|why| io.fail(why))?;
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    for flag in ["grace-period", "timeout"] {
        if args.get(flag).is_some() && !force {
            return Err(io.fail(format!("--{flag} must have --force specified")));
        }
    }
    if force && dry != DryRun::None {
        return Err(io.fail("--dry-run can not be used when --force is set"));
    }
    if args.get("filename").is_none() {
        return Err(io.fail("must specify one of -f and -k"));
    }
    let format = Format::asked(args, io)?;
    let read = manifests::read_once(args, "replace", io)?;
    let replaced = io.each(&read.wanted, |object, io| {
        let done =
            if force { again(object, args, io)? } else { replace(object, dry, format.as_ref(), args, io)? };
        Ok(done.map(|()| Doc::Null))
    })?;
    let mut failures = read.failures.clone();
    failures.extend(replaced.into_iter().filter_map(Result::err).flatten());
    io.finish(failures)
}

/// The object as it is to be.
fn wanted(object: &Wanted, args: &Args) -> Doc {
    if args.is_on("save-config") { last_applied::noted(&object.doc) } else { object.doc.clone() }
}

fn replace(
    object: &Wanted,
    dry: DryRun,
    format: Option<&Format>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Result<(), Failure>, Stop> {
    let (target, mut doc) = (&object.target, wanted(object, args));
    if dry == DryRun::Client {
        return tell(target, doc, format, args, io).map(Ok);
    }
    let part = args.get("subresource").map_or_else(String::new, |part| format!("/{part}"));
    let query = format!("fieldManager=kubectl-replace&fieldValidation=Strict{}", dry.query());
    // Whoever replaces means the object as it is now.
    if doc["metadata"]["resourceVersion"].str().is_empty() {
        let current = io.request(target.get())?;
        if current.is_success() {
            let revision = current.body["metadata"]["resourceVersion"].clone();
            doc.set_at(&["metadata", "resourceVersion"], revision);
        }
    }
    let response = io.request(HttpRequest {
        method: "PUT".into(),
        path: format!("{}{part}?{query}", target.path()).into(),
        body: doc.to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        return Ok(Err(Failure::of(&response).about("put", target).when("replacing \"STDIN\"")));
    }
    tell(target, response.body, format, args, io).map(Ok)
}

/// Says that an object was replaced, or prints it.
fn tell(
    target: &Target,
    object: Doc,
    format: Option<&Format>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    match format {
        None => io.say(format!("{} replaced{}", target.display(), dry.suffix())),
        Some(Format::Name) => io.say(target.display()),
        Some(format) => format.show(&super::get::shown(object, format, args), true, io)?,
    }
    Ok(())
}

/// Deletes an object and makes it anew.
fn again(object: &Wanted, args: &Args, io: &mut Io<'_>) -> Result<Result<(), Failure>, Stop> {
    let target = &object.target;
    let response = io.request(HttpRequest {
        method: "DELETE".into(),
        path: target.path().into(),
        body: r#"{"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","propagationPolicy":"Background"}"#
            .into(),
        ..HttpRequest::default()
    })?;
    if response.is_success() {
        let place = match target.namespace.as_str() {
            "" => String::new(),
            namespace => format!(" from {namespace} namespace"),
        };
        io.say(format!("{} {:?} deleted{place}", target.kind.type_name(), target.name.as_str()));
        io.poll(target.get(), Doc::Null, |_, response| match response.code {
            404 => Next::Done(()),
            _ => Next::Again(Doc::Null),
        })?;
    } else if response.code != 404 {
        return Ok(Err(Failure::of(&response)));
    }
    let collection = Target { name: Str::new(), ..target.clone() };
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: format!("{}?fieldManager=kubectl-replace&fieldValidation=Strict", collection.path()).into(),
        body: anew(wanted(object, args)).to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        return Ok(Err(Failure::of(&response)));
    }
    io.say(format!("{} replaced", target.display()));
    Ok(Ok(()))
}
