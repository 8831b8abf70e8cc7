//! `/k8s/{key}/…`: a session as a Kubernetes API server, for kubectl and every other client.
//!
//! The key is the session's name and the token of one of its links in one word: whoever has it has the role that it
//! stands for. It is part of the path because clients keep their tokens to themselves on plain http; no log has it.
//! Who sends it as bearer token may leave that part of the path out ([`root`]).
//!
//! A replica of the session ([`replica`]) answers: what only reads is answered from its state, what may change something
//! is put into the session's log first, and answered when that is on disk and played.

mod answer;
mod caching;
mod channels;
mod connection;
mod credentials;
mod documentation;
mod flow;
mod intake;
pub mod kubeconfig;
mod logs;
mod messages;
mod node_metrics;
mod openapi;
mod openapi_v2;
mod port_forward;
mod programs;
mod protobuf;
mod remote_command;
mod replica;
mod requests;
pub mod root;
mod spdy;
mod streams;
mod terminal;
mod token_review;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderName, Method, StatusCode, Version, header, request::Parts},
    response::Response,
    routing::any,
};
use shared::{
    cluster::{HttpRequest, HttpResponse},
    doc::Str,
    session::protocol::Role,
};
use tower_http::{
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};

pub use self::credentials::bearer;
use self::{
    intake::Intake,
    replica::{Handle, Reply},
    requests::Asked,
};
use crate::sessions::{Sessions, role_of, token};

/// A request takes this much of the session's log at most: pages read no longer frames.
const MAX_ENTRY: usize = 4_000_000;

/// What tells one request from the others, in the answer too.
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The Kubernetes endpoints of all sessions. Cheap to clone.
#[derive(Clone)]
pub struct KubeApi {
    sessions: Sessions,
    replicas: Arc<Mutex<HashMap<String, Handle>>>,
    intake: Intake,
}

/// The routes below `/k8s`, and those of clients that leave it out.
pub fn routes(sessions: Sessions) -> Router {
    let whole = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<answer::Large>().is_some()
    };
    let at_root = root::paths().into_iter();
    at_root
        .fold(Router::new(), |router, path| router.route(&path, any(serve)))
        .route("/k8s/{key}", any(serve))
        .route("/k8s/{key}/", any(serve))
        .route("/k8s/{key}/{*path}", any(serve))
        .layer(CompressionLayer::new().compress_when(whole))
        .layer(PropagateRequestIdLayer::new(AUDIT_ID))
        .layer(SetRequestIdLayer::new(AUDIT_ID, MakeRequestUuid))
        .with_state(KubeApi { sessions, replicas: Arc::default(), intake: Intake::default() })
}

async fn serve(State(api): State<KubeApi>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let wanted = answer::Wanted::of(&parts);
    if let Err(why) = credentials::take_from_protocols(&mut parts.headers) {
        return answer::whole(&why, &wanted);
    }
    if let Some(answer) = root::enter(&mut parts) {
        return answer::whole(&answer, &wanted);
    }
    let refuse = |why: &HttpResponse| answer::whole(why, &wanted);
    let (handle, role) = match api.enter(&parts).await {
        Ok(entered) => entered,
        Err(why) => return refuse(&why),
    };
    if !answer::is_acceptable(&wanted.accept, &wanted.path) && !wanted.accept.contains(protobuf::MEDIA_TYPE) {
        let why = answer::not_acceptable();
        return refuse(&may_ask(&handle, role, &parts).await.err().unwrap_or(why));
    }
    // Its place is free when the answer is there.
    let (body, _place) = match api.intake.read(body).await {
        Ok(read) => read,
        Err(why) => return refuse(&why),
    };
    let http = match decode(&parts, role.1.clone(), &body) {
        Ok(http) => http,
        Err(why) => return refuse(&may_ask(&handle, role, &parts).await.err().unwrap_or(why)),
    };
    let asked = HttpRequest { body: "".into(), ..http.clone() };
    let mut response = respond(&handle, role.0, parts, http, &wanted).await;
    // Whoever asks too often is sent away without another look.
    if response.status() != StatusCode::TOO_MANY_REQUESTS
        && let Some(flow) = handle.flow(role.0, asked).await
    {
        flow.tell(&mut response);
    }
    response
}

/// The answer to a request that could be read.
async fn respond(
    handle: &Handle,
    role: Role,
    mut parts: Parts,
    mut http: HttpRequest,
    wanted: &answer::Wanted,
) -> Response {
    let refuse = |why: &HttpResponse| answer::whole(why, wanted);
    let passed_on = is_passed_on(&http.path);
    if passed_on
        && http.method == "GET"
        && let Some(response) = answer::with_slash(&parts.uri)
    {
        return response;
    }
    if let Some(purpose) = connection::Purpose::of(&http).filter(|_| connection::is_method(&http.method)) {
        let (asked, began) = (Asked::of(&http), Instant::now());
        let line = connection::Line { http, role, handle: handle.clone() };
        let served = connection::serve(parts, purpose, line).await;
        // Upstream, a connection that was taken over has no code, either.
        let code = served.as_ref().err().map_or(0, |why| why.code);
        handle.requests().count(asked, code, true, began.elapsed());
        return served.unwrap_or_else(|why| refuse(&why));
    }
    let socket = messages::is_wanted(&parts.headers);
    let review = token_review::Review::of(&mut http, handle, session_of(&parts));
    let (asked, began) = (Asked::of(&http), Instant::now());
    let schemas = openapi::Form::at(&wanted.path).map(|form| (form, http.clone()));
    let mut reply = match node_metrics::Asked::of(&http) {
        Some(page) => page.answer(handle, role, http).await,
        None => handle.ask(role, http).await,
    };
    if let (Some(review), Reply::Answer(answer)) = (review, &mut reply) {
        review.answer(handle, answer).await;
    }
    let (code, known) = match &mut reply {
        Reply::Answer(answer) if asked.is_metrics() && answer.code == 200 => {
            let counts = handle.requests().text();
            answer.body = format!("{}{counts}", answer.body.str()).into();
            (200, true)
        }
        // Where nothing is served, the answer is a text.
        Reply::Answer(answer) => (answer.code, answer.code != 404 || answer.body.as_str().is_none()),
        Reply::Watch(_) | Reply::Log(_) | Reply::Program(_) => (200, true),
    };
    if let Reply::Answer(answer) = &reply
        && socket
        && answer.code == 200
        && asked.is_log()
    {
        reply = Reply::Log(messages::whole(answer.body.str().to_string()));
    }
    handle.requests().count(asked, code, known, began.elapsed());
    match reply {
        Reply::Watch(events) if socket => {
            let served = messages::serve(&mut parts, messages::Told::Events, events).await;
            served.unwrap_or_else(|why| refuse(&why))
        }
        Reply::Log(pieces) if socket => {
            let served = messages::serve(&mut parts, messages::Told::Log, pieces).await;
            served.unwrap_or_else(|why| refuse(&why))
        }
        Reply::Answer(answer) if passed_on => answer::passed_on(&answer, wanted),
        Reply::Answer(mut answer) => {
            let mut tag = None;
            if let Some((form, http)) = schemas.filter(|_| answer.code == 200) {
                if form == openapi::Form::Three {
                    tag = match caching::Tag::of_group(handle, role, &http, wanted).await {
                        Some(Err(elsewhere)) => return *elsewhere,
                        Some(Ok(tag)) if tag.is_known(wanted) => return tag.tell(&answer, wanted),
                        tag => tag.and_then(Result::ok),
                    };
                }
                if let Err(why) = openapi::add_served(handle, role, &http, &mut answer.body).await {
                    return refuse(&why);
                }
                if form == openapi::Form::Three {
                    openapi::complete(form, &wanted.path, &mut answer.body);
                }
            }
            documentation::tell_whole_addresses(&wanted.path, &mut answer.body);
            match tag.or_else(|| caching::Tag::of(&answer, wanted)) {
                Some(tag) => tag.tell(&answer, wanted),
                None => answer::whole(&answer, wanted),
            }
        }
        Reply::Watch(parts) if answer::is_protobuf(&wanted.accept) => answer::framed(parts),
        Reply::Watch(parts) => answer::streamed(parts, "application/json"),
        Reply::Log(parts) => answer::streamed(parts, "text/plain; charset=utf-8"),
        Reply::Program(_) => refuse(&answer::status(500, "InternalError", "no program was to be run")),
    }
}

impl KubeApi {
    /// The replica that a key opens, the role of whoever has it, and what else they say who they are.
    async fn enter(&self, parts: &Parts) -> Result<(Handle, (Role, Str)), HttpResponse> {
        let rest = parts.uri.path().strip_prefix("/k8s/").unwrap_or_default();
        let key = rest.split('/').next().unwrap_or_default();
        let (id, token) = key.split_at_checked(token::ID_LENGTH).ok_or_else(answer::unauthorized)?;
        let known = self.replicas().get(id).filter(|handle| handle.is_open()).cloned();
        let handle = match known {
            Some(handle) => handle,
            None => {
                let record = self.sessions.record(id).await.map_err(|error| {
                    tracing::error!(%error, "a session cannot be read");
                    answer::status(503, "ServiceUnavailable", "this session cannot be read")
                })?;
                let record = record.ok_or_else(answer::unauthorized)?;
                role_of(&record.tokens, token).ok_or_else(answer::unauthorized)?;
                self.open(id, record.tokens)
            }
        };
        let role = role_of(handle.tokens(), token).ok_or_else(answer::unauthorized)?;
        // The link's own token, or one of the cluster inside.
        let given = text(&parts.headers, header::AUTHORIZATION.as_str());
        let given_token = bearer(&parts.headers).map(|token| token.strip_prefix(id).unwrap_or(token));
        let own = given_token.and_then(|token| role_of(handle.tokens(), token));
        let given = if own.is_some() { Str::new() } else { given.into() };
        Ok((handle, (role.min(own.unwrap_or(role)), given)))
    }

    /// Somebody else may have opened it meanwhile: then that is it.
    fn open(&self, id: &str, tokens: [crate::storage::TokenHash; 3]) -> Handle {
        let mut replicas = self.replicas();
        replicas.retain(|_, handle| handle.is_open());
        let handle = replicas
            .entry(id.to_owned())
            .or_insert_with(|| replica::open(self.sessions.clone(), id.to_owned(), tokens));
        handle.clone()
    }

    fn replicas(&self) -> std::sync::MutexGuard<'_, HashMap<String, Handle>> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the session, of whose key it is the beginning.
fn session_of(parts: &Parts) -> &str {
    let key =
        parts.uri.path().strip_prefix("/k8s/").unwrap_or_default().split('/').next().unwrap_or_default();
    key.get(..token::ID_LENGTH).unwrap_or_default()
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// Who does not say under which name they write goes by the first part of the name of their program.
fn with_manager<'a>(method: &Method, path: &'a str, agent: &str) -> Cow<'a, str> {
    let writes = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    let manager = agent.split('/').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let says = query.split('&').any(|part| part.starts_with("fieldManager="));
    if !writes || says || manager.is_empty() || manager.len() > 128 || !manager.bytes().all(plain) {
        return Cow::Borrowed(path);
    }
    let joint = if path.contains('?') { '&' } else { '?' };
    Cow::Owned(format!("{path}{joint}fieldManager={manager}"))
}

/// Whether a request is for something in the cluster: the server only passes it on (`…/pods/NAME/proxy/…`).
fn is_passed_on(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or("");
    let parts: Vec<&str> = path.split('/').skip(1).take(7).collect();
    matches!(
        parts.as_slice(),
        ["api", "v1", "namespaces", _, "pods" | "services", _, "proxy"]
            | ["api", "v1", "nodes", _, "proxy", ..]
    )
}

/// Whether somebody may ask at all for what cannot be read: that comes first. Nothing is changed by it.
async fn may_ask(
    handle: &Handle,
    (role, authorization): (Role, Str),
    parts: &Parts,
) -> Result<(), HttpResponse> {
    let Ok(mut http) = decode(parts, authorization, b"") else { return Ok(()) };
    if role.may_act() && http.authorization.is_empty() && http.impersonate.is_empty() {
        return Ok(());
    }
    let joint = if http.path.contains('?') { '&' } else { '?' };
    http.path = format!("{}{joint}dryRun=All", http.path).into();
    match handle.ask(role, http).await {
        Reply::Answer(answer) if matches!(answer.code, 401 | 403) => Err(answer),
        _ => Ok(()),
    }
}

/// The request as the simulated API server takes it; `authorization` as it is to see it.
fn decode(parts: &Parts, authorization: Str, body: &[u8]) -> Result<HttpRequest, HttpResponse> {
    let whole = parts.uri.path_and_query().map_or("", |path| path.as_str());
    if let Some(header) = credentials::impersonates_nobody(&parts.headers) {
        let why = format!("Internal Server Error: requested [{header}] without impersonating a user");
        return Err(answer::status(500, "InternalError", &why));
    }
    let path = whole.strip_prefix("/k8s/").and_then(|rest| rest.find(['/', '?']).map(|at| &rest[at..]));
    let path = path.unwrap_or("/");
    // Whoever comes through `kubectl proxy` asks for an address of ours in whole, and it puts the same before that.
    let path = path.strip_prefix(&whole[..whole.len() - path.len()]).unwrap_or(path);
    let passed_on = is_passed_on(path);
    let path = match body {
        _ if passed_on => Cow::Borrowed(path),
        [] => Cow::Borrowed(path),
        // Who applies says who they are.
        _ if text(&parts.headers, header::CONTENT_TYPE.as_str()).starts_with("application/apply-patch") => {
            Cow::Borrowed(path)
        }
        _ => with_manager(&parts.method, path, &text(&parts.headers, header::USER_AGENT.as_str())),
    };
    let mut content_type = text(&parts.headers, header::CONTENT_TYPE.as_str());
    let body = if passed_on {
        String::from_utf8_lossy(body).into_owned()
    } else if content_type.starts_with(protobuf::MEDIA_TYPE) && !body.is_empty() {
        content_type = "application/json".to_owned();
        let read = protobuf::to_json(body).map_err(|why| answer::status(400, "BadRequest", &why))?;
        read.to_string()
    } else {
        let unreadable = |_| answer::status(400, "BadRequest", "the body of the request is no text in UTF-8");
        let is_text =
            ["json", "yaml"].iter().any(|kind| content_type.contains(kind)) || content_type.is_empty();
        match String::from_utf8(body.to_vec()) {
            // Whatever it is, the API takes nothing of its kind, and says so.
            Err(_) if !is_text => String::new(),
            text => text.map_err(unreadable)?,
        }
    };
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if changes && serde_json::to_string(&body).is_ok_and(|quoted| quoted.len() > MAX_ENTRY) {
        return Err(intake::too_large());
    }
    let groups = parts.headers.get_all("impersonate-group").iter();
    // What serves the API takes no HEAD; the checks and what is behind proxies do.
    let of_api = !passed_on && (path.starts_with("/api") || path.starts_with("/version"));
    let head_is_get = parts.method == Method::HEAD && !of_api;
    Ok(HttpRequest {
        method: if head_is_get { "GET" } else { parts.method.as_str() }.into(),
        path: path.as_ref().into(),
        content_type: content_type.into(),
        accept: answer::accepted(&parts.headers).into(),
        impersonate: text(&parts.headers, "impersonate-user").into(),
        impersonate_groups: groups.filter_map(|group| group.to_str().ok()).map(Str::from).collect(),
        impersonate_uid: text(&parts.headers, "impersonate-uid").into(),
        impersonate_extra: credentials::extra(&parts.headers),
        authorization,
        body: body.into(),
    })
}
