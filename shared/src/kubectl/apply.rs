//! `kubectl apply` (its server side is [`server_side`]) and `kubectl create -f -`.

use std::borrow::Cow;

use crate::api::LabelSelector;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str, merge_patch, strategic_merge};
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, optional, output, switch, truth, value};
use super::change::{DryRun, anew};
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::manifests::{self, Objects, Wanted};
use super::patch::{three_way, three_way_merge};
use super::printer::Format;
use super::resource::{Target, escape};
use super::{delete, edit, last_applied, prune, server_side};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    optional("dry-run", "unchanged"),
    optional("validate", "strict"),
    optional("cascade", "background"),
    output(),
    value("selector", Some('l')),
    value("prune-allowlist", None),
    int64("grace-period", None),
    value("field-manager", None),
    switch("server-side", None),
    switch("force-conflicts", None),
    switch("prune", None),
    switch("all", None),
    switch("force", None),
    switch("wait", None),
    switch("overwrite", None),
    switch("create-annotation", None),
    switch("openapi-patch", None),
    switch("windows-line-endings", None),
    value("subresource", None),
    duration("timeout", None),
];

/// How often a patch is tried again when somebody else was faster.
const MOST_TRIES: u32 = 5;

/// What the flags say about validation, dry runs and what is printed.
pub(super) struct Mode {
    /// The whole query, and the part of it that says nothing of who writes.
    query: String,
    validation: String,
    pub dry: DryRun,
    format: Option<Format>,
}

/// How strictly the server should look, as `--validate` says.
pub(super) fn validation(args: &Args) -> Result<&'static str, String> {
    match args.get("validate").unwrap_or("true") {
        "strict" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "ignore" => Ok("Ignore"),
        other if truth(other).is_some() => Ok(if truth(other) == Some(true) { "Strict" } else { "Ignore" }),
        other => Err(format!(
            "invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
        )),
    }
}

impl Mode {
    pub fn of(args: &Args, manager: &str, io: &mut Io<'_>) -> Result<Mode, Stop> {
        let validation = validation(args).map_err(|why| io.fail(why))?;
        let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
        let format = Format::asked(args, io)?;
        let validation = format!("?fieldValidation={validation}{}", dry.query());
        let query = format!("{validation}&fieldManager={}", escape(manager));
        Ok(Mode { query, validation, dry, format })
    }

    /// Says what came of an object, or prints it.
    pub fn tell(&self, target: &Target, done: &str, object: &Doc, io: &mut Io<'_>) -> Result<(), Stop> {
        match &self.format {
            None => io.say(format!("{} {done}{}", target.display(), self.dry.suffix())),
            Some(Format::Name) => io.say(target.display()),
            Some(format) => {
                let mut object = super::get::typed(target, object);
                object.at_mut(&["metadata"]).remove("managedFields");
                format.show(&object, true, io)?;
            }
        }
        Ok(())
    }

    /// The query of a request that says itself who writes.
    pub fn validation(&self) -> &str {
        &self.validation
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &Doc) -> HttpRequest {
        HttpRequest {
            method: method.into(),
            path: format!("{path}{}", self.query).into(),
            content_type: content_type.into(),
            body: body.to_json().into(),
            ..HttpRequest::default()
        }
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some((part, subjects)) = args.words.split_first()
        && let Some(part) = last_applied::part(part)
    {
        return part(subjects, args, io);
    }
    let server_side = args.is_on("server-side");
    if args.is_on("force-conflicts") && !server_side {
        return Err(io.fail("--force-conflicts only works with --server-side"));
    }
    if !args.words.is_empty() {
        return Err(io.fail(format!(
            "Unexpected args: [{}]\nSee 'kubectl apply -h' for help and examples",
            args.words.join(" ")
        )));
    }
    if args.get("subresource").is_some() && !server_side {
        return Err(io.fail("--subresource can only be specified for --server-side"));
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    contradiction(dry, args).map_err(|why| io.fail(why))?;
    delete::cascade(args).map_err(|why| io.fail(why))?;
    prune::check(args, io)?;
    let read = manifests::read_once(args, "apply", io)?;
    let wanted = chosen(&read, "apply", args, io)?;
    let manager = args.get("field-manager").unwrap_or("kubectl-client-side-apply");
    let mode = Mode::of(args, manager, io)?;
    let applied = io.each(&wanted, |object, io| {
        let mut noted = Cow::Borrowed(*object);
        if io.notes() {
            io.note(&mut noted.to_mut().doc);
        }
        let applied = if object.target.name.is_empty() {
            Err(nameless(&noted))
        } else if server_side {
            server_side::apply(&noted, &mode, args, io)?
        } else {
            apply(&noted, &mode, args, io)?
        };
        Ok(applied.map(|()| Doc::Null))
    })?;
    let mut failures = read.failures.clone();
    failures.extend(applied.into_iter().filter_map(Result::err).flatten());
    if args.is_on("prune") && failures.is_empty() {
        prune::run(&wanted, mode.dry, args, io, &mut failures)?;
    }
    io.finish(failures)
}

/// The objects that the selector chooses, where one is given.
fn chosen<'a>(
    Objects { wanted, failures, .. }: &'a Objects,
    verb: &str,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Vec<&'a Wanted>, Stop> {
    let Some(selector) = args.get("selector") else { return Ok(wanted.iter().collect()) };
    let chosen = LabelSelector::parse(selector)
        .map_err(|why| io.fail(format!("the provided selector {selector:?} is not valid: {why}")))?;
    let chosen: Vec<_> =
        wanted.iter().filter(|object| chosen.matches(&object.doc["metadata"]["labels"])).collect();
    if chosen.is_empty() && failures.is_empty() {
        return Err(io.fail(format!("no objects passed to {verb}")));
    }
    Ok(chosen)
}

/// Flags that do not go together.
fn contradiction(dry: DryRun, args: &Args) -> Result<(), &'static str> {
    let (server_side, force) = (args.is_on("server-side"), args.is_on("force"));
    if server_side && force {
        return Err("--force cannot be used with --server-side");
    }
    if server_side && dry == DryRun::Client {
        return Err(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        );
    }
    if force && dry == DryRun::Server {
        return Err("--dry-run=server cannot be used with --force");
    }
    Ok(())
}

/// Applies one object and says what came of it.
fn apply(wanted: &Wanted, mode: &Mode, args: &Args, io: &mut Io<'_>) -> Result<Result<(), Failure>, Stop> {
    let target = &wanted.target;
    for _ in 0..MOST_TRIES {
        let current = io.request_of(|| target.get())?;
        if current.code == 404 {
            let made = create_one(target, || last_applied::noted(&wanted.doc), mode, io)?;
            return Ok(made.map_err(|failure| failure.when("creating \"STDIN\"")));
        }
        if !current.is_success() {
            let doing = format!(
                "retrieving current configuration of:\n{}\nfrom server for: \"STDIN\"",
                wanted.described()
            );
            return Ok(Err(Failure::of(&current).when(&doing)));
        }
        let (current, modified) = (current.body, last_applied::noted(&wanted.doc));
        let original = last_applied::of(&current);
        if original.is_none() {
            io.warn(format!(
                "Warning: resource {}/{} is missing the {} annotation which is required by kubectl apply. \
                 kubectl apply should only be used on resources created declaratively by either kubectl create \
                 --save-config or kubectl apply. The missing annotation will be patched automatically.",
                target.kind.plural,
                target.name,
                last_applied::LAST_APPLIED
            ));
        }
        let (way, patch) = match target.kind.known() {
            Some(_) => ("strategic-merge", three_way(&original.unwrap_or_default(), &modified, &current)),
            None => ("merge", three_way_merge(&original.unwrap_or_default(), &modified, &current)),
        };
        if patch.is_empty() {
            mode.tell(target, "unchanged", &current, io)?;
            return Ok(Ok(()));
        }
        if mode.dry == DryRun::Client {
            let merged = if way == "merge" {
                Ok(merge_patch(&current, &patch))
            } else {
                strategic_merge(&current, &patch)
            };
            mode.tell(target, "configured", &merged.unwrap_or(current), io)?;
            return Ok(Ok(()));
        }
        let request = mode.request("PATCH", &target.path(), &format!("application/{way}-patch+json"), &patch);
        let response = io.request(request)?;
        if response.is_success() {
            mode.tell(target, "configured", &response.body, io)?;
            return Ok(Ok(()));
        }
        let failure = Failure::of(&response);
        let doing = || format!("applying patch:\n{patch}\nto:\n{}\nfor: \"STDIN\"", wanted.described());
        if args.is_on("force") && (failure.is("Invalid") || failure.is("Conflict")) {
            let made = recreate(target, &modified, mode, args, io)?;
            return Ok(made.map_err(|failure| failure.when(&doing())));
        }
        if !failure.is("Conflict") {
            return Ok(Err(failure.when("patching \"STDIN\"").when(&doing())));
        }
    }
    let message = format!("{} kept changing while it was applied: try again", target.display());
    Ok(Err(Failure::Client(message)))
}

/// `--force`: what cannot become as it is wanted is deleted and made anew.
fn recreate(
    target: &Target,
    doc: &Doc,
    mode: &Mode,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Result<(), Failure>, Stop> {
    let mut options = delete::options(args, io)?;
    if args.get("grace-period").is_none() {
        options.remove("gracePeriodSeconds");
    }
    let deleted = io.request(mode.request("DELETE", &target.path(), "application/json", &options))?;
    if !deleted.is_success() && deleted.code != 404 {
        return Ok(Err(Failure::of(&deleted)));
    }
    let limit =
        args.get("timeout").and_then(Duration::parse).map(|limit| limit.0 as i64).filter(|limit| *limit > 0);
    let gone = io.poll(target.get(), doc!(0i64), |waited, response| {
        let waited = waited.as_i64().unwrap_or(0);
        match (response.code, limit) {
            (404, _) => Next::Done(true),
            (_, Some(limit)) if waited >= limit => Next::Done(false),
            _ => Next::Again(doc!(waited + POLL.0 as i64)),
        }
    })?;
    if !gone {
        return Ok(Err(Failure::Client("context deadline exceeded".into())));
    }
    let collection = Target { name: Str::new(), ..target.clone() };
    let response =
        io.request(mode.request("POST", &collection.path(), "application/json", &anew(doc.clone())))?;
    if !response.is_success() {
        return Ok(Err(Failure::of(&response)));
    }
    mode.tell(target, "configured", &response.body, io)?;
    Ok(Ok(()))
}

fn create_one(
    target: &Target,
    doc: impl FnOnce() -> Doc,
    mode: &Mode,
    io: &mut Io<'_>,
) -> Result<Result<(), Failure>, Stop> {
    let mut created = target.clone();
    let made = if mode.dry == DryRun::Client {
        doc()
    } else {
        let collection = Target { name: Str::new(), ..target.clone() };
        let request = || mode.request("POST", &collection.path(), "application/json", &anew(doc()));
        let response = io.request_of(request)?;
        if !response.is_success() {
            return Ok(Err(Failure::of(&response)));
        }
        // The server drew the name where only generateName was given.
        created.name = response.body["metadata"]["name"].str();
        response.body
    };
    mode.tell(&created, "created", &made, io)?;
    Ok(Ok(()))
}

fn nameless(wanted: &Wanted) -> Failure {
    if !wanted.doc["metadata"]["generateName"].str().is_empty() {
        let prefix = wanted.doc["metadata"]["generateName"].str();
        return Failure::Client(format!("from {prefix}: cannot use generate name with apply"));
    }
    Failure::Client(format!(
        "error when retrieving current configuration of:\n{}\nfrom server for: \"STDIN\": resource name may not be empty",
        wanted.described()
    ))
}

/// What does not go with `--raw`.
fn raw_alone(path: &str, args: &Args) -> Result<(), String> {
    let not_with = |flag: &str| Err(format!("--raw and --{flag} are mutually exclusive"));
    if args.is_on("edit") {
        return not_with("edit");
    }
    let mut files = args.each("filename");
    match (files.next(), files.next()) {
        (None, _) => return Err("must specify one of -f and -k".into()),
        (Some(_), Some(_)) => return Err("--raw can only use a single local file or stdin".into()),
        (Some(file), None) if file.starts_with("http://") || file.starts_with("https://") => {
            return Err("--raw cannot read from a url".into());
        }
        (Some("-"), None) => {}
        (Some(file), None) => return Err(format!("open {file}: no such file or directory")),
    }
    if args.get("selector").is_some() {
        return not_with("selector (-l)");
    }
    if args.get("output").is_some() {
        return not_with("output");
    }
    if !path.starts_with('/') {
        return Err(format!("--raw must be a valid URL path: parse {path:?}: invalid URI for request"));
    }
    Ok(())
}

/// `kubectl create -f -`, and what [`super::create`] makes of words.
pub(super) fn create(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(path) = args.get("raw") {
        raw_alone(path, args).map_err(|why| io.fail(why))?;
        let response = io.request(HttpRequest {
            method: "POST".into(),
            path: path.into(),
            body: io.stdin.text.clone(),
            ..HttpRequest::default()
        })?;
        if !response.is_success() {
            return Err(io.end(Failure::of(&response)));
        }
        io.say(response.body.to_json());
        return Ok(());
    }
    if super::create::from_words(args, io)? {
        return Ok(());
    }
    let mode = Mode::of(args, "kubectl-create", io)?;
    let read = manifests::read_once(args, "create", io)?;
    let wanted = chosen(&read, "create", args, io)?;
    let mut failures = read.failures.clone();
    if args.is_on("edit") {
        io.finish(failures)?;
        // What an editor showed comes of no file any more.
        let wanted = wanted.into_iter().cloned().collect();
        return edit::before_creating(wanted, args, io, &mut |object, io| {
            create_noted(object, &mode, args, io)
        });
    }
    let made = io.each(&wanted, |object, io| {
        let made = create_noted(object, &mode, args, io)?;
        Ok(made.map(|()| Doc::Null).map_err(|failure| failure.when("creating \"STDIN\"")))
    })?;
    failures.extend(made.into_iter().filter_map(Result::err).flatten());
    io.finish(failures)
}

/// Creates an object with the notes that the flags want on it.
fn create_noted(
    object: &Wanted,
    mode: &Mode,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Result<(), Failure>, Stop> {
    let mut doc = object.doc.clone();
    if args.is_on("save-config") {
        doc = last_applied::noted(&doc);
    }
    io.note(&mut doc);
    create_one(&object.target, || doc, mode, io)
}
