//! Rooms over HTTP: opening one, coming in, and what came of it.

use std::{net::IpAddr, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use shared::doc::Timestamp;

use super::{Refusal, Rooms, Shared, now, plain, qr, results, room::Room};
use crate::{
    error::Problem,
    kube_api::bearer,
    origin,
    sessions::{http as sessions, name, token},
};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, why) = match refusal {
            Refusal::Unknown => (StatusCode::NOT_FOUND, "there is no room with this code: look at it again"),
            Refusal::Ended => (StatusCode::GONE, "this room has ended: ask the instructor for a new one"),
            Refusal::Full => (StatusCode::CONFLICT, "every place in this room is taken: ask the instructor"),
            Refusal::WrongToken => {
                (StatusCode::UNAUTHORIZED, "this takes the room's own token as `Authorization: Bearer`")
            }
            Refusal::TooMany => {
                (StatusCode::TOO_MANY_REQUESTS, "this server has as many rooms as it takes: try again later")
            }
            Refusal::Store(error) => return error.into(),
        };
        Self::new(status, why)
    }
}

/// How a room is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    title: String,
    seats: Option<u32>,
    hours: Option<u32>,
}

#[derive(Serialize)]
struct Opened {
    code: String,
    title: String,
    seats: u32,
    ends: String,
    /// What participants open.
    join: String,
    /// That as a picture.
    qr: String,
    /// The instructor's token, and the page with it.
    token: String,
    link: String,
    /// The instructor's shared session; its owner's token is the instructor's.
    session: String,
}

#[derive(Serialize)]
struct Info {
    code: String,
    title: String,
    seats: u32,
    taken: usize,
    ends: String,
    open: bool,
}

/// Who wants to come in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    name: String,
}

#[derive(Serialize)]
struct Enrolled {
    number: u32,
    /// What they are called here: somebody else may have had the name already.
    name: String,
    /// It opens the room, and the session as its owner.
    token: String,
    session: String,
}

fn ours_alone(headers: &HeaderMap) -> Result<(), Problem> {
    match origin::is_foreign(headers) {
        true => {
            Err(Problem::new(StatusCode::FORBIDDEN, "only pages from this server may speak to its rooms"))
        }
        false => Ok(()),
    }
}

fn date(millis: u64) -> String {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()).floor_seconds().rfc3339()
}

impl Rooms {
    /// Where others come in. The instructor's browser may call this server `localhost`: for others that is themselves.
    pub(super) fn join_address(&self, headers: &HeaderMap, code: &str) -> Result<String, Problem> {
        let base = origin::base_url(headers)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Host header names no host"))?;
        Ok(format!("{}/#room={code}", reachable(&base, self.inner.reachable)))
    }

    /// A room, for whoever has the instructor's token.
    async fn own(&self, code: &str, headers: &HeaderMap) -> Result<Shared, Problem> {
        let room = self.find(code).await?;
        let hash = bearer(headers).map(token::hash);
        let owner = room.lock().await.record.owner;
        if hash == Some(owner) { Ok(room) } else { Err(Refusal::WrongToken.into()) }
    }
}

fn reachable(base: &str, address: Option<IpAddr>) -> String {
    let (scheme, host) = base.split_once("://").unwrap_or(("http", base));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    };
    let local = matches!(name, "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0" | "[::]");
    match address.filter(|_| local) {
        None => base.to_owned(),
        Some(address) => {
            let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://{address}{port}")
        }
    }
}

/// `POST /api/v1/rooms?title=…&seats=…&hours=…`: the body is the scenario that everybody begins with.
///
/// # Errors
/// A page from elsewhere, a body that is no scenario, more than this server allows, or a store that fails.
pub async fn open(
    State(rooms): State<Rooms>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    ours_alone(&headers)?;
    let limits = rooms.inner.limits;
    let seats = wanted.seats.unwrap_or(limits.seats);
    let most_hours = limits.lasts.as_secs() / 3600;
    let hours = wanted.hours.map_or(most_hours, u64::from);
    if !(1..=limits.seats).contains(&seats) {
        let why = format!("a room here has between 1 and {} places", limits.seats);
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    if !(1..=most_hours.max(1)).contains(&hours) {
        let why = format!("a room here lasts between 1 and {most_hours} hours");
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    let scenario = sessions::body(body).await?;
    let scenario = rooms.inner.sessions.admit(scenario).await?;
    let title = match name::clean(&wanted.title) {
        Some(title) => title,
        None => scenario.metadata.name.to_string(),
    };
    let lasts = if wanted.hours.is_none() { limits.lasts } else { Duration::from_secs(hours * 3600) };
    let (room, token) = rooms.open(&title, scenario, seats, lasts).await?;
    let join = rooms.join_address(&headers, &room.code)?;
    let opened = Opened {
        qr: format!("/api/v1/rooms/{}/qr.svg", room.code),
        link: format!("{}.{}", join, token.reveal()),
        token: token.reveal().to_owned(),
        ends: date(room.ends),
        session: room.shared,
        title: room.title,
        seats,
        join,
        code: room.code,
    };
    let location = [(header::LOCATION, format!("/api/v1/rooms/{}", opened.code))];
    Ok((StatusCode::CREATED, location, Json(opened)).into_response())
}

/// `GET /api/v1/rooms/{code}`: what somebody sees before they come in.
///
/// # Errors
/// There is no such room, or the store fails.
pub async fn describe(State(rooms): State<Rooms>, Path(code): Path<String>) -> Result<Response, Problem> {
    let room = rooms.find(&code).await?;
    let room = room.lock().await;
    let info = Info {
        code: room.record.code.clone(),
        title: room.record.title.clone(),
        seats: room.record.seats,
        taken: room.participants.len(),
        ends: date(room.record.ends),
        open: room.record.ends > now(),
    };
    Ok(Json(info).into_response())
}

/// `POST /api/v1/rooms/{code}/participants`, `{"name": …}`
///
/// # Errors
/// A page from elsewhere, no name, no such room, one that is full or has ended, or a store that fails.
pub async fn enrol(
    State(rooms): State<Rooms>,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    ours_alone(&headers)?;
    let no_name = || Problem::new(StatusCode::BAD_REQUEST, "send your name as {\"name\": \"…\"}");
    let body = body.map_err(|_| no_name())?;
    let Enrolment { name: wanted } = serde_json::from_slice(&body).map_err(|_| no_name())?;
    let wanted = name::clean(&wanted).ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "a name has at least one letter that can be seen")
    })?;
    let (record, token) = rooms.enrol(&code, &wanted).await?;
    let enrolled = Enrolled {
        number: record.number,
        name: record.name,
        token: token.reveal().to_owned(),
        session: record.session,
    };
    Ok((StatusCode::CREATED, Json(enrolled)).into_response())
}

/// `GET /api/v1/rooms/{code}/qr.svg`
///
/// # Errors
/// There is no such room.
pub async fn picture(
    State(rooms): State<Rooms>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let room = rooms.find(&code).await?;
    let code = room.lock().await.record.code.clone();
    let svg = qr::svg(&rooms.join_address(&headers, &code)?)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "this address is too long for a picture"))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// `GET /api/v1/rooms/{code}/results` (JSON, or CSV with `?format=csv`), for the instructor.
///
/// # Errors
/// There is no such room, or this is not its instructor.
pub async fn results(
    State(rooms): State<Rooms>,
    Path(code): Path<String>,
    Query(wanted): Query<Format>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let room = rooms.own(&code, &headers).await?;
    let room = room.lock().await;
    Ok(match wanted.format.as_str() {
        "csv" => attachment(&room, "csv", "text/csv; charset=utf-8", results::csv(&room)),
        _ => attachment(&room, "json", "application/json", results::json(&room)),
    })
}

/// How results are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Format {
    format: String,
}

fn attachment(room: &Room, ending: &str, kind: &'static str, text: String) -> Response {
    let name = format!("attachment; filename=\"room-{}.{ending}\"", room.record.code);
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], text).into_response()
}

/// `GET /api/v1/rooms/{code}/participants/{number}/run`: what somebody did, as a scenario; for the instructor and
/// whose it is.
///
/// # Errors
/// There is no such room or participant, or it is not for this reader.
pub async fn run(
    State(rooms): State<Rooms>,
    Path((code, number)): Path<(String, u32)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let room = rooms.find(&code).await?;
    let hash = bearer(&headers).map(token::hash);
    let session = {
        let room = room.lock().await;
        let participant = room.participants.get(&number);
        let may = hash.is_some_and(|hash| {
            hash == room.record.owner || participant.is_some_and(|one| one.record.token == hash)
        });
        if !may {
            return Err(Refusal::WrongToken.into());
        }
        let none = || Problem::new(StatusCode::NOT_FOUND, "there is no such participant in this room");
        participant.ok_or_else(none)?.record.session.clone()
    };
    let scenario = rooms.run_of(&session).await.map_err(|why| Problem::new(StatusCode::CONFLICT, why))?;
    Ok(Json(scenario).into_response())
}

/// `DELETE /api/v1/rooms/{code}`: with everything in it, for the instructor.
///
/// # Errors
/// There is no such room, this is not its instructor, or the store fails.
pub async fn delete(
    State(rooms): State<Rooms>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    ours_alone(&headers)?;
    rooms.own(&code, &headers).await?;
    let code = plain(&code).ok_or(Refusal::Unknown)?;
    rooms.delete(&code).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_not_sent_to_themselves() {
        let lan = Some(IpAddr::from([192, 168, 1, 7]));
        assert_eq!(reachable("http://127.0.0.1:8080", lan), "http://192.168.1.7:8080");
        assert_eq!(reachable("http://localhost", lan), "http://192.168.1.7");
        assert_eq!(reachable("http://[::1]:80", lan), "http://192.168.1.7:80");
        assert_eq!(reachable("http://127.0.0.1:8080", None), "http://127.0.0.1:8080");
        assert_eq!(reachable("https://k.example", lan), "https://k.example");
    }
}
