//! Sessions over HTTP: making one, and asking how it is.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    doc::Timestamp,
    scenario::{Scenario, ScenarioError},
};

use super::{
    ENGINE, Live, Sessions,
    token::{self, Token},
};
use crate::{
    error::{Fault, Problem},
    kube_api::kubeconfig,
    origin,
    storage::{Damage, Pace, SessionRecord, TokenHash},
};

/// Largest scenario that is read, in bytes.
pub const MAX_SCENARIO: usize = 1 << 20;

/// So many characters of what is wrong with one are told.
const LONGEST_FAULT: usize = 1000;

#[derive(Serialize)]
struct Created {
    id: String,
    links: Links,
    kubernetes: Kubernetes,
}

/// Where the owner's Kubernetes API is.
#[derive(Serialize)]
struct Kubernetes {
    server: String,
    token: String,
}

/// A link for each role. The token is in the fragment, which browsers keep to themselves.
#[derive(Serialize)]
struct Links {
    owner: String,
    editor: String,
    viewer: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    id: String,
    created: String,
    /// The engine that began it, and the one that plays it now.
    engine: Engines,
    /// How many commands there are.
    commands: u64,
    /// Virtual milliseconds.
    time: u64,
    running: bool,
    speed: u32,
    clients: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<Recovery>,
}

#[derive(Serialize)]
struct Engines {
    began: String,
    now: &'static str,
}

/// What was found damaged, and what is left.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recovery {
    kept_commands: u64,
    lost_commands: u64,
    message: String,
}

/// `POST /api/v1/sessions`: the body is a scenario as YAML or JSON, or empty for the opening one.
///
/// # Errors
/// A page from elsewhere, a body that is too large or no scenario, or a store that fails.
pub async fn create(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if origin::is_foreign(&headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "only pages from this server may make sessions here",
        ));
    }
    let base = origin::base_url(&headers)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Host header names no host"))?;
    let scenario = self::body(body).await?;
    let scenario = sessions.admit(scenario).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).unwrap_or_default();
    let tokens = [Token::random(), Token::random(), Token::random()];
    let id = token::random_id();
    sessions.inner.store.create(record(&id, now, scenario, tokens.each_ref().map(Token::hash))).await?;
    tracing::info!(session = id, "a session was made");
    let link = |token: &Token| format!("{base}/#s={id}.{}", token.reveal());
    let [owner, editor, viewer] = &tokens;
    let links = Links { owner: link(owner), editor: link(editor), viewer: link(viewer) };
    let kubernetes = Kubernetes {
        server: kubeconfig::server(&base, &id, owner.reveal()),
        token: owner.reveal().to_owned(),
    };
    let location = [(axum::http::header::LOCATION, format!("/api/v1/sessions/{id}"))];
    Ok((StatusCode::CREATED, location, Json(Created { id, links, kubernetes })).into_response())
}

impl Sessions {
    /// What another session that is wanted like this begins with.
    ///
    /// # Errors
    /// There are too many, or it is too large.
    pub async fn admit(&self, scenario: Scenario) -> Result<Scenario, Problem> {
        let limits = self.inner.limits;
        let scenario = limits.bound(scenario).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
        if self.inner.store.count().await? >= limits.sessions {
            let why = "this server keeps as many sessions as it takes: whoever runs it can allow more";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
        }
        Ok(scenario)
    }
}

/// The scenario that was sent.
///
/// # Errors
/// It is too large, or none.
pub async fn body(body: Result<Bytes, BytesRejection>) -> Result<Scenario, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the scenario is too large: at most {MAX_SCENARIO} bytes are read"),
        ),
        status => Problem::new(status, rejection.body_text()),
    })?;
    // Reading takes a while when somebody means harm; others are served meanwhile.
    tokio::task::spawn_blocking(move || read(&body)).await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the scenario failed: this is our bug")
    })?
}

/// The scenario in a body; the opening one when it is empty.
fn read(body: &[u8]) -> Result<Scenario, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = String::from_utf8_lossy(&body[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column =
            before.lines().last().filter(|_| !before.ends_with('\n')).map_or(0, |line| line.chars().count())
                + 1;
        refused(ScenarioError {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            field: String::new(),
            message: "this is no text: a scenario is YAML or JSON in UTF-8".to_owned(),
        })
    })?;
    match text.trim().is_empty() {
        true => Ok(Scenario::opening()),
        false => Scenario::parse(text).map_err(refused),
    }
}

fn refused(error: ScenarioError) -> Problem {
    // What was sent may be quoted in it, and is hostile.
    let short = |text: String| match text.char_indices().nth(LONGEST_FAULT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let detail = short(error.to_string());
    let known = |number: u32| (number > 0).then_some(number);
    let fault = Fault {
        line: known(error.line),
        column: known(error.column),
        field: (!error.field.is_empty()).then(|| short(error.field)),
        message: short(error.message),
    };
    Problem::faults(detail, vec![fault])
}

/// A session that begins now with this scenario.
pub fn record(id: &str, now: u64, mut scenario: Scenario, tokens: [TokenHash; 3]) -> SessionRecord {
    // What is seen first is now, and what led to it was before: whoever reads the cluster's dates has the same clock.
    let begun = now.saturating_sub(scenario.spec.opening.0);
    let epoch = Timestamp::from_millis(i64::try_from(begun).unwrap_or_default()).floor_seconds();
    scenario.spec.epoch.get_or_insert_with(|| epoch.rfc3339().into());
    // Tokens of another session that began alike are not taken, but those are with which steps of this one were done.
    if !scenario.shows_tokens() {
        scenario.spec.options.service_account_key = token::random_id().into();
    }
    SessionRecord {
        id: id.to_owned(),
        created: now,
        engine: ENGINE.to_owned(),
        horizon: scenario.spec.opening.0,
        scenario: serde_json::to_string(&scenario).expect("a scenario always prints"),
        tokens,
        sequence: 0,
        pace: Pace { running: true, speed_milli: 1000 },
        lost: 0,
    }
}

/// `GET /api/v1/sessions/{id}`: nothing that a link's holder would not see at once.
///
/// # Errors
/// There is no such session, or the store fails.
pub async fn describe(State(sessions): State<Sessions>, Path(id): Path<String>) -> Result<Response, Problem> {
    let Some(Live { record, clients }) = sessions.describe(&id).await? else {
        return Err(Problem::no_session(&id));
    };
    let info = Info {
        created: Timestamp::from_millis(i64::try_from(record.created).unwrap_or_default())
            .floor_seconds()
            .rfc3339(),
        recovery: recovery(&record, &sessions.inner.damage),
        engine: Engines { began: record.engine, now: ENGINE },
        commands: record.sequence,
        time: record.horizon,
        running: record.pace.running,
        speed: record.pace.speed_milli,
        clients,
        id: record.id,
    };
    Ok(Json(info).into_response())
}

fn recovery(record: &SessionRecord, damage: &Damage) -> Option<Recovery> {
    let message = match () {
        () if record.lost > 0 => {
            "the end of this session's log was damaged: its intact beginning is kept".to_owned()
        }
        () if damage.torn_bytes > 0 => format!(
            "the last write to the store was not finished ({} bytes): everything before it is kept, and this session \
             is whole unless the store was cut short from outside",
            damage.torn_bytes
        ),
        () if damage.set_aside.is_some() => {
            "the store was damaged and has been repaired: this session is whole".to_owned()
        }
        () => return None,
    };
    Some(Recovery { kept_commands: record.sequence, lost_commands: record.lost, message })
}
