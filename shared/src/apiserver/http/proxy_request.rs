//! `…/proxy/PATH`: a request of which the server only looks at whom it is for.

use crate::api::{FieldValidation, PatchKind, Request, RequestOptions, Status, User, Verb};
use crate::apiserver::proxy;
use crate::doc::Str;

use super::{HttpRequest, Target};

/// Reads such a request.
pub(super) fn decode(http: &HttpRequest, user: User, target: Target) -> Result<Request, Status> {
    let verb = match http.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Verb::Get,
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch(PatchKind::Merge),
        "DELETE" => Verb::Delete,
        _ => return Err(Status::method_not_allowed()),
    };
    let Target { kind, namespace, name, subresource, .. } = target;
    // The path goes on as it was written, with its query.
    let before = if namespace.is_empty() { 6 } else { 8 };
    let rest = http.path.splitn(before + 1, '/').nth(before);
    let query = || http.path.split_once('?').map_or(String::new(), |(_, query)| format!("/?{query}"));
    let path = rest.map_or_else(query, |rest| format!("/{rest}"));
    let path = if path.is_empty() { Str::from("/") } else { path.into() };
    let body = proxy::options(&http.method, name.starts_with("https:"), &path, &http.body);
    let options = RequestOptions { validation: FieldValidation::Ignore, ..RequestOptions::default() };
    Ok(Request { user, verb, kind, namespace, name, subresource, body, said: None, options })
}
