//! Links that are too long for where people send them: the server keeps the text under a short name. The name follows from
//! the text, so the same cluster has the same link, and nobody can put another in its place.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::session::link;

use crate::{
    error::Problem,
    guesses::Guesses,
    origin,
    storage::{Store, StoreError},
    websocket::{Bucket, Rate},
};

/// The longest link that is kept, in bytes.
const LONGEST: usize = 256 << 10;

/// Bytes of the digest that make a name: nobody finds two texts of one name.
const NAME: usize = 12;

/// How many links one network may have kept. A class shares one.
const RATE: Rate = Rate { per_second: 0.2, burst: 60.0 };

/// As many networks are remembered; those that asked for nothing lately are forgotten first.
const NETWORKS: usize = 10_000;

/// Links that are kept. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    store: Store,
    guesses: Guesses,
    most: u32,
    asked: Arc<Mutex<HashMap<IpAddr, Bucket>>>,
}

#[derive(Serialize)]
struct Kept {
    name: String,
    link: String,
}

impl Links {
    /// Keeps at most so many.
    pub fn new(store: Store, guesses: Guesses, most: u32) -> Self {
        Self { store, guesses, most, asked: Arc::default() }
    }

    fn may_ask(&self, from: IpAddr) -> bool {
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= NETWORKS {
            asked.retain(|_, bucket| !bucket.is_full(now));
        }
        if asked.len() >= NETWORKS && !asked.contains_key(&from) {
            return false;
        }
        asked.entry(from).or_insert_with(|| Bucket::new(RATE, now)).take(now)
    }
}

/// `POST /api/v1/links`: the body is what follows `#` in a link.
///
/// # Errors
/// A page from elsewhere, too many from one network, a body that is no link of ours or too long, or a store that is full.
pub async fn keep(State(links): State<Links>, request: Request) -> Result<Response, Problem> {
    if origin::is_foreign(request.headers()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "only pages from this server may have links kept here",
        ));
    }
    let base = origin::base_url(request.headers())
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Host header names no host"))?;
    if links.guesses.from(&request).is_some_and(|from| !links.may_ask(from)) {
        let why =
            "many short links were made from this network just now: wait a minute, or send the long one";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let text = text(request).await?;
    let name = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&text)[..NAME]);
    let known = links.store.link(&name).await?.is_some();
    if !known {
        if links.store.links().await? >= links.most {
            let why = "this server keeps as many links as it takes: whoever runs it can allow more";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
        }
        links.store.keep_link(name.clone(), text).await?;
    }
    let status = if known { StatusCode::OK } else { StatusCode::CREATED };
    let location = [(header::LOCATION, format!("/api/v1/links/{name}"))];
    let link = format!("{base}/#l={name}");
    Ok((status, location, Json(Kept { name, link })).into_response())
}

/// The link in a body. Only what opens is kept: this is no place for other things.
async fn text(request: Request) -> Result<String, Problem> {
    let body = axum::body::to_bytes(request.into_body(), LONGEST).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the link is too long: at most {LONGEST} bytes are kept"),
        )
    })?;
    let refused = |why: String| Problem::new(StatusCode::BAD_REQUEST, why);
    let text = String::from_utf8(body.into()).map_err(|_| refused("this is no text".to_owned()))?;
    // Unpacking takes a while when somebody means harm; others are served meanwhile.
    let unpacked = tokio::task::spawn_blocking(move || link::decode(&text).map(|_| text));
    let unpacked = unpacked.await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the link failed: this is our bug")
    })?;
    unpacked.map_err(|why| refused(why.to_string()))
}

/// `GET /api/v1/links/{name}`: the text.
///
/// # Errors
/// There is none of this name, or a store that fails.
pub async fn read(State(links): State<Links>, Path(name): Path<String>) -> Result<Response, Problem> {
    let none =
        || Problem::new(StatusCode::NOT_FOUND, "there is no link of this name here: copy all of it again");
    let is_name = BASE64_URL_SAFE_NO_PAD.decode(&name).is_ok_and(|bytes| bytes.len() == NAME);
    let link = if is_name { links.store.link(&name).await? } else { None }.ok_or_else(none)?;
    if BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&link)[..NAME]) != name {
        return Err(StoreError::Failed(format!("the link {name} was changed in the store")).into());
    }
    // Frames without an origin open links, too. There is no secret in one: whoever has its name may read it.
    let headers = [(header::CONTENT_TYPE, "text/plain"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    Ok((headers, link).into_response())
}
