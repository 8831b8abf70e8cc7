//! Refusals in kubectl's words.

use crate::cluster::HttpResponse;
use crate::doc;
use crate::doc::Doc;

use super::resource::Target;

/// Why something did not work.
#[derive(Clone, PartialEq, Hash, Debug)]
pub(super) enum Failure {
    /// The server said no: its Status.
    Server(Doc),
    /// No server answered.
    Connection(String),
    /// kubectl itself refuses.
    Client(String),
}

/// One is as good as several.
impl From<Failure> for Vec<Failure> {
    fn from(failure: Failure) -> Vec<Failure> {
        vec![failure]
    }
}

/// What a client says of a path that is not there.
const NO_PATH: &str = "the server could not find the requested resource";
/// What it says where nothing answers behind a path.
const NO_ANSWER: &str = "the server is currently unable to handle the request";

/// Where the API server of a cluster listens, as messages name it.
pub(super) const SERVER: &str = "kube-apiserver:6443";

impl Failure {
    /// The failure that an answer is.
    pub fn of(response: &HttpResponse) -> Failure {
        match response.code {
            0 => Failure::Connection(response.body["message"].str().to_string()),
            // What is no Status says little: the client words it itself.
            404 if response.body.as_str().is_some() => Failure::Server(doc!({
                "reason": "NotFound", "message": NO_PATH
            })),
            503 if response.body.as_str().is_some() => Failure::Server(doc!({
                "reason": "ServiceUnavailable", "message": NO_ANSWER
            })),
            _ => Failure::Server(response.body.clone()),
        }
    }

    /// The same, where the server only said that there is no such path: what was asked of which object.
    pub fn about(self, verb: &str, target: &Target) -> Failure {
        match self {
            Failure::Server(mut status) if [NO_PATH, NO_ANSWER].contains(&&*status["message"].str()) => {
                let (said, resource, name) = (status["message"].str(), target.kind.qualified(), &target.name);
                status.set("message", format!("{said} ({verb} {resource} {name})").trim_end());
                Failure::Server(status)
            }
            other => other,
        }
    }

    /// The same, saying what was being done: `error when creating "STDIN": …`.
    pub fn when(self, doing: &str) -> Failure {
        match self {
            Failure::Server(mut status) => {
                let message = format!("error when {doing}: {}", status["message"].str());
                status.set("message", message);
                Failure::Server(status)
            }
            Failure::Client(message) => Failure::Client(format!("error when {doing}: {message}")),
            connection => connection,
        }
    }

    /// The same of a request for several objects: `Unable to find … that match …`.
    pub fn looking_for(self, resource: &str, labels: &str, fields: &str) -> Failure {
        let Failure::Server(mut status) = self else { return self };
        if matches!(status["reason"].as_str(), Some("BadRequest" | "NotFound")) {
            let why = status["message"].str();
            let message = if labels.is_empty() && fields.is_empty() {
                format!("Unable to list {resource:?}: {why}")
            } else {
                format!(
                    "Unable to find {resource:?} that match label selector {labels:?}, field selector {fields:?}: {why}"
                )
            };
            status.set("message", message);
        }
        Failure::Server(status)
    }

    /// Whether it is a refusal with this reason.
    pub fn is(&self, reason: &str) -> bool {
        matches!(self, Failure::Server(status) if status["reason"].as_str() == Some(reason))
    }

    /// What is printed when it is the only one.
    pub fn alone(&self) -> String {
        match self {
            Failure::Server(status) if self.is("Invalid") => invalid(status),
            Failure::Server(status) => from_server(status),
            Failure::Connection(why) => unreachable_server(why),
            Failure::Client(message) if message.starts_with("error: ") => message.clone(),
            Failure::Client(message) => format!("error: {message}"),
        }
    }

    /// What is printed when there are several.
    pub fn among_others(&self) -> String {
        match self {
            Failure::Server(status) => from_server(status),
            Failure::Connection(why) => unreachable_server(why),
            Failure::Client(message) => message.clone(),
        }
    }
}

fn from_server(status: &Doc) -> String {
    match status["reason"].as_str() {
        Some("Unauthorized") => "error: You must be logged in to the server (Unauthorized)".into(),
        Some(reason) if !reason.is_empty() => {
            format!("Error from server ({reason}): {}", status["message"].str())
        }
        _ => format!("Error from server: {}", status["message"].str()),
    }
}

fn unreachable_server(why: &str) -> String {
    if why.contains("refused") {
        format!("The connection to the server {SERVER} was refused - did you specify the right host or port?")
    } else {
        format!("Unable to connect to the server: {why}")
    }
}

/// `The Pod "p" is invalid: …`, every fault on its own line when there are several.
fn invalid(status: &Doc) -> String {
    let details = &status["details"];
    let (kind, name) = (details["kind"].str(), details["name"].str());
    let subject = if kind.is_empty() && name.is_empty() {
        "The request is invalid".to_owned()
    } else {
        format!("The {kind} {name:?} is invalid")
    };
    let mut causes: Vec<String> = Vec::new();
    for cause in details["causes"].items() {
        let line = match cause["field"].as_str() {
            Some(field) if !field.is_empty() => format!("{field}: {}", cause["message"].str()),
            _ => cause["message"].str().to_string(),
        };
        if !causes.contains(&line) {
            causes.push(line);
        }
    }
    match causes.as_slice() {
        [] if kind.is_empty() && name.is_empty() => format!("{subject}: {}", status["message"].str()),
        [] => subject,
        [one] => format!("{subject}: {one}"),
        many => format!("{subject}: \n* {}", many.join("\n* ")),
    }
}
