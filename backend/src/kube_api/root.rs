//! Kubernetes at the root of the server: `/api`, `/apis`, `/version` … without `/k8s/{key}`, for `kubectl proxy` and
//! other clients that drop the path of their server. They send the key as bearer token instead, which opens what the
//! path would have. Over plain http most clients send no token; there the path has to be kept.

use axum::http::{HeaderMap, Uri, request::Parts};
use shared::{api::Kind, cluster::HttpResponse, doc};

use super::{answer, bearer, credentials};
use crate::sessions::token;

/// Paths beside those of the core group's kinds. What operators ask of the server itself (`/healthz` …) is not among
/// them.
const PATHS: [&str; 14] = [
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/api/v1/watch/{*path}",
    "/apis",
    "/apis/",
    "/apis/{*path}",
    "/livez",
    "/livez/{*path}",
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
pub fn key(headers: &HeaderMap) -> Option<String> {
    let token = bearer(headers).map(str::to_owned).or_else(|| credentials::of_protocols(headers));
    token.filter(|token| token::is_key(token))
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
        None => Some(answer::status(401, "Unauthorized", WITHOUT_KEY)),
    }
}

/// `kubectl get --raw` of old (1.32) drops the path of its server, and any its token over plain http: whoever comes so is
/// told the way.
const WITHOUT_KEY: &str = "Unauthorized: clusters are below /k8s/KEY here, KEY being the end of the kubeconfig's `server`. An \
    old kubectl drops that where it is to get something `--raw`: kubectl get --raw /k8s/KEY/version";

/// Where discovery begins; it is the same for every session, and tells whoever looks that Kubernetes is spoken here.
fn versions() -> HttpResponse {
    let body = doc!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443" }]
    });
    HttpResponse { code: 200, body, warnings: Vec::new() }
}
