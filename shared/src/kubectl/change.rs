//! Changing or making one object and saying what came of it.

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str, json_patch, merge_patch, strategic_merge};

use super::args::{Args, truth};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::{Target, escape};
use super::typed::{decoded, shaped};

/// Whether something is done for real.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum DryRun {
    None,
    Client,
    Server,
}

impl DryRun {
    /// What `--dry-run` says; the error is what stands after `error: `.
    pub fn of(args: &Args) -> Result<DryRun, String> {
        match args.get("dry-run").unwrap_or("none") {
            "none" => Ok(DryRun::None),
            // Without a value it means the client, as it once did.
            "client" | "unchanged" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            other => match truth(other) {
                Some(true) => Ok(DryRun::Client),
                Some(false) => Ok(DryRun::None),
                None => Err(format!(
                    "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
                )),
            },
        }
    }

    /// What stands after what is said to be done.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }

    /// The part of a query.
    pub fn query(self) -> &'static str {
        if self == DryRun::Server { "&dryRun=All" } else { "" }
    }
}

/// An object as it is sent to be made: what was stored before may be made anew.
pub(super) fn anew(mut doc: Doc) -> Doc {
    if !doc["metadata"]["resourceVersion"].is_null() {
        doc.at_mut(&["metadata"]).remove("resourceVersion");
    }
    doc
}

/// Creates an object and says nothing.
pub(super) fn create_silently(
    target: &Target,
    manager: &str,
    doc: &Doc,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let collection = Target { name: Str::new(), ..target.clone() };
    let response = io.request(HttpRequest {
        method: "POST".into(),
        path: format!("{}?fieldManager={manager}&fieldValidation=Strict", collection.path()).into(),
        body: doc.to_json().into(),
        ..HttpRequest::default()
    })?;
    if response.is_success() { Ok(()) } else { Err(io.end(Failure::of(&response))) }
}

/// How a verb makes objects.
pub(super) struct Making {
    pub manager: &'static str,
    /// What is said of a made object.
    pub done: &'static str,
    /// What stands before the server's refusal; empty where it stands alone.
    pub refused: &'static str,
}

impl Making {
    /// Makes an object as the flags want it and says so, or prints it.
    pub fn make(
        &self,
        target: &Target,
        doc: Doc,
        args: &Args,
        io: &mut Io<'_>,
        failures: &mut Vec<Failure>,
    ) -> Result<(), Stop> {
        match self.send(target, doc, args, io, failures)? {
            Some(made) => self.say(target, made, args, io),
            None => Ok(()),
        }
    }

    /// Makes an object as the flags want it; `None` where that was refused.
    pub fn send(
        &self,
        target: &Target,
        mut doc: Doc,
        args: &Args,
        io: &mut Io<'_>,
        failures: &mut Vec<Failure>,
    ) -> Result<Option<Doc>, Stop> {
        let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
        let validation = super::apply::validation(args).map_err(|why| io.fail(why))?;
        io.note(&mut doc);
        // Some forget the note where nothing is to be made.
        let forgets = match (dry, self.manager) {
            (DryRun::Client, "kubectl-run" | "kubectl-expose" | "kubectl-autoscale") => true,
            (DryRun::Server, "kubectl-create") => target.kind == crate::api::Kind::Service,
            _ => false,
        };
        if args.is_on("save-config") && !forgets {
            doc = super::last_applied::noted_typed(shaped(doc));
        }
        Format::asked(args, io)?;
        if dry == DryRun::Client {
            let mut made = shaped(doc);
            if args.get("namespace").is_some() && target.kind.namespaced {
                made.set_at(&["metadata", "namespace"], &target.namespace);
            }
            return Ok(Some(made));
        }
        let collection = Target { name: Str::new(), ..target.clone() };
        let manager = args.get("field-manager").unwrap_or(self.manager);
        let query = format!("fieldManager={}&fieldValidation={validation}{}", escape(manager), dry.query());
        let response = io.request(HttpRequest {
            method: "POST".into(),
            path: format!("{}?{query}", collection.path()).into(),
            body: anew(doc).to_json().into(),
            ..HttpRequest::default()
        })?;
        if !response.is_success() {
            failures.push(match Failure::of(&response) {
                Failure::Server(status) if !self.refused.is_empty() => {
                    Failure::Client(format!("{}{}", self.refused, status["message"].str()))
                }
                other => other,
            });
            return Ok(None);
        }
        Ok(Some(response.body))
    }

    /// Says that an object was made, or prints it.
    pub fn say(&self, target: &Target, made: Doc, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
        let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
        match Format::asked(args, io)? {
            None => io.say(format!("{} {}{}", target.display(), self.done, dry.suffix())),
            Some(Format::Name) => io.say(target.display()),
            Some(format) => {
                let made = super::get::shown(made, &format, args);
                format.show_typed(&made, io)?;
            }
        }
        Ok(())
    }
}

/// Leaves the note of the command on an object that it changed, where that is wanted.
pub(super) fn note(target: &Target, manager: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut patch = Doc::map();
    if io.note(&mut patch) {
        io.request(target.patch("merge", manager, &patch))?;
    }
    Ok(())
}

/// A patch of one object, and what is said of it.
pub(super) struct Patching<'a> {
    /// `strategic-merge`, `merge` or `json`.
    pub way: &'a str,
    pub manager: &'a str,
    pub done: &'a str,
    /// Part of the object with a path of its own: `/scale`; empty for none.
    pub part: &'a str,
}

impl Patching<'_> {
    /// Sends the patch as the flags want it and says what came of it, or prints the object.
    pub fn send(
        &self,
        target: &Target,
        object: &Doc,
        patch: &Doc,
        args: &Args,
        io: &mut Io<'_>,
        failures: &mut Vec<Failure>,
    ) -> Result<(), Stop> {
        match self.made(target, object, patch, args, io)? {
            Ok(made) => self.tell(target, object, made, args, io),
            Err(failure) => {
                failures.push(failure);
                Ok(())
            }
        }
    }

    /// Whether kubectl holds the object as one of Go's structs.
    fn is_typed(&self) -> bool {
        matches!(self.manager, "kubectl-set" | "kubectl-taint")
    }

    /// What comes of the patch.
    pub fn made(
        &self,
        target: &Target,
        object: &Doc,
        patch: &Doc,
        args: &Args,
        io: &mut Io<'_>,
    ) -> Result<Result<Doc, Failure>, Stop> {
        let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
        Format::asked(args, io)?;
        let mut patch = patch.clone();
        // What is no patch of the object itself is followed by one that is.
        let apart = self.way == "json" || !self.part.is_empty();
        if !apart {
            io.note(&mut patch);
        }
        if dry == DryRun::Client || args.is_on("local") {
            let merged = match self.way {
                "strategic-merge" => strategic_merge(object, &patch).ok(),
                "merge" => Some(merge_patch(object, &patch)),
                _ => json_patch(object, &patch).ok(),
            };
            let made = super::get::typed(target, &merged.unwrap_or_else(|| object.clone()));
            let of_file = args.is_on("local") && self.is_typed();
            return Ok(Ok(if of_file { shaped(decoded(made)) } else { made }));
        }
        if target.name.is_empty() {
            return Ok(Err(Failure::Client("resource name may not be empty".into())));
        }
        let manager = args.get("field-manager").unwrap_or(self.manager);
        let mut request = target.patch(self.way, manager, &patch);
        request.path = request.path.replacen('?', &format!("{}?", self.part), 1).into();
        request.path = format!("{}{}", request.path, dry.query()).into();
        let response = io.request(request)?;
        if !response.is_success() {
            // Who scales speaks of no group.
            let mut plain = target.clone();
            if self.part == "/scale" {
                plain.kind.group = Str::new();
            }
            return Ok(Err(Failure::of(&response).about("patch", &plain)));
        }
        if apart && dry == DryRun::None {
            note(target, self.manager, io)?;
        }
        Ok(Ok(response.body))
    }

    /// Says what came of it, or prints the object.
    pub fn tell(
        &self,
        target: &Target,
        object: &Doc,
        mut made: Doc,
        args: &Args,
        io: &mut Io<'_>,
    ) -> Result<(), Stop> {
        let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
        // What is only in a file is changed here, and that is no dry run.
        let local = args.is_on("local");
        // `patch` and `taint` do not say that nothing came of it; `patch` says when there was nothing to come.
        let same = || typed_alike(&made, object);
        let suffix = match self.manager {
            "kubectl-patch" if dry != DryRun::None && same() => " (no change)",
            "kubectl-patch" | "kubectl-taint" => "",
            _ if local => "",
            _ => dry.suffix(),
        };
        match Format::asked(args, io)? {
            None => io.say(format!("{} {}{suffix}", target.display(), self.done)),
            Some(Format::Name) => io.say(target.display()),
            Some(format) => {
                if !args.is_on("show-managed-fields") {
                    made.at_mut(&["metadata"]).remove("managedFields");
                }
                match self.is_typed() {
                    true => format.show_typed(&decoded(made), io)?,
                    false => format.show(&made, true, io)?,
                }
            }
        }
        Ok(())
    }
}

/// Whether two of one object say the same.
fn typed_alike(one: &Doc, other: &Doc) -> bool {
    let bare = |object: &Doc| {
        let mut object = object.clone();
        object.remove("apiVersion");
        object.remove("kind");
        object.at_mut(&["metadata"]).remove("managedFields");
        object
    };
    bare(one) == bare(other)
}
