//! Which pages may speak to the sessions: our own.

use axum::http::{HeaderMap, Uri, header};

/// With which scheme a client came to whoever passed its request on: a proxy, or our own TLS.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Whether the request was sent by a page from elsewhere. Programs send no `Origin`; a browser's page cannot leave it
/// out where it matters.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
        None => false,
        Some(origin) => authority(origin).is_none_or(|authority| host(headers) != Some(authority)),
    }
}

/// The address under which the client reached this server: `http://localhost:8080`.
pub fn base_url(headers: &HeaderMap) -> Option<String> {
    let host = host(headers)?;
    // Behind a proxy with TLS only it and the browser know the scheme. Who lies gets links that do not work.
    let proxy = headers.get(FORWARDED_PROTO).is_some_and(|scheme| scheme == "https");
    let scheme = match headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) {
        Some(origin) if origin.starts_with("https://") && !is_foreign(headers) => "https",
        _ if proxy => "https",
        _ => "http",
    };
    Some(format!("{scheme}://{host}"))
}

fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

/// The `Host` header, if it is a host at all.
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let uri: Uri = host.parse().ok()?;
    (uri.authority()?.as_str() == host && !host.contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let origin = origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
        [(header::HOST, HeaderValue::from_static(host))].into_iter().chain(origin).collect()
    }

    #[test]
    fn only_our_own_pages_are_at_home() {
        assert!(!is_foreign(&headers("localhost:8080", None)));
        assert!(!is_foreign(&headers("localhost:8080", Some("http://localhost:8080"))));
        assert!(!is_foreign(&headers("kubarium.example", Some("https://kubarium.example"))));
        assert!(is_foreign(&headers("localhost:8080", Some("http://localhost:8081"))));
        assert!(is_foreign(&headers("localhost:8080", Some("http://evil.example"))));
        assert!(is_foreign(&headers("localhost:8080", Some("null"))));
        assert!(is_foreign(&headers("localhost:8080", Some(""))));
    }

    #[test]
    fn links_lead_back_where_the_client_came_from() {
        let base = |host, origin| base_url(&headers(host, origin));
        assert_eq!(base("127.0.0.1:8080", None).as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(base("[::1]:80", None).as_deref(), Some("http://[::1]:80"));
        assert_eq!(base("k.example", Some("https://k.example")).as_deref(), Some("https://k.example"));
        assert_eq!(base("k.example", Some("https://evil.example")).as_deref(), Some("http://k.example"));
        assert_eq!(base("a b\"><script>", None), None);
        assert_eq!(base("user@k.example", None), None);
    }
}
