//! Answers of the simulated API server as HTTP has them.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::Response,
};
use futures_util::{Stream, StreamExt, stream};
use shared::{cluster::HttpResponse, doc};
use tokio::sync::mpsc;

use super::{openapi::Form, openapi_v2, protobuf, replica::Part};

const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const DISCOVERY_BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// Bodies from this size on are worth compressing, as upstream.
const LARGE: usize = 128 << 10;

/// A body that is whole and large: one may compress it.
#[derive(Clone)]
pub struct Large;

/// Media types that an answer can have.
const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf, \
    application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// A refusal in Kubernetes' words.
pub fn status(code: u32, reason: &str, message: &str) -> HttpResponse {
    let mut body = doc!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": i64::from(code)
    });
    if code == 429 {
        // Clients come back by themselves where they are told when.
        body.set("details", doc!({ "retryAfterSeconds": 1i64 }));
    }
    HttpResponse { code, body, warnings: Vec::new() }
}

/// 401
pub fn unauthorized() -> HttpResponse {
    status(401, "Unauthorized", "Unauthorized")
}

/// The media types that a client takes, those first that it likes best; of those that it likes the same, the exact ones.
pub fn accepted(headers: &HeaderMap) -> String {
    let said = super::text(headers, header::ACCEPT.as_str());
    let quality = |media: &str| {
        let values = media.split(';').skip(1).filter_map(|pair| pair.trim().strip_prefix("q="));
        values.filter_map(|value| value.trim().parse::<f64>().ok()).last().unwrap_or(1.0)
    };
    let mut media: Vec<&str> = said.split(',').map(str::trim).collect();
    media.sort_by(|a, b| {
        let stars = |media: &str| media.split(';').next().unwrap_or_default().matches('*').count();
        quality(b).total_cmp(&quality(a)).then(stars(a).cmp(&stars(b)))
    });
    media.join(",")
}

/// Whether an answer in one of the media types that the client takes can be made at this path.
pub fn is_acceptable(accept: &str, path: &str) -> bool {
    // Logs and what passes through a proxy are no objects, and come as they are; so do the answers outside of the API groups.
    let objects = path.split('/').any(|part| part == "api" || part == "apis");
    let as_it_is = !objects || path.ends_with("/log") || path.contains("/proxy/") || path.ends_with("/proxy");
    // Of discovery there are two versions.
    let spoken = |one: &&str| {
        !one.contains("as=APIGroupDiscoveryList") || one.contains(";v=v2;") || one.contains(";v=v2beta1;")
    };
    let mut types = accept.split(',').filter(spoken).map(|one| one.split(';').next().unwrap_or("").trim());
    let known = ["", "*/*", "application/*", "application/json", "application/yaml", openapi_v2::PROTOBUF];
    types.any(|one| known.contains(&one) || as_it_is)
}

/// Whether a client takes protobuf and nothing else that there is: who takes JSON, too, gets that.
pub fn is_protobuf(accept: &str) -> bool {
    let others = ["", "*/*", "application/*", "application/json", "application/yaml"];
    let media = || accept.split(',').map(|one| one.split(';').next().unwrap_or("").trim());
    media().any(|one| one == protobuf::MEDIA_TYPE) && !media().any(|one| others.contains(&one))
}

/// 406
pub fn not_acceptable() -> HttpResponse {
    status(406, "NotAcceptable", &format!("only the following media types are accepted: {ACCEPTED}"))
}

/// What was asked for, and in which form.
pub struct Wanted {
    /// Where in the cluster.
    pub path: String,
    /// The media types that the client takes.
    pub accept: String,
    /// Whether a person reads it.
    pub pretty: bool,
    /// The tags of what the client has already.
    pub known: String,
    /// The tag that the address has.
    pub hash: String,
}

impl Wanted {
    /// Reads it from a request; upstream's `isPrettyPrint` knows programs that people read with by their names.
    pub fn of(parts: &Parts) -> Self {
        let agent = super::text(&parts.headers, header::USER_AGENT.as_str());
        let query = shared::api::query(parts.uri.query().unwrap_or(""));
        let said = query.iter().find(|(key, value)| key == "pretty" && !value.is_empty());
        let by_person = || ["curl", "Wget", "Mozilla/5.0"].iter().any(|reader| agent.starts_with(reader));
        let hash = query.iter().find(|(key, _)| key == "hash").map_or("", |(_, value)| value.as_str());
        let truths = ["1", "t", "T", "TRUE", "true", "True"];
        Self {
            path: parts.uri.path().to_owned(),
            accept: accepted(&parts.headers),
            known: super::text(&parts.headers, header::IF_NONE_MATCH.as_str()),
            hash: hash.to_owned(),
            pretty: said.map_or_else(by_person, |(_, value)| truths.contains(&value.as_str())),
        }
    }
}

/// The answer in the form that the client takes.
pub fn whole(answer: &HttpResponse, wanted: &Wanted) -> Response {
    if answer.code == 0 {
        let why = answer.body["message"].as_str().unwrap_or("the API server does not answer").to_owned();
        return whole(&status(503, "ServiceUnavailable", &why), wanted);
    }
    let (kind, body) = content(answer, wanted);
    let large = body.len() >= LARGE;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        u16::try_from(answer.code).ok().and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    for warning in &answer.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append(header::WARNING, value);
        }
    }
    if let Some(seconds) = answer.body["details"]["retryAfterSeconds"].as_i64() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if large {
        response.extensions_mut().insert(Large);
    }
    response
}

/// What something in the cluster answered. It may be a page: that one acts in nobody's name here.
pub fn passed_on(answer: &HttpResponse, wanted: &Wanted) -> Response {
    let mut response = whole(answer, wanted);
    let text = answer.body.as_str().unwrap_or("").trim_start();
    let start = text.get(..14).unwrap_or(text).to_ascii_lowercase();
    let headers = response.headers_mut();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    response
}

/// Leads to the first page behind a proxy: links on it would not be beside it otherwise.
pub fn with_slash(uri: &Uri) -> Option<Response> {
    let path = uri.path();
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let to = path.ends_with("/proxy").then(|| HeaderValue::from_str(&format!("{path}/{query}")).ok())??;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, to);
    Some(response)
}

fn content(answer: &HttpResponse, wanted: &Wanted) -> (&'static str, Bytes) {
    let Wanted { path, accept, pretty, .. } = wanted;
    let body = &answer.body;
    if let Some(text) = body.as_str() {
        let kind = if text.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
        return (kind, Bytes::copy_from_slice(text.as_bytes()));
    }
    if Form::at(path) == Some(Form::Two) && answer.code == 200 {
        return openapi_v2::content(body, accept);
    }
    if body["kind"].as_str() == Some("APIGroupDiscoveryList") {
        if accept.contains("v=v2;") {
            return (DISCOVERY, body.to_json().into());
        }
        let mut body = body.clone();
        body.set("apiVersion", "apidiscovery.k8s.io/v2beta1");
        return (DISCOVERY_BETA, body.to_json().into());
    }
    if path.ends_with("/openid/v1/jwks") {
        return ("application/jwk-set+json", body.to_json().into());
    }
    if is_protobuf(accept)
        && let Some(message) = serde_json::to_value(body).ok().as_ref().and_then(protobuf::write::from_json)
    {
        return (protobuf::MEDIA_TYPE, message.into());
    }
    let first = accept.split([',', ';']).next().unwrap_or("").trim();
    if first == "application/yaml" {
        return ("application/yaml", shared::manifest::to_yaml(body).into());
    }
    let text = if *pretty { serde_json::to_string_pretty(body).unwrap_or_default() } else { body.to_json() };
    ("application/json", format!("{text}\n").into())
}

/// Events in protobuf.
pub fn framed(parts: mpsc::Receiver<Part>) -> Response {
    let parts = told(parts).map(|part| part.map(|lines| Bytes::from(protobuf::write::frames(&lines))));
    going_on(Body::from_stream(parts), "application/vnd.kubernetes.protobuf;stream=watch")
}

/// An answer that goes on: parts as they come.
pub fn streamed(parts: mpsc::Receiver<Part>, kind: &'static str) -> Response {
    going_on(Body::from_stream(told(parts)), kind)
}

fn told(parts: mpsc::Receiver<Part>) -> impl Stream<Item = Part> {
    stream::unfold(parts, |mut parts| async { parts.recv().await.map(|part| (part, parts)) })
}

fn going_on(body: Body, kind: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
