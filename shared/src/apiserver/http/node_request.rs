//! `…/pods/NAME/log` and `…/pods/NAME/exec` for clients: [`log_request`], [`exec_request`] and [`exec_result`].
//!
//! A log's answer is its text (`HttpResponse::body` as text, status 200); with `follow` it comes when the container has
//! ended, and what there is meanwhile stands in `Cluster::received`. A program's answer comes when it has ended: status
//! 200 and an [`ExecResult`] in place of the streams that a real server upgrades to; its standard input is the request's
//! body. Refusals are `Status` objects as everywhere.
//!
//! Where the query names a connection (`stream=NAME`), a program is not given all of its input at once: what it writes
//! stands in `Cluster::output` as it comes, and what it reads comes with requests of their own to the same path
//! (`stream=NAME&send=stdin` with the text as the body; `send=end`, `send=INT`, `send=close`).

use crate::api::{Status, is_on};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::{ExecOptions, ExecResult, LogOptions, StreamInput};

use super::{HttpRequest, HttpResponse};

/// Asks for a container's log.
pub fn log_request(namespace: &str, pod: &str, options: &LogOptions) -> HttpRequest {
    let mut query = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        query.extend(value.map(|value| format!("{name}={}", percent_encode(&value))));
    };
    add("container", Some(options.container.to_string()).filter(|name| !name.is_empty()));
    for (name, on) in
        [("follow", options.follow), ("previous", options.previous), ("timestamps", options.timestamps)]
    {
        add(name, on.then(|| "true".into()));
    }
    add("tailLines", options.tail_lines.map(|number| number.to_string()));
    add("sinceSeconds", options.since_seconds.map(|number| number.to_string()));
    add("sinceTime", options.since_time.map(Timestamp::rfc3339));
    add("limitBytes", options.limit_bytes.map(|number| number.to_string()));
    let mark = if query.is_empty() { "" } else { "?" };
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log{mark}{}", query.join("&"));
    HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() }
}

/// Asks for a program to be run in a container.
pub fn exec_request(namespace: &str, pod: &str, options: &ExecOptions) -> HttpRequest {
    let mut query: Vec<String> =
        options.command.iter().map(|word| format!("command={}", percent_encode(word))).collect();
    if !options.container.is_empty() {
        query.push(format!("container={}", percent_encode(&options.container)));
    }
    query.extend((!options.stdin.is_empty()).then(|| "stdin=true".to_owned()));
    query.extend(["stdout=true", if options.tty { "tty=true" } else { "stderr=true" }].map(str::to_owned));
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/exec?{}", query.join("&"));
    HttpRequest {
        method: "POST".into(),
        path: path.into(),
        body: options.stdin.clone(),
        ..HttpRequest::default()
    }
}

/// How the program of an [`exec_request`] went; `None` when the request was refused (then the body is a `Status`).
pub fn exec_result(response: &HttpResponse) -> Option<ExecResult> {
    let body = &response.body;
    (response.is_success() && !body["exitCode"].is_null()).then(|| ExecResult {
        stdout: body["stdout"].str(),
        stderr: body["stderr"].str(),
        exit_code: body["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(1),
        failure: body["failure"].str(),
    })
}

/// The other way round: what stands in the body of the answer.
pub(in crate::apiserver) fn exec_doc(result: &ExecResult) -> Doc {
    let mut body = doc!({ "stdout": &result.stdout, "stderr": &result.stderr, "exitCode": result.exit_code });
    if !result.failure.is_empty() {
        body.set("failure", &result.failure);
    }
    body
}

/// The options of a log, as a document under their own names.
pub(super) fn log_options(query: &[(String, String)]) -> Result<Doc, Status> {
    let mut options = doc!({});
    for (name, value) in query {
        let value = match name.as_str() {
            "container" => Doc::from(value.as_str()),
            "follow" | "previous" | "timestamps" => Doc::Bool(is_on(value)),
            "tailLines" | "sinceSeconds" | "limitBytes" => Doc::from(value.parse::<i64>().map_err(|_| {
                let why = format!("strconv.ParseInt: parsing {}: invalid syntax", Doc::from(value.as_str()));
                Status::bad_request(why)
            })?),
            "sinceTime" => Doc::Time(Timestamp::parse(value).ok_or_else(|| {
                let text = Doc::from(value.as_str());
                let layout = "2006-01-02T15:04:05Z07:00";
                Status::bad_request(format!(
                    "parsing time {text} as \"{layout}\": cannot parse {text} as \"2006\""
                ))
            })?),
            _ => continue,
        };
        options.set(name.as_str(), value);
    }
    Ok(options)
}

/// The options of a connection, as a document.
pub(super) fn connection_options(query: &[(String, String)], stdin: &Str) -> Doc {
    let all = |wanted: &str| -> Vec<&str> {
        query.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
    };
    let container = all("container").first().map_or(Str::new(), |name| (*name).into());
    let on = |name: &str| all(name).first().is_some_and(|on| is_on(on));
    let words: Vec<Doc> = all("command").into_iter().map(|word| Doc::Str(word.into())).collect();
    let mut options = doc!({ "container": container, "command": words, "stdin": stdin, "tty": on("tty") });
    for name in ["stream", "send"] {
        if let Some(value) = all(name).first() {
            options.set(name, Doc::Str((*value).into()));
        }
    }
    options.set("open", on("stdin"));
    let port = all("ports").first().and_then(|port| port.parse::<u16>().ok());
    options.set("port", i64::from(port.unwrap_or(0)));
    options
}

/// What is sent over a connection that is open, if that is what a request is about.
pub(in crate::apiserver) fn stream_input(options: &Doc) -> Option<(Str, StreamInput)> {
    let input = match options["send"].as_str()? {
        "stdin" => StreamInput::Text(options["stdin"].str()),
        "end" => StreamInput::End,
        "INT" => StreamInput::Signal("INT"),
        "QUIT" => StreamInput::Signal("QUIT"),
        _ => StreamInput::Closed,
    };
    Some((options["stream"].str(), input))
}

impl LogOptions {
    /// Reads what [`log_options`] made.
    pub(in crate::apiserver) fn read(doc: &Doc) -> LogOptions {
        let on = |name: &str| doc[name].as_bool() == Some(true);
        LogOptions {
            container: doc["container"].str(),
            follow: on("follow"),
            previous: on("previous"),
            timestamps: on("timestamps"),
            tail_lines: doc["tailLines"].as_i64(),
            since_seconds: doc["sinceSeconds"].as_i64(),
            since_time: doc["sinceTime"].as_time(),
            limit_bytes: doc["limitBytes"].as_i64(),
        }
    }
}

impl ExecOptions {
    /// Reads what [`connection_options`] made.
    pub(in crate::apiserver) fn read(doc: &Doc) -> ExecOptions {
        ExecOptions {
            container: doc["container"].str(),
            command: doc["command"].items().iter().map(Doc::str).collect(),
            stdin: doc["stdin"].str(),
            tty: doc["tty"].as_bool() == Some(true),
            stream: doc["stream"].str(),
            open: !doc["stream"].str().is_empty() && doc["open"].as_bool() == Some(true),
        }
    }
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
