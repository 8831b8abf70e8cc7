//! The outer face of the API server: HTTP requests in, JSON out.

use serde::{Deserialize, Serialize};

use crate::api::{
    DeleteOptions, FieldSelector, FieldValidation, Kind, LabelSelector, Object, PatchKind, Propagation,
    Reason, Reply, Request, RequestOptions, Status, Subresource, User, Verb,
};
use crate::doc::{Doc, Str, Timestamp, parse_json};
use crate::{api, doc, schema};

/// The largest body the server reads, in bytes.
pub const MAX_BODY: u64 = 3 << 20;

/// A request as it came in.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: Str,
    /// Path and query: `/api/v1/namespaces/default/pods?limit=500`.
    pub path: Str,
    /// Media type of the body; empty counts as JSON.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub content_type: Str,
    /// Media types the client takes; empty for any.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub accept: Str,
    /// The body.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub body: Str,
}

/// The answer to an [`HttpRequest`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HttpResponse {
    /// HTTP status; 0 when no server answered.
    pub code: u32,
    /// The body.
    pub body: Doc,
}

impl HttpResponse {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

impl From<&Status> for HttpResponse {
    fn from(status: &Status) -> HttpResponse {
        HttpResponse { code: if status.transport { 0 } else { status.reason.code() }, body: status.to_doc() }
    }
}

/// Reads an HTTP request.
///
/// # Errors
/// What the API server answers to a request it cannot make sense of.
pub fn decode(http: &HttpRequest, user: User) -> Result<Request, Status> {
    if http.body.len() as u64 > MAX_BODY {
        let message = format!("Request entity too large: limit is {MAX_BODY}");
        return Err(Status::new(Reason::RequestEntityTooLarge, message));
    }
    let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
    let query: Vec<(String, String)> =
        query.split('&').filter(|part| !part.is_empty()).map(decode_pair).collect();
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let target = route(path)?;
    let verb = verb(http, &target, value("watch").is_some_and(|on| matches!(on, "1" | "true")))?;
    let mut body = if http.body.is_empty() { Doc::Null } else { read_body(&http.body)? };
    let validation = match value("fieldValidation") {
        Some("Strict") => FieldValidation::Strict,
        Some("Ignore") => FieldValidation::Ignore,
        _ => FieldValidation::Warn,
    };
    let mut options = RequestOptions {
        labels: LabelSelector::parse(value("labelSelector").unwrap_or("")).map_err(Status::bad_request)?,
        fields: FieldSelector::parse(value("fieldSelector").unwrap_or("")).map_err(Status::bad_request)?,
        resource_version: value("resourceVersion")
            .and_then(|text| text.parse().ok())
            .filter(|&number| number > 0),
        dry_run: value("dryRun") == Some("All"),
        field_manager: value("fieldManager").unwrap_or("").into(),
        validation,
        delete: DeleteOptions::default(),
        watch: 0,
    };
    if matches!(verb, Verb::Delete | Verb::DeleteCollection) {
        options.delete = delete_options(&body);
    } else if target.subresource == Subresource::Eviction {
        options.delete = delete_options(&body["deleteOptions"]);
    }
    if matches!(verb, Verb::Create | Verb::Update) && target.subresource == Subresource::None {
        check_type(&body, target.kind)?;
        check_fields(&mut body, target.kind, validation)?;
    }
    Ok(Request {
        user,
        verb,
        kind: target.kind,
        namespace: target.namespace,
        name: target.name,
        subresource: target.subresource,
        body,
        options,
    })
}

struct Target {
    kind: Kind,
    namespace: Str,
    name: Str,
    subresource: Subresource,
}

fn route(path: &str) -> Result<Target, Status> {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(percent_decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Status::unknown_path()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..]
            if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) =>
        {
            (*namespace, rest)
        }
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return Err(Status::unknown_path()),
    };
    let kind = Kind::of_path(group, version, plural).ok_or_else(Status::unknown_path)?;
    let subresource = match subresource {
        "" => Subresource::None,
        "status" => Subresource::Status,
        "scale" => Subresource::Scale,
        "binding" => Subresource::Binding,
        "eviction" => Subresource::Eviction,
        "finalize" => Subresource::Finalize,
        _ => return Err(Status::unknown_path()),
    };
    let served = subresource == Subresource::None || kind.info().subresources.contains(&subresource);
    if !served || (!namespace.is_empty() && !kind.info().namespaced) {
        return Err(Status::unknown_path());
    }
    Ok(Target { kind, namespace: namespace.into(), name: name.into(), subresource })
}

fn verb(http: &HttpRequest, target: &Target, watch: bool) -> Result<Verb, Status> {
    let one = !target.name.is_empty();
    Ok(match http.method.as_str() {
        "GET" if watch => Verb::Watch,
        "GET" if one => Verb::Get,
        "GET" => Verb::List,
        "POST" if !one || target.subresource != Subresource::None => Verb::Create,
        "PUT" if one => Verb::Update,
        "PATCH" if one => Verb::Patch(match http.content_type.split(';').next().unwrap_or("") {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" => PatchKind::Strategic,
            _ => {
                return Err(Status::new(
                    Reason::UnsupportedMediaType,
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/json-patch+json, application/merge-patch+json, \
                     application/strategic-merge-patch+json",
                ));
            }
        }),
        "DELETE" if one => Verb::Delete,
        "DELETE" => Verb::DeleteCollection,
        _ => return Err(Status::method_not_allowed()),
    })
}

fn read_body(text: &str) -> Result<Doc, Status> {
    parse_json(text)
        .map_err(|error| Status::bad_request(format!("the object provided is unrecognized: {error}")))
}

/// The body must be of the kind that the path names.
fn check_type(body: &Doc, kind: Kind) -> Result<(), Status> {
    let info = kind.info();
    let (given_version, given_kind) = (body["apiVersion"].str(), body["kind"].str());
    if !matches!(body, Doc::Map(_)) {
        return Err(Status::bad_request(
            "the object provided is unrecognized (must be of type runtime.Object)",
        ));
    }
    let fits = |given: &str, wanted: &str| given.is_empty() || given == wanted;
    if fits(&given_kind, info.kind) && fits(&given_version, info.api_version()) {
        return Ok(());
    }
    Err(Status::bad_request(format!(
        "{given_kind} in version {:?} cannot be handled as a {}: no kind {given_kind:?} is registered for version \
         {given_version:?}",
        given_version.rsplit('/').next().unwrap_or(""),
        info.kind,
    )))
}

/// Fields must be there in the schema and hold what it says.
pub(super) fn check_fields(body: &mut Doc, kind: Kind, validation: FieldValidation) -> Result<(), Status> {
    let problems = schema::check(kind, body);
    match schema::refusal(kind, &problems, validation == FieldValidation::Strict) {
        Some(why) => Err(Status::bad_request(why)),
        None => {
            schema::normalise(kind, body);
            Ok(())
        }
    }
}

fn delete_options(body: &Doc) -> DeleteOptions {
    DeleteOptions {
        grace_period_seconds: body["gracePeriodSeconds"].as_i64(),
        propagation: match body["propagationPolicy"].as_str() {
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            _ => Propagation::Background,
        },
        uid: body["preconditions"]["uid"].as_str().map(api::meta::parse_uuid),
        resource_version: body["preconditions"]["resourceVersion"]
            .as_str()
            .and_then(|text| text.parse().ok()),
    }
}

/// The answer as HTTP; a Table where the client asks for one.
pub fn encode(
    result: &Result<Reply, Box<Status>>,
    request: &Request,
    http: &HttpRequest,
    now: Timestamp,
) -> HttpResponse {
    let reply = match result {
        Ok(reply) => reply,
        Err(status) => return HttpResponse::from(&**status),
    };
    let table = http.accept.contains("as=Table") && request.verb.is_read();
    let (code, body) = match reply {
        Reply::Object(object, _) if table => {
            (200, table_of(request.kind, &[(**object).clone()], object.meta.resource_version, now))
        }
        Reply::Object(object, created) => (if *created { 201 } else { 200 }, object.to_doc()),
        Reply::Doc(doc) => {
            (doc["code"].as_i64().and_then(|code| u32::try_from(code).ok()).unwrap_or(200), doc.clone())
        }
        Reply::List(items, revision) if table => {
            let items: Vec<Object> = items.iter().map(|object| (**object).clone()).collect();
            (200, table_of(request.kind, &items, *revision, now))
        }
        Reply::List(items, revision) => (200, list_of(request.kind, items, *revision)),
        Reply::Watching => (200, Doc::Null),
    };
    HttpResponse { code, body }
}

fn list_of(kind: Kind, items: &[std::sync::Arc<Object>], revision: u64) -> Doc {
    let info = kind.info();
    doc!({
        "kind": format!("{}List", info.kind), "apiVersion": info.api_version(),
        "metadata": { "resourceVersion": revision.to_string() },
        "items": Doc::list(items.iter().map(|object| object.to_doc()))
    })
}

fn table_of(kind: Kind, items: &[Object], revision: u64, now: Timestamp) -> Doc {
    let resource = kind.resource();
    let columns = resource.columns().iter().map(|column| {
        let format = if column.name == "Name" { "name" } else { "" };
        doc!({
            "name": column.name, "type": "string", "format": format, "description": "",
            "priority": i64::from(column.wide)
        })
    });
    let rows = items.iter().map(|object| {
        let metadata = object.meta.to_doc(&object.key.namespace, &object.key.name);
        doc!({
            "cells": Doc::list(resource.row(object, now)),
            "object": { "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata }
        })
    });
    doc!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": revision.to_string() },
        "columnDefinitions": Doc::list(columns), "rows": Doc::list(rows)
    })
}

fn decode_pair(part: &str) -> (String, String) {
    let (key, value) = part.split_once('=').unwrap_or((part, ""));
    (percent_decode(key), percent_decode(&value.replace('+', " ")))
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
