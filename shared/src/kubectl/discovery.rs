//! What the server serves: asked for where the client does not know it beforehand, and listed by `api-resources`.

use crate::api::Kind;
use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str};

use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::Resource;

/// A kind as discovery tells of it.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub resource: Resource,
    pub short_names: Vec<Str>,
    pub verbs: Vec<Str>,
    pub categories: Vec<Str>,
}

/// All that discovery tells of.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Everything that is served, in the server's order: of each group the version that it prefers, with the kinds that
    /// only its other versions have.
    pub served: Vec<Served>,
    /// The groups and versions of which nothing is known, sorted.
    pub stale: Vec<String>,
}

/// Discovery's two documents: the core group, and all others.
const PATHS: [&str; 2] = ["/api", "/apis"];
const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// Discovery's answers; a failure when the server gives none.
fn documents(io: &mut Io<'_>) -> Result<Result<Vec<HttpResponse>, Failure>, Stop> {
    let mut answers = Vec::new();
    for path in PATHS {
        let request = HttpRequest {
            method: "GET".into(),
            path: path.into(),
            accept: AGGREGATED.into(),
            ..HttpRequest::default()
        };
        let response = io.request(request)?;
        if !response.is_success() {
            return Ok(Err(Failure::of(&response)));
        }
        answers.push(response);
    }
    Ok(Ok(answers))
}

/// Whether the server that answers for a version does so.
fn is_current(version: &Doc) -> bool {
    version["freshness"].as_str() != Some("Stale")
}

/// Everything that is served.
pub(super) fn resources(io: &mut Io<'_>) -> Result<Result<Vec<Served>, Failure>, Stop> {
    Ok(offer(io)?.map(|offer| offer.served))
}

/// The same with what is not known.
pub(super) fn offer(io: &mut Io<'_>) -> Result<Result<Offer, Failure>, Stop> {
    let documents = match documents(io)? {
        Ok(documents) => documents,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut offer = Offer::default();
    for group in documents.iter().flat_map(|document| document.body["items"].items()) {
        let name = group["metadata"]["name"].str();
        for version in group["versions"].items() {
            if !is_current(version) {
                offer.stale.push(format!("{name}/{}", version["version"].str()));
                continue;
            }
            for resource in version["resources"].items() {
                let found = read(&name, &version["version"].str(), resource);
                let known = |other: &Served| {
                    other.resource.group == name && other.resource.plural == found.resource.plural
                };
                if !offer.served.iter().any(known) {
                    offer.served.push(found);
                }
            }
        }
    }
    crate::collections::sort(&mut offer.stale);
    Ok(Ok(offer))
}

fn read(group: &Str, version: &Str, doc: &Doc) -> Served {
    let kind = doc["responseKind"]["kind"].str();
    let texts = |field: &str| doc[field].items().iter().map(Doc::str).collect();
    let singular = match doc["singularResource"].str() {
        none if none.is_empty() => kind.to_lowercase().into(),
        name => name,
    };
    let resource = Resource {
        group: group.clone(),
        version: version.clone(),
        plural: doc["resource"].str(),
        singular,
        namespaced: doc["scope"].as_str() == Some("Namespaced"),
        kind,
    };
    Served {
        resource,
        short_names: texts("shortNames"),
        verbs: texts("verbs"),
        categories: texts("categories"),
    }
}

/// The groups with their versions (`apps/v1`), sorted.
pub(super) fn versions(io: &mut Io<'_>) -> Result<Result<Vec<String>, Failure>, Stop> {
    let documents = match documents(io)? {
        Ok(documents) => documents,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut all = Vec::new();
    for group in documents.iter().flat_map(|document| document.body["items"].items()) {
        let name = group["metadata"]["name"].str();
        for version in group["versions"].items().iter().filter(|version| is_current(version)) {
            let version = version["version"].str();
            all.push(if name.is_empty() { version.to_string() } else { format!("{name}/{version}") });
        }
    }
    crate::collections::sort(&mut all);
    Ok(Ok(all))
}

/// The kind that a person means by a word; a server that cannot be reached ends the program.
pub(super) fn named(word: &str, io: &mut Io<'_>) -> Result<Option<Resource>, Stop> {
    let word = word.to_lowercase();
    let (plain, group) =
        word.split_once('.').map_or((word.as_str(), None), |(plain, rest)| (plain, Some(rest)));
    find(io, |served| {
        let resource = &served.resource;
        let short = served.short_names.iter().any(|name| name == plain);
        let called = resource.plural == plain || resource.singular == plain || short;
        // Of a short name's version nobody takes notice.
        let of_any_version = |group: &str| {
            group.split_once('.').is_some_and(|(_, rest)| rest.is_empty() || rest == resource.group)
        };
        called
            && group.is_none_or(|group| {
                group == resource.group
                    || group == format!("{}.{}", resource.version, resource.group)
                    || (short && of_any_version(group))
            })
    })
}

/// The kinds of a category that do not come with the cluster. Nothing is asked for a word that names a kind.
pub(super) fn of_category(word: &str, io: &mut Io<'_>) -> Result<Vec<Resource>, Stop> {
    if Kind::named(word).is_some() {
        return Ok(Vec::new());
    }
    match resources(io)? {
        Ok(served) => {
            let mine =
                served.into_iter().filter(|one| one.categories.iter().any(|category| category == word));
            Ok(mine.map(|one| one.resource).filter(|resource| resource.known().is_none()).collect())
        }
        Err(failure @ Failure::Connection(_)) => Err(io.end(failure)),
        Err(_) => Ok(Vec::new()),
    }
}

/// The kind called `kind` in a group and version.
pub(super) fn of(api_version: &str, kind: &str, io: &mut Io<'_>) -> Result<Option<Resource>, Stop> {
    find(io, |served| served.resource.kind == kind && served.resource.api_version() == api_version)
}

fn find(io: &mut Io<'_>, fits: impl Fn(&Served) -> bool) -> Result<Option<Resource>, Stop> {
    match resources(io)? {
        Ok(served) => Ok(served.into_iter().find(|served| fits(served)).map(|served| served.resource)),
        Err(failure @ Failure::Connection(_)) => Err(io.end(failure)),
        Err(_) => Ok(None),
    }
}
