//! Who clients say they are: the bearer token of a request. Pages cannot set headers of the WebSockets that they open; they
//! say it as one of the protocols.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use shared::{api::percent_decode, cluster::HttpResponse, collections::BTreeMap, doc::Str};

use super::{answer, messages, text};

/// What stands before the token among the protocols of a WebSocket.
const PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// How the headers begin that tell what else is known of somebody.
const EXTRA: &str = "impersonate-extra-";

/// The bearer token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token that came as a protocol.
pub fn of_protocols(headers: &HeaderMap) -> Option<String> {
    let offered = text(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str());
    let token = offered.split(',').find_map(|word| word.trim().strip_prefix(PROTOCOL))?;
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// Puts a token that came as a protocol where others have it. The protocol is taken away: it is none to speak.
///
/// # Errors
/// What is said of a token that is none, and of one beside which no protocol is left.
pub fn take_from_protocols(headers: &mut HeaderMap) -> Result<(), HttpResponse> {
    let offered = text(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str());
    if !offered.contains(PROTOCOL) || !messages::is_wanted(headers) {
        return Ok(());
    }
    let words = offered.split(',').map(str::trim);
    let spoken: Vec<&str> = words.filter(|word| !word.is_empty() && !word.starts_with(PROTOCOL)).collect();
    let token =
        of_protocols(headers).and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    let (Some(token), false, Ok(protocols)) =
        (token, spoken.is_empty(), HeaderValue::from_str(&spoken.join(",")))
    else {
        return Err(answer::unauthorized());
    };
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols);
    headers.entry(header::AUTHORIZATION).or_insert(token);
    Ok(())
}

/// What else is known of somebody to speak for.
pub fn extra(headers: &HeaderMap) -> BTreeMap<Str, Vec<Str>> {
    let mut all: BTreeMap<Str, Vec<Str>> = BTreeMap::new();
    for (name, value) in headers {
        if let (Some(key), Ok(value)) = (name.as_str().strip_prefix(EXTRA), value.to_str()) {
            all.entry(percent_decode(key).into()).or_default().push(value.into());
        }
    }
    all
}

/// The header that says more of somebody to speak for than who that is.
pub fn impersonates_nobody(headers: &HeaderMap) -> Option<&str> {
    let of_somebody = |name: &&str| *name == "impersonate-uid" || name.starts_with(EXTRA);
    let named = headers.get("impersonate-user").is_some_and(|name| !name.is_empty());
    headers.keys().map(|name| name.as_str()).find(of_somebody).filter(|_| !named)
}
