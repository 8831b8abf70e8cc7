//! Reading what `-f -` brings: documents, Lists, and what kubectl itself refuses.

use std::sync::Arc;

use crate::api::Kind;
use crate::doc::Doc;

use super::args::Args;
use super::discovery;
use super::failure::Failure;
use super::input::Document;
use super::io::{Io, Place, Stop};
use super::resource::{Resource, Target};

/// An object that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub target: Target,
    pub doc: Doc,
    /// The object as it was written, without the namespace that is meant.
    pub written: Doc,
}

impl Wanted {
    /// How kubectl describes it in error messages.
    pub fn described(&self) -> String {
        let info = &self.target.kind;
        let group = format!("{}/{}", info.group, info.version);
        format!(
            "Resource: \"{group}, Resource={}\", GroupVersionKind: \"{group}, Kind={}\"\nName: {:?}, Namespace: {:?}",
            info.plural, info.kind, self.target.name, self.target.namespace
        )
    }
}

/// What a program deals with: the objects, and why others are not among them.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    pub wanted: Vec<Wanted>,
    pub failures: Vec<Failure>,
    /// How far the program was when it knew that.
    known_at: Place,
}

impl Objects {
    /// Changes one after the other, and says at the end what was refused.
    pub fn change(
        &self,
        io: &mut Io<'_>,
        mut change: impl FnMut(&Target, &Doc, &mut Io<'_>, &mut Vec<Failure>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let changed = io.each(&self.wanted, |Wanted { target, doc, .. }, io| {
            let mut failures = Vec::new();
            change(target, doc, io, &mut failures)?;
            Ok(if failures.is_empty() { Ok(Doc::Null) } else { Err(failures) })
        })?;
        let refused = changed.into_iter().filter_map(Result::err).flatten();
        io.finish(self.failures.iter().cloned().chain(refused).collect())
    }
}

/// What `find` finds, for a program that asks much of each object: it runs again with every answer, and need not look again.
pub(super) fn once(
    io: &mut Io<'_>,
    find: impl FnOnce(&mut Io<'_>) -> Result<(Vec<Wanted>, Vec<Failure>), Stop>,
) -> Result<Arc<Objects>, Stop> {
    let stdin = io.stdin;
    if let Some(known) = stdin.objects.get() {
        io.go_on_from(&known.known_at);
        return Ok(known.clone());
    }
    let (wanted, failures) = find(io)?;
    Ok(stdin.objects.get_or_init(|| Arc::new(Objects { wanted, failures, known_at: io.place() })).clone())
}

/// The same of what is there.
pub(super) fn found_once(
    io: &mut Io<'_>,
    find: impl FnOnce(&mut Io<'_>, &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop>,
) -> Result<Arc<Objects>, Stop> {
    once(io, |io| {
        let mut failures = Vec::new();
        let found = find(io, &mut failures)?;
        let wanted = found.into_iter().map(|(target, doc)| Wanted { target, doc, written: Doc::Null });
        Ok((wanted.collect(), failures))
    })
}

/// The same of [`read`].
pub(super) fn read_once(args: &Args, verb: &str, io: &mut Io<'_>) -> Result<Arc<Objects>, Stop> {
    once(io, |io| read(args, verb, io))
}

/// Reads standard input. What cannot be read, and objects that kubectl cannot take, become failures; what stands before
/// is taken.
pub(super) fn read(args: &Args, verb: &str, io: &mut Io<'_>) -> Result<(Vec<Wanted>, Vec<Failure>), Stop> {
    if args.get("filename").is_none() {
        return Err(io.fail("must specify one of -f and -k"));
    }
    alone(&[], args, io)?;
    let validates = matches!(verb, "apply" | "create" | "replace")
        && super::apply::validation(args).map_err(|why| io.fail(why))? != "Ignore";
    let stdin = io.stdin;
    let stream = stdin.stream();
    let mut fault = stream.fault.as_ref().map(|why| format!("error parsing STDIN: {why}"));
    let (mut wanted, mut failures) = (Vec::new(), Vec::new());
    for document in &stream.documents {
        let doc = &document.doc;
        if let Some(why) = Some(doc).filter(|_| validates).and_then(unfit) {
            fault = Some(format!(
                "error validating \"STDIN\": error validating data: {why}; if you choose to ignore these errors, turn \
                 validation off with --validate=false"
            ));
            break;
        }
        if let Err(why) = readable(document) {
            failures.push(Failure::Client(format!("unable to decode \"STDIN\": {why}")));
            continue;
        }
        if !is_list(doc) {
            match want(doc.clone(), args, io)? {
                Ok(object) => wanted.push(object),
                Err(message) => failures.push(Failure::Client(message)),
            }
            continue;
        }
        if let Some(why) = unknown_list(doc, io)? {
            failures.push(Failure::Client(why));
            continue;
        }
        for item in flat(doc) {
            match want(item, args, io)? {
                Ok(object) => wanted.push(object),
                Err(message) => failures.push(Failure::Client(in_list(message))),
            }
        }
    }
    failures.extend(fault.map(Failure::Client));
    // The others find nothing in what they read, as in a cluster without such objects.
    if wanted.is_empty() && failures.is_empty() && matches!(verb, "apply" | "create") {
        return Err(io.fail(format!("no objects passed to {verb}")));
    }
    Ok((wanted, failures))
}

/// Who names files names nothing else.
pub(super) fn alone(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let missing: Vec<&str> = args.each("filename").filter(|path| *path != "-").collect();
    match missing.as_slice() {
        [] => {}
        [path] => return Err(no_file(path, io)),
        paths => {
            paths.iter().for_each(|path| io.warn(format!("the path {path:?} does not exist")));
            return Err(Stop::Exit(1));
        }
    }
    if words.is_empty() {
        return Ok(());
    }
    Err(io.fail(
        "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
    ))
}

/// The refusal of a file that is not here.
fn no_file(path: &str, io: &mut Io<'_>) -> Stop {
    let Some(rest) = path.strip_prefix("https://").or_else(|| path.strip_prefix("http://")) else {
        return io.fail(format!("the path {path:?} does not exist"));
    };
    let host = rest.split(['/', ':']).next().unwrap_or(rest);
    io.warn(format!("Unable to connect to the server: dial tcp: lookup {host}: no such host"));
    io.warn("There is no network here: open the address elsewhere, and apply the text with `-f -`.");
    Stop::Exit(1)
}

/// Whether a document holds objects.
fn is_list(doc: &Doc) -> bool {
    matches!(doc["items"], Doc::List(_))
}

/// The objects that a document holds, also in lists within lists; those of a list of one kind need not say what they are.
pub(super) fn flat(doc: &Doc) -> Vec<Doc> {
    if !is_list(doc) {
        return vec![doc.clone()];
    }
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    let kind = kind.strip_suffix("List").unwrap_or(&kind);
    let items = doc["items"].items().iter().flat_map(|item| {
        let mut item = item.clone();
        let nameless = item["kind"].str().is_empty() && item["apiVersion"].str().is_empty();
        if nameless && matches!(item, Doc::Map(_)) {
            item.set("kind", kind);
            item.set("apiVersion", &api_version);
        }
        flat(&item)
    });
    items.collect()
}

/// Why a list is none that there is, if so.
fn unknown_list(doc: &Doc, io: &mut Io<'_>) -> Result<Option<String>, Stop> {
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    if kind == "List" {
        return Ok(None);
    }
    if let Some(single) = kind.strip_suffix("List")
        && known(&api_version, single, io)?.is_some()
    {
        return Ok(None);
    }
    Ok(Some(unmapped(doc)))
}

/// How a list's object is refused.
fn in_list(message: String) -> String {
    match message.split_once("no matches for kind ") {
        Some((_, rest)) => {
            let rest = rest.split('\n').next().unwrap_or(rest);
            format!("unable to recognize no matches for kind {rest}")
        }
        None => message,
    }
}

/// What kubectl has against a document before it asks the server, which checks the rest.
pub(super) fn unfit(doc: &Doc) -> Option<String> {
    if !matches!(doc, Doc::Map(_)) {
        return Some("invalid object to validate".into());
    }
    let mut all = Vec::new();
    for field in ["apiVersion", "kind"] {
        match &doc[field] {
            Doc::Null => all.push(format!("{field} not set")),
            Doc::Str(text) if field == "apiVersion" && text.matches('/').count() > 1 => {
                all.push(format!("unexpected GroupVersion string: {text}"));
            }
            Doc::Str(_) => {}
            _ => all.push(format!("{field} isn't string type")),
        }
    }
    let is_list = doc["kind"].as_str() == Some("List") && doc["apiVersion"].as_str() == Some("v1");
    if is_list && !matches!(doc["items"], Doc::List(_)) {
        all.push("invalid object to validate".into());
    }
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

/// The object that a document describes; the error is what kubectl itself has against it.
pub(super) fn want(doc: Doc, args: &Args, io: &mut Io<'_>) -> Result<Result<Wanted, String>, Stop> {
    if let Err(why) = decodable(&doc["metadata"]) {
        return Ok(Err(why));
    }
    let found = known(&doc["apiVersion"].str(), &doc["kind"].str(), io)?;
    Ok(match found {
        Some(resource) => placed(doc, resource, args),
        None => Err(unmapped(&doc)),
    })
}

fn known(api_version: &str, kind: &str, io: &mut Io<'_>) -> Result<Option<Resource>, Stop> {
    match Kind::of(api_version, kind) {
        // Some kinds are served in two versions: the one that is written is spoken.
        Some(known) => {
            let version = api_version.rsplit('/').next().unwrap_or("").into();
            Ok(Some(Resource { version, ..known.into() }))
        }
        None => discovery::of(api_version, kind, io),
    }
}

/// The refusal of a kind that there is not.
fn unmapped(doc: &Doc) -> String {
    let (name, namespace) = (doc["metadata"]["name"].str(), doc["metadata"]["namespace"].str());
    format!(
        "resource mapping not found for name: {name:?} namespace: {namespace:?} from \"STDIN\": no matches for kind {:?} \
         in version {:?}\nensure CRDs are installed first",
        doc["kind"].str().as_str(),
        doc["apiVersion"].str().as_str()
    )
}

/// What must be found in a document that says what it is.
fn readable(document: &Document) -> Result<(), String> {
    match &document.doc {
        Doc::Map(_) if document.doc["kind"].str().is_empty() => {
            Err(format!("Object 'Kind' is missing in '{}'", document.json()))
        }
        Doc::Map(_) => Ok(()),
        other => {
            let found = word(other);
            Err(format!("json: cannot unmarshal {found} into Go value of type unstructured.detector"))
        }
    }
}

/// The document in the namespace that is meant.
fn placed(mut doc: Doc, kind: Resource, args: &Args) -> Result<Wanted, String> {
    let (name, namespace) = (doc["metadata"]["name"].str(), doc["metadata"]["namespace"].str());
    let written = doc.clone();
    if !kind.namespaced {
        return Ok(Wanted { target: Target::of(kind, "", &name), doc, written });
    }
    if let Some(enforced) =
        args.get("namespace").filter(|enforced| !namespace.is_empty() && namespace != *enforced)
    {
        return Err(format!(
            "the namespace from the provided object {namespace:?} does not match the namespace {enforced:?}. You must \
             pass '--namespace={namespace}' to perform this operation."
        ));
    }
    let namespace = if namespace.is_empty() { args.namespace().into() } else { namespace };
    doc.set_at(&["metadata", "namespace"], &namespace);
    Ok(Wanted { target: Target { kind, namespace, name }, doc, written })
}

/// What Go calls a value of JSON.
fn word(value: &Doc) -> &'static str {
    match value {
        Doc::Bool(_) => "bool",
        Doc::Int(_) | Doc::Float(_) => "number",
        Doc::List(_) => "array",
        Doc::Map(_) => "object",
        _ => "string",
    }
}

/// kubectl reads labels and annotations itself, before the server sees them.
fn decodable(metadata: &Doc) -> Result<(), String> {
    let wrong = |found: &Doc, place: &str, wanted: &str| {
        let found = word(found);
        Err(format!(
            "unable to decode \"STDIN\": json: cannot unmarshal {found} into Go struct field {place} of type {wanted}"
        ))
    };
    if !matches!(metadata, Doc::Map(_) | Doc::Null) {
        return wrong(metadata, "metadataOnlyObject.metadata", "v1.ObjectMeta");
    }
    for field in ["name", "namespace"] {
        if !matches!(metadata[field], Doc::Str(_) | Doc::Null) {
            return wrong(&metadata[field], &format!("ObjectMeta.metadata.{field}"), "string");
        }
    }
    for field in ["annotations", "labels"] {
        let wrong = metadata[field]
            .entries()
            .iter()
            .map(|(_, value)| value)
            .find(|value| !matches!(value, Doc::Str(_) | Doc::Time(_) | Doc::MicroTime(_) | Doc::Null));
        if let Some(wrong) = wrong {
            let found = word(wrong);
            return Err(format!(
                "unable to decode \"STDIN\": json: cannot unmarshal {found} into Go struct field \
                 ObjectMeta.metadata.{field} of type string"
            ));
        }
    }
    Ok(())
}
