//! Which objects a command line means, and where the API server keeps them.

use std::fmt::Write;

use crate::api::Kind;
use crate::api::validation::names;
use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str};

use super::args::Args;
use super::discovery;
use super::failure::Failure;
use super::io::{Io, Stop};

/// What the client must know of a kind to ask for its objects. The kinds that come with the cluster are known
/// beforehand; those that people define are looked up ([`discovery`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Resource {
    pub group: Str,
    pub version: Str,
    pub kind: Str,
    pub plural: Str,
    pub singular: Str,
    pub namespaced: bool,
}

impl Resource {
    /// `v1`, `apps/v1`
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods`, `deployments.apps`: how messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `pod`, `deployment.apps`: how kubectl names it in front of a slash.
    pub fn type_name(&self) -> String {
        if self.group.is_empty() {
            self.singular.to_string()
        } else {
            format!("{}.{}", self.singular, self.group)
        }
    }

    /// Whether it is a kind that comes with the cluster, and which.
    pub fn known(&self) -> Option<Kind> {
        Kind::of(&self.api_version(), &self.kind)
    }
}

impl From<Kind> for Resource {
    fn from(kind: Kind) -> Resource {
        let info = kind.info();
        Resource {
            group: info.group.into(),
            version: info.version.into(),
            kind: info.kind.into(),
            plural: info.plural.into(),
            singular: info.singular.into(),
            namespaced: info.namespaced,
        }
    }
}

impl PartialEq<Kind> for Resource {
    fn eq(&self, kind: &Kind) -> bool {
        self.known() == Some(*kind)
    }
}

/// A kind, and the object called so; no name means all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub kind: Resource,
    pub namespace: Str,
    pub name: Str,
}

impl Target {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Target {
        Target::of(Resource::from(kind), namespace, name)
    }

    pub fn of(kind: Resource, namespace: &str, name: &str) -> Target {
        let namespace = if kind.namespaced { namespace } else { "" };
        Target { kind, namespace: namespace.into(), name: name.into() }
    }

    /// `/apis/apps/v1/namespaces/default/deployments/web`
    pub fn path(&self) -> String {
        let info = &self.kind;
        let mut path = match info.group.as_str() {
            "" => format!("/api/{}", info.version),
            group => format!("/apis/{group}/{}", info.version),
        };
        if !self.namespace.is_empty() {
            let _ = write!(path, "/namespaces/{}", escape(&self.namespace));
        }
        let _ = write!(path, "/{}", info.plural);
        if !self.name.is_empty() {
            let _ = write!(path, "/{}", escape(&self.name));
        }
        path
    }

    /// `deployment.apps/web`
    pub fn display(&self) -> String {
        let name = if self.name.is_empty() { "<unknown>" } else { self.name.as_str() };
        format!("{}/{name}", self.kind.type_name())
    }

    /// `/v1, Resource=pods`: how Go prints the kind's resource.
    pub fn resource(&self) -> String {
        let info = &self.kind;
        format!("{}/{}, Resource={}", info.group, info.version, info.plural)
    }

    /// The failure to get it, or them.
    pub fn failure(&self, response: &HttpResponse, args: &Args) -> Failure {
        let failure = Failure::of(response).about("get", self);
        if !self.name.is_empty() {
            return failure;
        }
        let selector = |flag| args.get(flag).unwrap_or("");
        failure.looking_for(&self.resource(), selector("selector"), selector("field-selector"))
    }

    /// The answer to a request for it. Where the object is missing because its namespace is, that is said.
    pub fn look(&self, request: HttpRequest, io: &mut Io<'_>) -> Result<HttpResponse, Stop> {
        let response = io.request(request)?;
        if response.code != 404 || self.name.is_empty() || matches!(self.namespace.as_str(), "" | "default") {
            return Ok(response);
        }
        let place = io.request(Target::new(Kind::Namespace, "", &self.namespace).get())?;
        Ok(if place.code == 404 { place } else { response })
    }

    pub fn get(&self) -> HttpRequest {
        HttpRequest { method: "GET".into(), path: self.path().into(), ..HttpRequest::default() }
    }

    /// A PATCH of media type `application/{kind}-patch+json`.
    pub fn patch(&self, kind: &str, manager: &str, patch: &Doc) -> HttpRequest {
        HttpRequest {
            method: "PATCH".into(),
            path: format!("{}?fieldManager={}", self.path(), escape(manager)).into(),
            content_type: format!("application/{kind}-patch+json").into(),
            body: patch.to_json().into(),
            ..HttpRequest::default()
        }
    }
}

/// Text as part of a path or query.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The kind that a word means, if there is such.
pub(super) fn kind(word: &str, io: &mut Io<'_>) -> Result<Option<Resource>, Stop> {
    // The one short name that two groups give.
    if word == "ev" {
        io.warn("Warning: short name \"ev\" could also match lower priority resource events.events.k8s.io");
    }
    if let Some(kind) = Kind::named(word) {
        return Ok(Some(kind.into()));
    }
    match discovery::named(word, io)? {
        Some(found) => Ok(Some(found)),
        None => other_version(word, io),
    }
}

/// The kind that `horizontalpodautoscalers.v1.autoscaling` means, in a version which is not the preferred one. Short names have no versions: they mean the preferred one.
fn other_version(word: &str, io: &mut Io<'_>) -> Result<Option<Resource>, Stop> {
    let mut parts = word.splitn(3, '.');
    let (Some(name), Some(version), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let word = format!("{name}.{group}");
    let known = match Kind::named(&word) {
        Some(kind) => Some(kind.into()),
        None => discovery::named(&word, io)?,
    };
    let Some(known): Option<Resource> = known else { return Ok(None) };
    let named = *known.plural == *name || *known.singular == *name;
    let served = match discovery::versions(io)? {
        Ok(versions) => versions.contains(&format!("{group}/{version}")),
        Err(_) => false,
    };
    Ok(Some(Resource { version: version.into(), ..known }).filter(|_| named && served))
}

/// The kinds that `deploy,po` or `all` means.
pub(super) fn kinds(words: &str, io: &mut Io<'_>) -> Result<Vec<Resource>, Stop> {
    let mut kinds = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for word in words.split(',') {
        // Who says a kind twice means it once.
        if seen.contains(&word) {
            continue;
        }
        seen.push(word);
        let before = kinds.len();
        let category = Kind::ALL.iter().copied().filter(|kind| kind.info().categories.contains(&word));
        kinds.extend(category.map(Resource::from));
        kinds.extend(discovery::of_category(word, io)?);
        if kinds.len() > before {
            continue;
        }
        match kind(word, io)? {
            Some(kind) => kinds.push(kind),
            None => {
                let word = word.split('.').next().unwrap_or(word);
                return Err(io.fail(format!("the server doesn't have a resource type {word:?}")));
            }
        }
    }
    Ok(kinds)
}

/// What the words after a verb mean: `deploy/web po/x`, `pods a b`, `deploy,po`.
pub(super) fn targets(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<Vec<Target>, Stop> {
    let Some(first) = words.first() else {
        return Err(io.fail(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   \
             '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        ));
    };
    let joined = words.iter().filter(|word| word.contains('/')).count();
    if joined > 0 && joined < words.len() {
        return Err(io.fail(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name \
             form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
             resource/<resource_name>'",
        ));
    }
    let mut targets = Vec::new();
    if joined > 0 {
        for word in words {
            let Some((kind, name)) = word.split_once('/').filter(|(_, name)| !name.contains('/')) else {
                return Err(io.fail("arguments in resource/name form may not have more than one slash"));
            };
            if kind.is_empty() || name.is_empty() || kind.contains(',') {
                return Err(io.fail("arguments in resource/name form must have a single resource and name"));
            }
            addressable(name).map_err(|why| io.fail(why))?;
            let found = kinds(kind, io)?;
            targets.extend(found.into_iter().map(|kind| Target::of(kind, args.namespace(), name)));
        }
        return Ok(targets);
    }
    let found = kinds(first, io)?;
    let names = &words[1..];
    if names.is_empty() {
        return Ok(found.into_iter().map(|kind| Target::of(kind, args.namespace(), "")).collect());
    }
    if found.len() > 1 && !first.contains(',') {
        return Err(io.fail("you must specify only one resource"));
    }
    for name in names {
        addressable(name).map_err(|why| io.fail(why))?;
    }
    for kind in found {
        targets.extend(names.iter().map(|name| Target::of(kind.clone(), args.namespace(), name)));
    }
    Ok(targets)
}

/// Whether a name can be one of a path's parts; the refusal where it cannot.
fn addressable(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("resource name may not be empty".into());
    }
    let faults = names::path_segment(name);
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("invalid resource name {name:?}: [{}]", faults.join(" ")))
}

/// Who names objects neither chooses them by what they are like nor looks for them everywhere.
pub(super) fn by_name(
    targets: &[Target],
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let mut named = targets.iter().filter(|target| !target.name.is_empty()).peekable();
    if named.peek().is_none() {
        return Ok(());
    }
    if args.is_on("all-namespaces") && named.any(|target| target.kind.namespaced) {
        return Err(io.fail("a resource cannot be retrieved by name across all namespaces"));
    }
    if !args.is_choosing() {
        return Ok(());
    }
    Err(io.fail(if words.iter().any(|word| word.contains('/')) {
        "selectors and the all flag cannot be used when passing resource/name arguments"
    } else {
        "name cannot be provided when a selector is specified"
    }))
}

/// The same, where every target is one object that is there: with `--all` or `-l` those are looked up. Failures to
/// find one are added to `failures`.
pub(super) fn objects(
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    if args.get("filename").is_some() {
        super::manifests::alone(words, args, io)?;
        let (wanted, refused) = super::manifests::read(args, "get", io)?;
        // What has no name is nothing that there is yet.
        let mut found = Vec::new();
        for wanted in wanted {
            match wanted.target.name.is_empty() {
                true => found.push((wanted.target, wanted.doc)),
                false => found.extend(objects_or_lists(vec![wanted.target], args, io, failures)?),
            }
        }
        failures.extend(refused);
        return Ok(found);
    }
    let targets = targets(words, args, io)?;
    by_name(&targets, words, args, io)?;
    let some = args.get("selector").is_some() || args.get("field-selector").is_some() || args.is_on("all");
    if !some && targets.iter().any(|target| target.name.is_empty()) {
        return Err(io.fail("resource(s) were provided, but no name was specified"));
    }
    objects_or_lists(targets, args, io, failures)
}

/// The same for a verb to which what a file says of an object is enough.
pub(super) fn objects_as_written(
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    if args.get("filename").is_none() {
        return objects(words, args, io, failures);
    }
    super::manifests::alone(words, args, io)?;
    let (wanted, refused) = super::manifests::read(args, "get", io)?;
    failures.extend(refused);
    Ok(wanted.into_iter().map(|wanted| (wanted.target, wanted.doc)).collect())
}

/// The same for a verb that does not bear to find none.
pub(super) fn some_objects(
    verb: &str,
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    let found = objects(words, args, io, failures)?;
    if found.is_empty() && failures.is_empty() {
        return Err(io.fail(format!("no objects passed to {verb}")));
    }
    Ok(found)
}

/// The objects that targets mean: of one without a name, all that the selectors choose.
pub(super) fn objects_or_lists(
    targets: Vec<Target>,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    let mut objects = Vec::new();
    for mut target in targets {
        if args.is_on("all-namespaces") && target.name.is_empty() {
            target.namespace = Str::new();
        }
        let response = target.look(selected(&target, args), io)?;
        if !response.is_success() {
            failures.push(target.failure(&response, args));
        } else if target.name.is_empty() {
            for item in response.body["items"].items() {
                let (name, namespace) = (item["metadata"]["name"].str(), item["metadata"]["namespace"].str());
                objects.push((Target { name, namespace, ..target.clone() }, item.clone()));
            }
        } else {
            objects.push((target, response.body));
        }
    }
    Ok(objects)
}

/// The request for one object, or for those that the selectors choose.
pub(super) fn selected(target: &Target, args: &Args) -> HttpRequest {
    let mut request = target.get();
    if let Some(part) = args.get("subresource") {
        request.path = format!("{}/{}", request.path, escape(part)).into();
    }
    if target.name.is_empty() {
        let mut query = Vec::new();
        for (flag, parameter) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
            query.extend(args.get(flag).map(|selector| format!("{parameter}={}", escape(selector))));
        }
        // All of it, not a page: there is no network that a long answer would hold up.
        if !query.is_empty() {
            request.path = format!("{}?{}", request.path, query.join("&")).into();
        }
    }
    request
}
