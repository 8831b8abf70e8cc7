//! What an operator asks: is it alive, is it ready, and how much is going on (in Prometheus' text form).

use std::{sync::LazyLock, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::{rooms::Rooms, sessions::Sessions, storage::Store};

/// The store must answer within this time, or the program is not ready.
const READY: Duration = Duration::from_secs(2);

/// The one set of measures: they are of the whole program.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// All measures.
pub struct Metrics {
    registry: Registry,
    /// Commands that were written to logs.
    pub commands: Counter,
    connections: Family<Kind, Gauge>,
    requests: Family<Status, Counter>,
    seconds: Histogram,
    sessions: Gauge,
    rooms: Gauge,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("kubarium");
        let metrics = Self {
            commands: Counter::default(),
            connections: Family::default(),
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
            sessions: Gauge::default(),
            rooms: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("commands", "Commands that were written to logs", metrics.commands.clone());
        registry.register("connections", "Open connections of pages", metrics.connections.clone());
        registry.register("http_requests", "Answered requests, by status", metrics.requests.clone());
        registry.register("http_seconds", "How long answers took", metrics.seconds.clone());
        registry.register("sessions_awake", "Sessions in memory", metrics.sessions.clone());
        registry.register("rooms_awake", "Rooms in memory", metrics.rooms.clone());
        Self { registry, ..metrics }
    }

    /// Counts a connection until it is dropped.
    pub fn connection(&self, kind: &'static str) -> Connection {
        let open = self.connections.get_or_create(&Kind { kind }).clone();
        open.inc();
        Connection(open)
    }

    /// Counts an answer.
    pub fn answered(&self, status: u16, latency: Duration) {
        self.requests.get_or_create(&Status { status }).inc();
        self.seconds.observe(latency.as_secs_f64());
    }
}

/// A connection that is counted.
pub struct Connection(Gauge);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Clone)]
struct Operation {
    sessions: Sessions,
    rooms: Rooms,
    store: Store,
}

/// The routes for operators.
pub fn routes(sessions: Sessions, rooms: Rooms, store: Store) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(measures))
        .with_state(Operation { sessions, rooms, store })
}

/// Whether the store answers: without it nothing can be acknowledged.
async fn ready(State(operation): State<Operation>) -> Response {
    let answer = tokio::time::timeout(READY, operation.store.count()).await;
    let why = match answer {
        Ok(Ok(_)) => return "ok\n".into_response(),
        Ok(Err(error)) => format!("{error}\n"),
        Err(_) => "the session store does not answer\n".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

async fn measures(State(operation): State<Operation>) -> Response {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    METRICS.sessions.set(number(operation.sessions.count_awake()));
    METRICS.rooms.set(number(operation.rooms.count_awake()));
    let mut body = String::new();
    text::encode(&mut body, &METRICS.registry).expect("writing to a text never fails");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}
