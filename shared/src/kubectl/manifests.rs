//! Reading what `-f -` brings: documents, Lists, and what kubectl itself refuses.

use crate::api::Kind;
use crate::doc::Doc;

use super::args::Args;
use super::discovery;
use super::failure::Failure;
use super::io::{Io, Stop};
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

/// Reads standard input. What is no YAML at all ends the program; objects that kubectl cannot take become failures.
pub(super) fn read(args: &Args, verb: &str, io: &mut Io<'_>) -> Result<(Vec<Wanted>, Vec<Failure>), Stop> {
    match args.get("filename") {
        Some("-") => {}
        Some(path) => return Err(no_file(path, io)),
        None => return Err(io.fail("must specify one of -f and -k")),
    }
    let stdin = io.stdin;
    let documents = stdin.documents().map_err(|fault| {
        io.fail(format!("error parsing STDIN: error converting YAML to JSON: yaml: {}", fault.kubectl))
    })?;
    let mut docs = Vec::new();
    for document in documents {
        match document {
            Doc::Null => {}
            Doc::Map(_) => flatten(document, &mut docs),
            Doc::Str(_) | Doc::List(_) => {
                return Err(io.fail(
                    "error validating \"STDIN\": error validating data: invalid object to validate; if you choose to \
                     ignore these errors, turn validation off with --validate=false",
                ));
            }
            other => {
                return Err(io.fail(format!(
                    "error parsing STDIN: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    other.type_name()
                )));
            }
        }
    }
    let (mut wanted, mut failures) = (Vec::new(), Vec::new());
    for doc in docs {
        match want(doc, args, io)? {
            Ok(object) => wanted.push(object),
            Err(message) => failures.push(Failure::Client(message)),
        }
    }
    // The others find nothing in what they read, as in a cluster without such objects.
    if wanted.is_empty() && failures.is_empty() && matches!(verb, "apply" | "create" | "set-last-applied") {
        return Err(io.fail(format!("no objects passed to {verb}")));
    }
    Ok((wanted, failures))
}

/// Who names files names nothing else.
pub(super) fn alone(words: &[String], io: &mut Io<'_>) -> Result<(), Stop> {
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

fn flatten(doc: &Doc, docs: &mut Vec<Doc>) {
    if doc["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && matches!(doc["items"], Doc::List(_))
    {
        doc["items"].items().iter().for_each(|item| flatten(item, docs));
    } else {
        docs.push(doc.clone());
    }
}

/// The object that a document describes; the error is what kubectl itself has against it.
pub(super) fn want(doc: Doc, args: &Args, io: &mut Io<'_>) -> Result<Result<Wanted, String>, Stop> {
    if let Err(why) = readable(&doc) {
        return Ok(Err(why));
    }
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    let found = match Kind::of(&api_version, &kind) {
        Some(known) => Some(known.into()),
        None => discovery::of(&api_version, &kind, io)?,
    };
    Ok(match found {
        Some(resource) => placed(doc, resource, args),
        None => {
            let (name, namespace) = (doc["metadata"]["name"].str(), doc["metadata"]["namespace"].str());
            Err(format!(
                "resource mapping not found for name: {name:?} namespace: {namespace:?} from \"STDIN\": no matches \
                 for kind {kind:?} in version {api_version:?}\nensure CRDs are installed first"
            ))
        }
    })
}

/// What kubectl itself must find in a document.
fn readable(doc: &Doc) -> Result<(), String> {
    let missing: Vec<&str> =
        ["apiVersion", "kind"].into_iter().filter(|field| doc[*field].str().is_empty()).collect();
    if !missing.is_empty() {
        let list = missing.iter().map(|field| format!("{field} not set")).collect::<Vec<_>>().join(", ");
        let list = if missing.len() > 1 { format!("[{list}]") } else { list };
        return Err(format!(
            "error validating \"STDIN\": error validating data: {list}; if you choose to ignore these errors, turn \
             validation off with --validate=false"
        ));
    }
    decodable(&doc["metadata"])
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

/// kubectl reads labels and annotations itself, before the server sees them.
fn decodable(metadata: &Doc) -> Result<(), String> {
    for field in ["annotations", "labels"] {
        let wrong = metadata[field]
            .entries()
            .iter()
            .map(|(_, value)| value)
            .find(|value| !matches!(value, Doc::Str(_) | Doc::Time(_) | Doc::MicroTime(_) | Doc::Null));
        if let Some(wrong) = wrong {
            let found = match wrong {
                Doc::Bool(_) => "bool",
                Doc::Int(_) | Doc::Float(_) => "number",
                other => other.type_name(),
            };
            return Err(format!(
                "unable to decode \"STDIN\": json: cannot unmarshal {found} into Go struct field \
                 ObjectMeta.metadata.{field} of type string"
            ));
        }
    }
    Ok(())
}
