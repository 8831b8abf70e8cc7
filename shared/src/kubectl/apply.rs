//! `kubectl apply` (its server side is [`server_side`]) and `kubectl create -f -`.

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::{Args, Flag, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests::{self, Wanted};
use super::patch::three_way;
use super::resource::{Target, escape};
use super::server_side;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("dry-run", None),
    value("validate", None),
    value("output", Some('o')),
    switch("server-side", None),
    switch("force-conflicts", None),
    value("field-manager", None),
];

/// The annotation in which kubectl remembers what it applied.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How often a patch is tried again when somebody else was faster.
const MOST_TRIES: u32 = 5;

/// What the flags say about validation and dry runs.
struct Mode {
    /// The whole query, and the part of it that says nothing of who writes.
    query: String,
    validation: String,
    dry_client: bool,
    suffix: &'static str,
}

impl Mode {
    fn of(args: &Args, manager: &str, io: &mut Io<'_>) -> Result<Mode, Stop> {
        let validation = match args.get("validate").unwrap_or("true") {
            "true" | "strict" => "Strict",
            "warn" => "Warn",
            "false" | "ignore" => "Ignore",
            other => return Err(io.fail(format!("invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"))),
        };
        let mut query = format!("?fieldValidation={validation}");
        let (dry_client, suffix) = match args.get("dry-run").unwrap_or("none") {
            "none" => (false, ""),
            "client" => (true, " (dry run)"),
            "server" => {
                query.push_str("&dryRun=All");
                (false, " (server dry run)")
            }
            other => {
                return Err(io.fail(format!(
                    "Invalid dry-run value ({other:?}). Must be \"none\", \"server\", or \"client\"."
                )));
            }
        };
        let validation = query.clone();
        query.push_str(&format!("&fieldManager={}", escape(manager)));
        Ok(Mode { query, validation, dry_client, suffix })
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
    let server_side = args.is_on("server-side");
    if args.is_on("force-conflicts") && !server_side {
        return Err(io.fail("--force-conflicts only works with --server-side"));
    }
    if !args.words.is_empty() {
        return Err(io.fail(format!("Unexpected args: [{}]", args.words.join(" "))));
    }
    let (wanted, mut failures) = manifests::read(args, "apply", io)?;
    let manager = args.get("field-manager").unwrap_or("kubectl-client-side-apply");
    let mode = Mode::of(args, manager, io)?;
    if server_side && mode.dry_client {
        return Err(io.fail(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    for object in &wanted {
        let applied = if object.target.name.is_empty() {
            Err(nameless(object))
        } else if server_side {
            server_side::apply(object, &mode.validation, args, io)?
        } else {
            apply(object, &mode, io)?
        };
        failures.extend(applied.err());
    }
    io.finish(failures)
}

/// Applies one object and says what came of it.
fn apply(wanted: &Wanted, mode: &Mode, io: &mut Io<'_>) -> Result<Result<(), Failure>, Stop> {
    let target = &wanted.target;
    let modified = with_last_applied(&wanted.doc);
    for _ in 0..MOST_TRIES {
        let current = io.request(target.get())?;
        if current.code == 404 {
            return create_one(target, &modified, mode, io);
        }
        if !current.is_success() {
            let doing = format!(
                "retrieving current configuration of:\n{}\nfrom server for: \"STDIN\"",
                wanted.described()
            );
            return Ok(Err(Failure::of(&current).when(&doing)));
        }
        let current = current.body;
        let original = last_applied(&current);
        if original.is_none() {
            io.warn(format!(
                "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. \
                 kubectl apply should only be used on resources created declaratively by either kubectl create \
                 --save-config or kubectl apply. The missing annotation will be patched automatically.",
                target.kind.plural,
                target.name
            ));
        }
        let patch = three_way(&original.unwrap_or_default(), &modified, &current);
        if patch.is_empty() {
            io.say(format!("{} unchanged{}", target.display(), mode.suffix));
            return Ok(Ok(()));
        }
        if mode.dry_client {
            io.say(format!("{} configured{}", target.display(), mode.suffix));
            return Ok(Ok(()));
        }
        let request = mode.request("PATCH", &target.path(), "application/strategic-merge-patch+json", &patch);
        let response = io.request(request)?;
        if response.is_success() {
            io.say(format!("{} configured{}", target.display(), mode.suffix));
            return Ok(Ok(()));
        }
        let failure = Failure::of(&response);
        if !failure.is("Conflict") {
            let doing = format!("applying patch:\n{patch}\nto:\n{}\nfor: \"STDIN\"", wanted.described());
            return Ok(Err(failure.when("patching \"STDIN\"").when(&doing)));
        }
    }
    let message = format!("{} kept changing while it was applied: try again", target.display());
    Ok(Err(Failure::Client(message)))
}

fn create_one(target: &Target, doc: &Doc, mode: &Mode, io: &mut Io<'_>) -> Result<Result<(), Failure>, Stop> {
    let mut created = target.clone();
    if !mode.dry_client {
        let collection = Target { name: Str::new(), ..target.clone() };
        let response = io.request(mode.request("POST", &collection.path(), "application/json", doc))?;
        if !response.is_success() {
            return Ok(Err(Failure::of(&response).when("creating \"STDIN\"")));
        }
        // The server drew the name where only generateName was given.
        created.name = response.body["metadata"]["name"].str();
    }
    io.say(format!("{} created{}", created.display(), mode.suffix));
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

/// The object with the annotation that says what was applied.
pub(super) fn with_last_applied(doc: &Doc) -> Doc {
    let mut bare = doc.clone();
    let mut annotations = doc["metadata"]["annotations"].clone();
    annotations.map_mut().remove(LAST_APPLIED);
    bare.set_at(&["metadata", "annotations"], annotations.clone());
    // Go writes these characters of JSON text escaped.
    let mut text = bare.to_json().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    text.push('\n');
    annotations.set(LAST_APPLIED, text);
    bare.set_at(&["metadata", "annotations"], annotations);
    bare
}

/// What was applied last, if the object says.
pub(super) fn last_applied(current: &Doc) -> Option<Doc> {
    let text = current["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    doc::parse_json(text).ok()
}

/// `kubectl create -f -`, and what [`super::create`] makes of words.
pub(super) fn create(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if super::create::from_words(args, io)? {
        return Ok(());
    }
    let mode = Mode::of(args, "kubectl-create", io)?;
    let (wanted, mut failures) = manifests::read(args, "create", io)?;
    for object in &wanted {
        let doc = if args.is_on("save-config") { with_last_applied(&object.doc) } else { object.doc.clone() };
        if let Err(failure) = create_one(&object.target, &doc, &mode, io)? {
            failures.push(failure);
        }
    }
    io.finish(failures)
}
