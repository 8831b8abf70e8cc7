//! Every route of the server.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    routing::get,
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::page::Page;

/// The server: the page, and what is behind it.
pub fn router(page: Page) -> Router {
    let policy = HeaderValue::from_str(&page.content_security_policy()).expect("the policy is ASCII");
    let always = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Tokens live in the fragment, which is never sent; the path is nobody's business either.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(move |method, uri, headers| std::future::ready(page.answer(&method, &uri, &headers)));
    always
        .into_iter()
        .fold(router, |router, (name, value)| router.layer(SetResponseHeaderLayer::overriding(name, value)))
}
