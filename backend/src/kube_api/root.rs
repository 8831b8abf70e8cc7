//! Kubernetes at the root of the server: `/api`, `/apis`, `/version` … without `/k8s/{key}`, for `kubectl proxy` and
//! other clients that drop the path of their server. They send the key as bearer token instead, which opens what the
//! path would have. Over plain http most clients send no token; there the path has to be kept.

use axum::http::{HeaderMap, Uri, request::Parts};
use shared::{api::Kind, cluster::HttpResponse, doc};

use super::{answer, bearer};
use crate::sessions::token;

/// Paths beside those of the core group's kinds. What operators ask of the server itself (`/healthz` …) is not among
/// them.
const PATHS: [&str; 12] = [
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/api/v1/watch/{*path}",
    "/apis",
    "/apis/",
    "/apis/{*path}",
    "/openapi/{*path}",
    "/version",
    "/version/",
    "/.well-known/openid-configuration",
];

/// The paths that are Kubernetes' own at the root. `/api/v1` is the server's, too, but not with the names of these
/// kinds.
pub fn paths() -> Vec<String> {
    let core = Kind::ALL.iter().map(|kind| kind.info()).filter(|info| info.group.is_empty());
    let kinds = core.flat_map(|info| {
        let one = format!("/api/v1/{}", info.plural);
        [format!("{one}/{{*path}}"), one]
    });
    PATHS.into_iter().map(str::to_owned).chain(kinds).collect()
}

/// The key that a client sends as its bearer token.
pub fn key(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).filter(|token| token::is_key(token))
}

/// Gives a request at the root the path that it would have below `/k8s`. What comes back is the answer to one that
/// nobody can be told by.
pub fn enter(parts: &mut Parts) -> Option<HttpResponse> {
    if parts.uri.path().starts_with("/k8s/") {
        return None;
    }
    let rest = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let whole = key(&parts.headers).and_then(|key| format!("/k8s/{key}{rest}").parse::<Uri>().ok());
    match whole {
        Some(uri) => {
            parts.uri = uri;
            None
        }
        None if matches!(parts.uri.path(), "/api" | "/api/") => Some(versions()),
        None => Some(answer::unauthorized()),
    }
}

/// Where discovery begins; it is the same for every session, and tells whoever looks that Kubernetes is spoken here.
fn versions() -> HttpResponse {
    let body = doc!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443" }]
    });
    HttpResponse { code: 200, body, warnings: Vec::new() }
}
