//! `kubectl edit`: hands the object's YAML to an editor and sends what was changed in it.

use crate::doc;
use crate::doc::Doc;
use crate::manifest;

use super::Ask;
use super::args::{Args, Flag, optional, output, switch, value};
use super::failure::Failure;
use super::get::typed;
use super::input::Stream;
use super::io::{Io, Stop};
use super::kyaml::to_kyaml;
use super::last_applied;
use super::manifests::{self, Wanted};
use super::patch::{three_way, three_way_merge};
use super::printer::Format;
use super::resource::{Target, objects, objects_or_lists, targets};
use super::typed::Ordered;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    output(),
    value("subresource", None),
    optional("validate", "strict"),
    switch("save-config", None),
    switch("windows-line-endings", None),
    switch("output-patch", None),
    value("field-manager", None),
];

const OBJECTS: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";
const LAST_APPLIED: &str = "\
# Please edit the 'last-applied-configuration' annotations below.
# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.
#
";

/// What is edited.
pub(super) struct Desk<'a> {
    /// What stands at the head of the file.
    header: &'static str,
    whole: &'a Doc,
    /// The first of the objects.
    first: &'a Target,
}

/// Why the file is opened again: a line, and what stands below it.
type Reason = (String, Vec<String>);

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut failures = Vec::new();
    let found = if args.get("filename").is_some() {
        objects(&args.words, args, io, &mut failures)?
    } else {
        objects_or_lists(targets(&args.words, args, io)?, args, io, &mut failures)?
    };
    if !failures.is_empty() {
        return io.finish(failures);
    }
    if found.is_empty() {
        return Err(io.fail("edit cancelled, no objects found"));
    }
    let shown = |(target, object): &(Target, Doc)| {
        // A part of an object is of a kind of its own.
        let mut object = if object["kind"].is_null() { typed(target, object) } else { object.clone() };
        object.at_mut(&["metadata"]).remove("managedFields");
        object
    };
    let objects: Vec<Doc> = found.iter().map(shown).collect();
    let whole = together(&objects);
    let desk = Desk { header: OBJECTS, whole: &whole, first: &found[0].0 };
    desk.edit(args, io, &mut |edited, file, io| save(&found, &objects, edited, file, args, io))
}

/// One object, or a List of several.
fn together(objects: &[Doc]) -> Doc {
    match objects {
        [one] => one.clone(),
        _ => doc!({ "apiVersion": "v1", "items": objects.to_vec(), "kind": "List", "metadata": {} }),
    }
}

/// What is done with each object that comes back.
type Each<'e, T> = dyn FnMut(&T, &mut Io<'_>) -> Result<Result<(), Failure>, Stop> + 'e;

/// `kubectl create --edit`: each object is handed to the editor, and made then by `make`.
pub(super) fn before_creating(
    wanted: Vec<Wanted>,
    args: &Args,
    io: &mut Io<'_>,
    make: &mut Each<'_, Wanted>,
) -> Result<(), Stop> {
    for object in wanted {
        let desk = Desk { header: OBJECTS, whole: &object.doc, first: &object.target };
        desk.edit(args, io, &mut |edited, file, io| {
            for doc in edited {
                let made = match manifests::want(doc, args, io)? {
                    Ok(wanted) => make(&wanted, io)?,
                    Err(why) => Err(Failure::Client(why)),
                };
                if let Err(failure) = made {
                    kept(file, io);
                    return Err(io.end(failure));
                }
            }
            Ok(Vec::new())
        })?;
    }
    Ok(())
}

/// `kubectl apply edit-last-applied`: what was applied is handed to the editor, and `keep` notes what comes back.
pub(super) fn last_applied(
    found: &[(Target, Doc)],
    args: &Args,
    io: &mut Io<'_>,
    keep: &mut Each<'_, Doc>,
) -> Result<(), Stop> {
    let objects: Vec<Doc> = found.iter().map(|(_, last)| last.clone()).collect();
    let Some((first, _)) = found.first() else { return Ok(()) };
    let desk = Desk { header: LAST_APPLIED, whole: &together(&objects), first };
    desk.edit(args, io, &mut |edited, file, io| {
        for doc in edited {
            if let Err(failure) = keep(&doc, io)? {
                kept(file, io);
                return Err(io.end(failure));
            }
        }
        Ok(Vec::new())
    })
}

/// Sends what was edited; why the file is to be opened again.
type Save<'s> = dyn FnMut(Vec<Doc>, &str, &mut Io<'_>) -> Result<Vec<Reason>, Stop> + 's;

impl Desk<'_> {
    /// Hands the text to an editor until it is as somebody wants it.
    fn edit(&self, args: &Args, io: &mut Io<'_>, save: &mut Save<'_>) -> Result<(), Stop> {
        let format = args.get("output").unwrap_or("").to_lowercase();
        let (original, ending) = match format.as_str() {
            "" | "yaml" => (manifest::to_yaml(self.whole), "yaml"),
            "kyaml" => (to_kyaml(&Ordered::plain(self.whole)), "yaml"),
            "json" => (format!("{}\n", self.whole.to_json_pretty()), "json"),
            other => {
                return Err(io.fail(format!(
                    "unable to match a printer suitable for the output format {other:?}, allowed formats are: \
                     json,kyaml,yaml"
                )));
            }
        };
        // The file has a number that nobody can foresee.
        let file = format!("/tmp/kubectl-edit-{}.{ending}", io.started.millis().rem_euclid(1 << 32));
        let validates = super::apply::validation(args).map_err(|why| io.fail(why))? != "Ignore";
        let header = |reasons: &[Reason]| match ending {
            "json" => String::new(),
            _ => format!("{}{}", self.header, told(reasons)),
        };
        let mut text = format!("{}{original}", header(&[]));
        if args.is_on("windows-line-endings") {
            text = text.replace('\n', "\r\n");
        }
        let mut again = false;
        let mut before = String::new();
        loop {
            let edited = io.ask(Ask::Edit(text.as_str().into()))?.to_string();
            if again && Stripped::of(&before) == Stripped::of(&edited) {
                kept(&file, io);
                return Err(io.fail("Edit cancelled, no valid changes were saved."));
            }
            let mut reasons = Vec::new();
            if let Some(why) = Some(()).filter(|()| validates).and_then(|()| unfit(&edited)) {
                let about = self.about();
                io.warn(format!("error: {about} is invalid"));
                let why = format!("<nil>: Invalid value: \"The edited file failed validation\": {why}");
                reasons.push((format!("{about} was not valid"), vec![why]));
            } else if Stripped::of(&original) == Stripped::of(&edited) {
                io.warn("Edit cancelled, no changes made.");
                return Ok(());
            } else if !edited.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#')) {
                io.warn("Edit cancelled, saved file was empty.");
                return Ok(());
            } else {
                match read(&edited, args, io)? {
                    Ok(docs) => {
                        if let Some(why) = elsewhere(&docs, args) {
                            kept(&file, io);
                            return Err(io.fail(why));
                        }
                        reasons = save(docs, &file, io)?;
                        if reasons.is_empty() {
                            return Ok(());
                        }
                    }
                    Err(why) => {
                        reasons.push((format!("The edited file had a syntax error: {why}"), Vec::new()));
                    }
                }
            }
            again = true;
            text = format!("{}{}", header(&reasons), without_comments(&edited));
            before = edited;
        }
    }

    /// `deployments.apps "web"`
    fn about(&self) -> String {
        about(self.first)
    }
}

fn about(target: &Target) -> String {
    format!("{} {:?}", target.kind.qualified(), target.name.as_str())
}

/// Says where the changes are that came to nothing.
fn kept(file: &str, io: &mut Io<'_>) {
    io.warn(format!("A copy of your changes has been stored to {file:?}"));
}

/// Why a file is opened again, as comments.
fn told(reasons: &[Reason]) -> String {
    let mut text = String::new();
    for (head, below) in reasons {
        let colon = if below.is_empty() { "" } else { ":" };
        text.push_str(&format!("# {}{colon}\n", commented(head)));
        for line in below {
            text.push_str(&format!("# * {}\n", commented(line)));
        }
        text.push_str("#\n");
    }
    text
}

/// Text whose further lines are comments as well.
fn commented(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut all = lines.next().unwrap_or("").to_owned();
    let rest: Vec<&str> = lines.collect();
    for (at, line) in rest.iter().enumerate() {
        let last = at + 1 == rest.len() && line.is_empty();
        all.push_str(if last || line.starts_with('#') { "\n" } else { "\n# " });
        all.push_str(line);
    }
    all
}

/// What a file says, or the file itself where that is nothing that can be read.
#[derive(PartialEq)]
enum Stripped {
    Says(Doc),
    Text(String),
}

impl Stripped {
    fn of(text: &str) -> Stripped {
        Stream::first(text).map_or_else(|_| Stripped::Text(without_comments(text)), Stripped::Says)
    }
}

/// What kubectl itself has against a file.
fn unfit(text: &str) -> Option<String> {
    match Stream::first(text) {
        Ok(doc) => manifests::unfit(&doc),
        // Lines are counted without the comments.
        Err(why) => match Stream::first(&without_comments(text)) {
            Ok(doc) => manifests::unfit(&doc),
            Err(other) => {
                let why = if text.trim_start().starts_with('{') { why } else { other };
                Some(why.trim_start_matches("error converting YAML to JSON: ").to_owned())
            }
        },
    }
}

/// The objects that a file holds.
fn read(text: &str, args: &Args, io: &mut Io<'_>) -> Result<Result<Vec<Doc>, String>, Stop> {
    let Stream { documents, fault } = Stream::read(text);
    if let Some(fault) = fault {
        return Ok(Err(format!("error parsing edited-file: {fault}")));
    }
    let mut docs = Vec::new();
    for document in documents {
        for doc in manifests::flat(&document.doc) {
            if let Err(why) = manifests::want(doc.clone(), args, io)? {
                return Ok(Err(why.replace("\"STDIN\"", "\"edited-file\"")));
            }
            docs.push(doc);
        }
    }
    Ok(Ok(docs))
}

/// Objects stay in the namespace that is meant.
fn elsewhere(docs: &[Doc], args: &Args) -> Option<String> {
    let other = docs
        .iter()
        .map(|doc| doc["metadata"]["namespace"].str())
        .find(|namespace| !namespace.is_empty() && *namespace != *args.namespace())?;
    Some(format!(
        "the namespace from the provided object {other:?} does not match the namespace {:?}. You must pass \
         '--namespace={other}' to perform this operation.",
        args.namespace()
    ))
}

/// Sends what differs; why which ones were refused.
fn save(
    found: &[(Target, Doc)],
    before: &[Doc],
    edited: Vec<Doc>,
    file: &str,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Vec<Reason>, Stop> {
    let mut reasons = Vec::new();
    let (mut refused, mut gone) = (false, false);
    let validation = super::apply::validation(args).map_err(|why| io.fail(why))?;
    for mut after in edited {
        let uid = &after["metadata"]["uid"];
        let Some(at) = before.iter().position(|object| object["metadata"]["uid"] == *uid) else {
            kept(file, io);
            return Err(io.fail(format!("no original object found for {}", go_syntax(&after, true))));
        };
        let (target, before) = (&found[at].0, &before[at]);
        if args.is_on("save-config") {
            after = last_applied::noted(&after);
        }
        io.note(&mut after);
        if *before == after {
            tell(target, "skipped", before.clone(), args, io)?;
            continue;
        }
        if ["apiVersion", "kind"].iter().any(|field| before[*field] != after[*field])
            || before["metadata"]["name"] != after["metadata"]["name"]
        {
            kept(file, io);
            return Err(io.fail("At least one of apiVersion, kind and name was changed"));
        }
        let (way, patch) = match target.kind.known() {
            Some(_) => ("strategic-merge", three_way(before, &after, before)),
            None => ("merge", three_way_merge(before, &after, before)),
        };
        if args.is_on("output-patch") {
            io.say(format!("Patch: {}", patch.to_go_json()));
        }
        let manager = args.get("field-manager").unwrap_or("kubectl-edit");
        let mut request = target.patch(way, manager, &patch);
        if let Some(part) = args.get("subresource") {
            request.path = request.path.replacen('?', &format!("/{part}?"), 1).into();
        }
        request.path = format!("{}&fieldValidation={validation}", request.path).into();
        let response = io.request(request)?;
        if response.is_success() {
            tell(target, "edited", response.body, args, io)?;
            continue;
        }
        let failure = Failure::of(&response);
        let about = about(target);
        if failure.is("Invalid") {
            let causes = response.body["details"]["causes"].items().iter();
            let causes = causes.map(|cause| format!("{}: {}", cause["field"].str(), cause["message"].str()));
            reasons.push((format!("{about} was not valid"), causes.collect()));
            io.warn(format!("error: {about} is invalid"));
        } else if failure.is("NotFound") {
            gone = true;
            io.warn(format!("error: {about} could not be found on the server"));
        } else {
            refused = true;
            io.warn(format!("error: {about} could not be patched: {}", response.body["message"].str()));
        }
    }
    if refused {
        io.warn(format!("You can run `kubectl replace -f {file}` to try this update again."));
        return Err(Stop::Exit(1));
    }
    if gone {
        io.warn(format!("The edits you made on deleted resources have been saved to {file:?}"));
        return Err(Stop::Exit(1));
    }
    Ok(reasons)
}

/// Says what became of an object, or prints it.
pub(super) fn tell(
    target: &Target,
    done: &str,
    mut object: Doc,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    match Format::asked(args, io)? {
        None => io.say(format!("{} {done}", target.display())),
        Some(format) => {
            if !args.is_on("show-managed-fields") {
                object.at_mut(&["metadata"]).remove("managedFields");
            }
            format.show(&object, true, io)?;
        }
    }
    Ok(())
}

/// A document as Go prints it with `%#v`.
fn go_syntax(doc: &Doc, outermost: bool) -> String {
    let text = match doc {
        Doc::Null => "interface {}(nil)".to_owned(),
        Doc::List(items) => {
            let items: Vec<String> = items.iter().map(|item| go_syntax(item, false)).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Doc::Map(map) => {
            let entries = map.entries().iter();
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{:?}:{}", key.as_str(), go_syntax(value, false)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        other => other.to_json(),
    };
    if outermost { format!("&unstructured.Unstructured{{Object:{text}}}") } else { text }
}

/// A file without the lines that are comments.
fn without_comments(text: &str) -> String {
    let comment = |line: &str| line.trim().starts_with('#') && !line.trim().starts_with("#!");
    text.split_inclusive('\n').filter(|line| !comment(line)).collect()
}
