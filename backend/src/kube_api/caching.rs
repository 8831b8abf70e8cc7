//! Documents that clients keep: each has a tag, and whoever has the same already is not told again.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use sha2::{Digest, Sha512};
use shared::{
    cluster::{HttpRequest, HttpResponse},
    doc::Timestamp,
    session::protocol::Role,
};

use super::{
    answer::{Wanted, whole},
    openapi::Form,
    openapi_v2,
    replica::{Handle, Reply},
};

/// A document's tag, and how clients may keep it.
pub struct Tag {
    text: String,
    /// What it is told by, beside the tag.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Tag {
    /// The tag of what was answered, if clients keep such; a document of version 3 has its own in the index.
    pub fn of(answer: &HttpResponse, wanted: &Wanted) -> Option<Self> {
        if answer.code != 200 {
            return None;
        }
        let vary = (header::VARY, HeaderValue::from_static("Accept"));
        let path = wanted.path.trim_end_matches('/');
        if answer.body["kind"].as_str() == Some("APIGroupDiscoveryList") {
            let public = (header::CACHE_CONTROL, HeaderValue::from_static("public"));
            return Some(Self { text: tag(answer.body.to_json().as_bytes()), headers: vec![vary, public] });
        }
        if path.ends_with("/openapi/v3") {
            return Some(Self { text: tag(answer.body.to_json().as_bytes()), headers: Vec::new() });
        }
        let two = Form::at(path) == Some(Form::Two);
        two.then(|| Self { text: openapi_v2::tag(&answer.body), headers: vec![vary] })
    }

    /// That of a document of version 3, which the index has. The error leads to the address with the right one.
    pub async fn of_group(
        handle: &Handle,
        role: Role,
        http: &HttpRequest,
        wanted: &Wanted,
    ) -> Option<Result<Self, Box<Response>>> {
        let (way, group) = wanted.path.split_once("/openapi/v3/")?;
        let index = HttpRequest { path: "/openapi/v3".into(), accept: "".into(), ..http.clone() };
        let Reply::Answer(index) = handle.ask(role, index).await else { return None };
        let url = index.body["paths"][group.trim_end_matches('/')]["serverRelativeURL"].str();
        let (_, text) = url.split_once("?hash=")?;
        let mut headers = vec![(header::VARY, HeaderValue::from_static("Accept"))];
        if !wanted.hash.is_empty() && wanted.hash != text {
            return HeaderValue::from_str(&format!("{way}{url}")).ok().map(|to| Err(Box::new(elsewhere(to))));
        }
        if !wanted.hash.is_empty() {
            // What is at this address never changes.
            headers.push((header::CACHE_CONTROL, HeaderValue::from_static("public, immutable")));
            headers.extend(HeaderValue::from_str(&in_a_year()).ok().map(|when| (header::EXPIRES, when)));
        }
        Some(Ok(Self { text: text.to_owned(), headers }))
    }

    /// Whether the client has the same already.
    pub fn is_known(&self, wanted: &Wanted) -> bool {
        let mut known = wanted.known.split(',').map(str::trim);
        known.any(|one| one == "*" || one.trim_start_matches("W/").trim_matches('"') == self.text)
    }

    /// The answer, or that it is the same as before.
    pub fn tell(self, answer: &HttpResponse, wanted: &Wanted) -> Response {
        let known = self.is_known(wanted);
        let mut response = if known { Response::new(Body::empty()) } else { whole(answer, wanted) };
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        }
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.text)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// As upstream makes tags.
pub fn tag(bytes: &[u8]) -> String {
    Sha512::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}

fn elsewhere(to: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, to);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// `Tue, 30 Nov 2027 01:02:03 GMT`
fn in_a_year() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let seconds = seconds + 365 * 86_400;
    let at = Timestamp::from_millis(seconds * 1000);
    let ((year, month, day), text) = (at.date(), at.rfc3339());
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const DAYS: &str = "ThuFriSatSunMonTueWed";
    let name = |names: &'static str, at: i64| {
        let at = usize::try_from(at * 3).unwrap_or_default();
        names.get(at..at + 3).unwrap_or_default()
    };
    let weekday = name(DAYS, (seconds / 86_400) % 7);
    let time = text.get(11..19).unwrap_or_default();
    format!("{weekday}, {day:02} {} {year} {time} GMT", name(MONTHS, month - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_a_date() {
        let text = in_a_year();
        assert_eq!(text.len(), "Tue, 30 Nov 2027 01:02:03 GMT".len(), "{text}");
    }

    #[test]
    fn a_known_tag_is_found_among_others() {
        let tag = Tag { text: "AB".into(), headers: Vec::new() };
        let wanted = |known: &str| Wanted {
            path: String::new(),
            accept: String::new(),
            pretty: false,
            known: known.into(),
            hash: String::new(),
        };
        for (known, is) in
            [("\"AB\"", true), ("W/\"x\", W/\"AB\"", true), ("*", true), ("", false), ("\"A\"", false)]
        {
            assert_eq!(tag.is_known(&wanted(known)), is, "{known}");
        }
    }
}
