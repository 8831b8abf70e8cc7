//! Requests as text, as HTTP has them: method and path, headers, an empty line, a body.

use shared::cluster::HttpRequest;

/// Reads a request; whatever it is, it is one.
pub fn request(text: &str) -> HttpRequest {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (method, path) = first.split_once(' ').unwrap_or(("GET", first));
    let mut request =
        HttpRequest { method: method.into(), path: path.into(), body: body.into(), ..HttpRequest::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        match name {
            "accept" => request.accept = value.into(),
            "authorization" => request.authorization = value.into(),
            "content-type" => request.content_type = value.into(),
            "impersonate-user" => request.impersonate = value.into(),
            "impersonate-group" => request.impersonate_groups.push(value.into()),
            _ => {}
        }
    }
    request
}
