//! Every route of the server.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Path, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer, trace::TraceLayer,
};
use tracing::Span;

use crate::{
    error::{Problem, in_detail},
    guesses::{self, Guesses},
    kube_api,
    links::{self, Links},
    metrics::{self, METRICS},
    origin,
    page::Page,
    replicas,
    rooms::{self, Rooms},
    sessions::{Sessions, http as sessions},
    storage::Store,
    websocket,
};

/// An answer takes this long at most. Live connections are no answers: they have limits of their own.
const ANSWER: Duration = Duration::from_secs(30);

/// What the API is, in words for programs; a test compares it with the routes.
const OPENAPI: &str = include_str!("../openapi.json");

/// The server: the page, and what is behind it.
pub fn router(
    page: Page,
    live: Sessions,
    rooms: Rooms,
    store: Store,
    guesses: Guesses,
    links: Links,
    scheme: &'static str,
) -> Router {
    let always = always(&page);
    let kubernetes = kube_api::routes(live.clone());
    let operation = metrics::routes(live.clone(), rooms.clone(), store.clone());
    let api = Router::new()
        .route("/sessions", post(sessions::create))
        .route("/sessions/{id}", get(sessions::describe))
        .route("/sessions/{id}/kubeconfig", get(kube_api::kubeconfig::download))
        .route("/sessions/{id}/ws", get(websocket::connect))
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .with_state(live)
        .merge(link_routes(links))
        .merge(room_routes(rooms).layer(middleware::from_fn_with_state(guesses, guesses::limit)))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "the API has nothing under this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "the API does not know this method here; see the Allow header",
            )
        })
        .layer(middleware::map_response(in_detail))
        // What is said here is for one reader, and true only now.
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(sessions::MAX_SCENARIO))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, ANSWER));
    let router = Router::new()
        .merge(operation)
        .route("/join", get(join))
        .route("/join/{code}", get(join))
        .nest("/api/v1", api)
        .merge(kubernetes)
        .fallback(move |method, uri, headers| std::future::ready(page.answer(&method, &uri, &headers)))
        .layer(middleware::from_fn_with_state(store, replicas::forward))
        .layer(middleware::map_request(move |mut request: Request| {
            if scheme == "https" {
                request.headers_mut().insert(origin::FORWARDED_PROTO, HeaderValue::from_static(scheme));
            }
            std::future::ready(request)
        }))
        .layer(CatchPanicLayer::custom(panicked));
    always
        .into_iter()
        // What may be embedded says so itself.
        .fold(router, |router, (name, value)| {
            router.layer(SetResponseHeaderLayer::if_not_present(name, value))
        })
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(answered)
                .on_failure(()),
        )
}

fn link_routes(links: Links) -> Router {
    Router::new()
        .route("/links", post(links::keep))
        .route("/links/{name}", get(links::read))
        .with_state(links)
}

fn room_routes(rooms: Rooms) -> Router {
    Router::new()
        .route("/rooms", post(rooms::http::open))
        .route("/rooms/{code}", get(rooms::http::describe).delete(rooms::http::delete))
        .route("/rooms/{code}/participants", post(rooms::http::enrol))
        .route("/rooms/{code}/participants/{number}/run", get(rooms::http::run))
        .route("/rooms/{code}/qr.svg", get(rooms::http::picture))
        .route("/rooms/{code}/results", get(rooms::http::results))
        .route("/rooms/{code}/ws", get(rooms::socket::connect))
        .with_state(rooms)
}

/// `/join/CODE`, for those who type: the page, with the room in the fragment.
async fn join(code: Option<Path<String>>) -> Redirect {
    let code = code.map(|Path(code)| code).unwrap_or_default();
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Redirect::to(&format!("/#room={code}"))
}

/// Headers of every answer.
fn always(page: &Page) -> [(HeaderName, HeaderValue); 5] {
    let policy = HeaderValue::from_str(&page.content_security_policy()).expect("the policy is ASCII");
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Tokens live in the fragment, which is never sent; the path is nobody's business either.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ]
}

/// What the log says of a request: never its query, headers or body, where somebody may have put a secret.
fn span(request: &Request) -> Span {
    let path = request.extensions().get::<MatchedPath>().map_or("(page)", MatchedPath::as_str);
    tracing::info_span!("http", method = %request.method(), path)
}

fn answered(response: &Response, latency: Duration, _: &Span) {
    METRICS.answered(response.status().as_u16(), latency);
    let (status, millis) = (response.status().as_u16(), latency.as_millis());
    match response.status().is_server_error() {
        true => tracing::warn!(status, millis, "answered"),
        false => tracing::debug!(status, millis, "answered"),
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed at this request: this is our bug")
        .into_response()
}
