//! The outer face of the API server: HTTP requests in, JSON out.

mod json_fault;

use serde::{Deserialize, Serialize};

use crate::api::autoscaling::horizontalpodautoscaler::v1 as hpa_v1;
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
    /// For whom the client speaks (`Impersonate-User`); empty for itself.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub impersonate: Str,
    /// The body.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub body: Str,
}

/// The answer to an [`HttpRequest`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HttpResponse {
    /// HTTP status; 0 when no server answered.
    pub code: u32,
    /// The body; text where it is no JSON.
    pub body: Doc,
    /// What the server warns of (`Warning: 299 - "…"`).
    pub warnings: Vec<Str>,
}

impl HttpResponse {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

impl From<&Status> for HttpResponse {
    fn from(status: &Status) -> HttpResponse {
        let code = if status.transport { 0 } else { status.reason.code() };
        // Where nothing is served, what answers knows nothing of the API's way to say so.
        let nowhere = status.reason == Reason::NotFound && status.kind.is_empty();
        let body = if nowhere { Doc::from("404 page not found\n") } else { status.to_doc() };
        HttpResponse { code, body, warnings: Vec::new() }
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
    let mut body = if http.body.is_empty() { Doc::Null } else { read_body(&http.body, target.kind)? };
    if target.kind == Kind::HorizontalPodAutoscaler {
        hpa_v1::to_stored(&mut body, hpa_v1::is_path(path));
    }
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
        force: value("force") == Some("true"),
        validation,
        warnings: Vec::new(),
        delete: DeleteOptions::default(),
        watch: 0,
    };
    if matches!(verb, Verb::Delete | Verb::DeleteCollection) {
        options.delete = delete_options(&body);
    } else if target.subresource == Subresource::Eviction {
        options.delete = delete_options(&body["deleteOptions"]);
    }
    let whole = matches!(target.subresource, Subresource::None)
        || matches!(target.subresource, Subresource::Status | Subresource::Finalize) && verb == Verb::Update;
    if matches!(verb, Verb::Create | Verb::Update) && whole {
        check_type(&body, target.kind)?;
        options.warnings = check_fields(&mut body, target.kind, validation)?;
    }
    if matches!(verb, Verb::Patch(PatchKind::Merge | PatchKind::Strategic))
        && validation == FieldValidation::Warn
    {
        let problems = schema::check(target.kind, &body);
        let directive = |problem: &schema::Problem| problem.path.to_string().contains('$');
        let problems: Vec<schema::Problem> =
            problems.into_iter().filter(|problem| !directive(problem)).collect();
        options.warnings = schema::warnings(&problems).into_iter().map(Str::from).collect();
    }
    if verb == Verb::Patch(PatchKind::Apply) {
        check_type(&body, target.kind)?;
        if options.field_manager.is_empty() {
            return Err(missing_manager());
        }
    }
    if let Some(token) = value("continue").filter(|token| !token.is_empty()) {
        return Err(unknown_token(token));
    }
    let user = match &http.impersonate {
        nobody if nobody.is_empty() => user,
        name => User { name: name.clone(), impersonated: true, ..user },
    };
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
    if parts == ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] {
        let (namespace, name) = (Str::new(), Str::new());
        return Ok(Target { kind: Kind::Role, namespace, name, subresource: Subresource::AccessReview });
    }
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
    if (group, version) == ("metrics.k8s.io", "v1beta1") && subresource.is_empty() {
        let kind = Kind::of_path("", "v1", plural).filter(|kind| matches!(kind, Kind::Node | Kind::Pod));
        let kind = kind.ok_or_else(Status::unknown_path)?;
        let (namespace, name) = (namespace.into(), name.into());
        return Ok(Target { kind, namespace, name, subresource: Subresource::Metrics });
    }
    let version = if hpa_v1::is_path(path) { "v2" } else { version };
    let kind = Kind::of_path(group, version, plural).ok_or_else(Status::unknown_path)?;
    const PARTS: [Subresource; 6] = [
        Subresource::None,
        Subresource::Status,
        Subresource::Scale,
        Subresource::Binding,
        Subresource::Eviction,
        Subresource::Finalize,
    ];
    let subresource =
        PARTS.into_iter().find(|part| part.path() == subresource).ok_or_else(Status::unknown_path)?;
    let served = subresource == Subresource::None || kind.info().subresources.contains(&subresource);
    if !served || (!namespace.is_empty() && !kind.info().namespaced) {
        return Err(Status::unknown_path());
    }
    Ok(Target { kind, namespace: namespace.into(), name: name.into(), subresource })
}

fn verb(http: &HttpRequest, target: &Target, watch: bool) -> Result<Verb, Status> {
    let one = !target.name.is_empty();
    let method = http.method.as_str();
    let served = match target.subresource {
        Subresource::None => true,
        Subresource::Metrics => method == "GET",
        Subresource::Binding | Subresource::Eviction | Subresource::AccessReview => method == "POST",
        Subresource::Status | Subresource::Scale | Subresource::Finalize => {
            matches!(method, "GET" | "PUT" | "PATCH")
        }
    };
    if !served {
        return Err(Status::method_not_allowed());
    }
    Ok(match method {
        "GET" if watch => Verb::Watch,
        "GET" if one => Verb::Get,
        "GET" => Verb::List,
        "POST" if !one || target.subresource != Subresource::None => Verb::Create,
        "PUT" if one => Verb::Update,
        "PATCH" if one => Verb::Patch(match http.content_type.split(';').next().unwrap_or("") {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" => PatchKind::Strategic,
            "application/apply-patch+yaml" => PatchKind::Apply,
            _ => {
                return Err(Status::new(Reason::UnsupportedMediaType, "415: Unsupported Media Type"));
            }
        }),
        "DELETE" if one => Verb::Delete,
        "DELETE" => Verb::DeleteCollection,
        _ => return Err(Status::method_not_allowed()),
    })
}

fn read_body(text: &str, kind: Kind) -> Result<Doc, Status> {
    let most = text.char_indices().nth(30).map_or(text.len(), |(at, _)| at);
    parse_json(text).map_err(|_| {
        let fault = json_fault::find(text).unwrap_or_else(|| "json: unsupported value".into());
        let rest = if most < text.len() { " ..." } else { "" };
        let summary = if text.starts_with('{') {
            text[..most].to_owned()
        } else {
            text[..most].bytes().map(|byte| format!("{byte:02x}")).collect()
        };
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             {fault} ({summary}{rest})",
            kind.info().kind
        ))
    })
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

/// Fields must be there in the schema and hold what it says. What is to be warned of comes back.
fn check_fields(body: &mut Doc, kind: Kind, validation: FieldValidation) -> Result<Vec<Str>, Status> {
    let problems = schema::check(kind, body);
    match schema::refusal(kind, &problems, validation == FieldValidation::Strict) {
        Some(why) => Err(Status::bad_request(why)),
        None => {
            schema::normalise(kind, body);
            let warnings =
                if validation == FieldValidation::Warn { schema::warnings(&problems) } else { Vec::new() };
            Ok(warnings.into_iter().map(Str::from).collect())
        }
    }
}

/// Whoever applies must say who they are.
fn missing_manager() -> Status {
    let cause = api::CauseDetail {
        reason: "FieldValueRequired",
        message: "Required value: is required for apply patch".into(),
        field: "fieldManager".into(),
    };
    let message =
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    Status {
        causes: vec![cause],
        group: "meta.k8s.io".into(),
        kind: "PatchOptions".into(),
        ..Status::new(Reason::Invalid, message)
    }
}

/// Lists come whole here, so no token to go on with was ever handed out.
fn unknown_token(token: &str) -> Status {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let cut_short = || (token.len() % 4 == 1).then(|| token.len() - 1);
    let why = match token.bytes().position(|b| !alphabet(b)).or_else(cut_short) {
        Some(at) => format!("illegal base64 data at input byte {at}"),
        None => "it is none of this server's".into(),
    };
    Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
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
        Reply::Watching(_) => (200, Doc::Null),
    };
    let mut body = body;
    if request.kind == Kind::HorizontalPodAutoscaler && hpa_v1::is_path(&http.path) {
        hpa_v1::shown(&mut body);
    }
    HttpResponse { code, body, warnings: request.options.warnings.clone() }
}

fn list_of(kind: Kind, items: &[std::sync::Arc<Object>], revision: u64) -> Doc {
    let info = kind.info();
    // What the list says of all its items, they do not repeat.
    let items = items.iter().map(|object| {
        let mut item = object.to_doc();
        item.remove("apiVersion");
        item.remove("kind");
        item
    });
    doc!({
        "kind": format!("{}List", info.kind), "apiVersion": info.api_version(),
        "metadata": { "resourceVersion": revision.to_string() },
        "items": Doc::list(items)
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
