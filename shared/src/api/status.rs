//! `metav1.Status`: how the API server says no, in Kubernetes' own words.

use std::fmt;

use crate::codec::Codec;
use crate::doc::{Doc, Str, literal};
use crate::{doc, sim::Duration};

use super::{Key, Kind, Request};

/// The machine-readable word for a refusal.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Reason {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    AlreadyExists,
    Conflict,
    Gone,
    Expired,
    Invalid,
    NotAcceptable,
    UnsupportedMediaType,
    RequestEntityTooLarge,
    TooManyRequests,
    InternalError,
    ServiceUnavailable,
    Timeout,
    /// None: the server failed in a way it has no word for.
    Unknown,
}

impl Reason {
    /// The HTTP status.
    pub fn code(self) -> u32 {
        match self {
            Reason::BadRequest => 400,
            Reason::Unauthorized => 401,
            Reason::Forbidden => 403,
            Reason::NotFound => 404,
            Reason::MethodNotAllowed => 405,
            Reason::NotAcceptable => 406,
            Reason::AlreadyExists | Reason::Conflict => 409,
            Reason::Gone | Reason::Expired => 410,
            Reason::RequestEntityTooLarge => 413,
            Reason::UnsupportedMediaType => 415,
            Reason::Invalid => 422,
            Reason::TooManyRequests => 429,
            Reason::InternalError | Reason::Unknown => 500,
            Reason::ServiceUnavailable => 503,
            Reason::Timeout => 504,
        }
    }
}

/// A refusal.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Status {
    /// Its reason.
    pub reason: Reason,
    /// What a person reads.
    pub message: Str,
    /// Name of the object, if one is meant.
    pub name: Str,
    /// Its group.
    pub group: Str,
    /// Its plural (or, for `Invalid`, its kind).
    pub kind: Str,
    /// One entry a fault found.
    pub causes: Vec<CauseDetail>,
    /// When to try again.
    pub retry_after_seconds: Option<u32>,
    /// Whether no server answered at all: clients word these errors themselves.
    pub transport: bool,
    /// How to go on with a list all the same; empty where there is no such way.
    pub go_on: Str,
}

/// One fault in an object.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct CauseDetail {
    /// `FieldValueInvalid`, `FieldValueRequired` …
    pub reason: &'static str,
    /// What a person reads.
    pub message: Str,
    /// The field's path.
    pub field: Str,
}

impl Status {
    /// A refusal that concerns no object.
    pub fn new(reason: Reason, message: impl Into<Str>) -> Status {
        Status {
            reason,
            message: message.into(),
            name: Str::new(),
            group: Str::new(),
            kind: Str::new(),
            causes: Vec::new(),
            retry_after_seconds: None,
            transport: false,
            go_on: Str::new(),
        }
    }

    fn about(reason: Reason, kind: Kind, name: &str, message: String) -> Status {
        let info = kind.info();
        Status {
            name: name.into(),
            group: info.group.into(),
            kind: info.plural.into(),
            ..Status::new(reason, message)
        }
    }

    /// 404 `pods "x" not found`
    pub fn not_found(key: &Key) -> Status {
        let message = format!("{} \"{}\" not found", key.kind.info().qualified(), key.name);
        Status::about(Reason::NotFound, key.kind, &key.name, message)
    }

    /// 409 `configmaps "x" already exists`
    pub fn already_exists(key: &Key) -> Status {
        let message = format!("{} \"{}\" already exists", key.kind.info().qualified(), key.name);
        Status::about(Reason::AlreadyExists, key.kind, &key.name, message)
    }

    /// 409 `Operation cannot be fulfilled on …`
    pub fn conflict(key: &Key, why: &str) -> Status {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": {why}",
            key.kind.info().qualified(),
            key.name
        );
        Status::about(Reason::Conflict, key.kind, &key.name, message)
    }

    /// 409 because somebody else was faster.
    pub fn stale(key: &Key) -> Status {
        Status::conflict(
            key,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 422 because the kind wants to know which revision is to be replaced.
    pub fn revision_missing(key: &Key) -> Status {
        let message = "Invalid value: 0: must be specified for an update";
        let field = literal!("metadata.resourceVersion");
        let cause = CauseDetail { reason: "FieldValueInvalid", message: message.into(), field };
        let whole = format!(
            "{} \"{}\" is invalid: metadata.resourceVersion: {message}",
            key.kind.info().qualified(),
            key.name
        );
        Status { causes: vec![cause], ..Status::about(Reason::Invalid, key.kind, &key.name, whole) }
    }

    /// 403 `pods "x" is forbidden: <why>`
    pub fn forbidden(key: &Key, why: &str) -> Status {
        let name = if key.name.is_empty() { String::new() } else { format!(" \"{}\"", key.name) };
        let message = format!("{}{name} is forbidden: {why}", key.kind.info().qualified());
        Status::about(Reason::Forbidden, key.kind, &key.name, message)
    }

    /// 422 `Pod "x" is invalid: …` with every fault found.
    pub fn invalid(key: &Key, causes: Vec<CauseDetail>) -> Status {
        let info = key.kind.info();
        let mut faults: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        faults.dedup();
        let list = if faults.len() == 1 { faults.remove(0) } else { format!("[{}]", faults.join(", ")) };
        let kind = if info.group.is_empty() {
            info.kind.to_owned()
        } else {
            format!("{}.{}", info.kind, info.group)
        };
        let message = format!("{kind} \"{}\" is invalid: {list}", key.name);
        Status {
            kind: info.kind.into(),
            causes,
            ..Status::about(Reason::Invalid, key.kind, &key.name, message)
        }
    }

    /// 422 for a patch that leaves no object: `patch: Invalid value: …`
    pub fn invalid_patch(patch: &str, why: &str) -> Status {
        let message = format!("Invalid value: {}: {why}", Doc::from(patch));
        let cause = CauseDetail {
            reason: "FieldValueInvalid",
            message: message.clone().into(),
            field: literal!("patch"),
        };
        let message = format!(" \"\" is invalid: patch: {message}");
        Status { causes: vec![cause], ..Status::new(Reason::Invalid, message) }
    }

    /// The same about a part of the object: `pods/binding`.
    pub fn on(mut self, part: &str) -> Status {
        let whole = format!("{}/{part}", self.kind);
        self.message = self.message.replacen(self.kind.as_str(), &whole, 1).into();
        self.kind = whole.into();
        self
    }

    /// 400 with `message`.
    pub fn bad_request(message: impl Into<Str>) -> Status {
        Status::new(Reason::BadRequest, message)
    }

    /// 404 for a path nothing is served at.
    pub fn unknown_path() -> Status {
        Status::new(Reason::NotFound, "the server could not find the requested resource")
    }

    /// 405.
    pub fn method_not_allowed() -> Status {
        Status::new(
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )
    }

    /// 410 for a watch or list from a revision that was compacted away.
    pub fn expired(requested: u64, oldest: u64) -> Status {
        Status::new(Reason::Expired, format!("too old resource version: {requested} ({oldest})"))
    }

    /// 504 for a revision that is still to come.
    pub fn too_large_version(requested: u64, newest: u64) -> Status {
        let message = format!("Timeout: Too large resource version: {requested}, current: {newest}");
        let cause = CauseDetail {
            reason: "ResourceVersionTooLarge",
            message: literal!("Too large resource version"),
            field: Str::new(),
        };
        Status { causes: vec![cause], retry_after_seconds: Some(1), ..Status::new(Reason::Timeout, message) }
    }

    /// 504 when etcd does not answer.
    pub fn etcd_unavailable() -> Status {
        Status::new(Reason::InternalError, "etcdserver: request timed out")
    }

    /// 404 where no server is registered for `metrics.k8s.io`.
    pub fn no_metrics_api(request: &Request) -> Status {
        let what = "the server could not find the requested resource";
        Status::new(Reason::NotFound, format!("{what} ({})", metrics_path(request)))
    }

    /// 503 while the server behind `metrics.k8s.io` does not answer.
    pub fn metrics_unavailable(request: &Request) -> Status {
        let what = "the server is currently unable to handle the request";
        Status::new(Reason::ServiceUnavailable, format!("{what} ({})", metrics_path(request)))
    }

    /// 503 while a server that somebody registered does not answer: not the API's own way to say so.
    pub fn no_server() -> Status {
        Status::new(Reason::ServiceUnavailable, NO_SERVER)
    }

    /// The text that stands for the answer where what answers knows nothing of the API's way to say so.
    pub fn bare_text(&self) -> Option<&'static str> {
        match self.reason {
            Reason::NotFound if self.kind.is_empty() => Some("404 page not found\n"),
            Reason::ServiceUnavailable if self.message == NO_SERVER => Some("service unavailable\n"),
            _ => None,
        }
    }

    /// 404 for a node or pod of which nothing was measured.
    pub fn no_metrics(request: &Request) -> Status {
        let name = match request.namespace.as_str() {
            "" => request.name.to_string(),
            namespace => format!("{namespace}/{}", request.name),
        };
        let plural = request.kind.info().plural;
        Status {
            name: name.as_str().into(),
            group: literal!("metrics.k8s.io"),
            kind: plural.into(),
            ..Status::new(Reason::NotFound, format!("{plural}.metrics.k8s.io \"{name}\" not found"))
        }
    }

    /// Nobody listens at the other end.
    pub fn connection_refused() -> Status {
        Status {
            transport: true,
            ..Status::new(Reason::ServiceUnavailable, "dial tcp: connect: connection refused")
        }
    }

    /// Nothing came back in time.
    pub fn request_timeout() -> Status {
        Status {
            transport: true,
            ..Status::new(
                Reason::Timeout,
                "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
            )
        }
    }

    /// Whether trying the same again later can help.
    pub fn is_transient(&self) -> bool {
        self.transport
            || matches!(
                self.reason,
                Reason::InternalError
                    | Reason::ServiceUnavailable
                    | Reason::Timeout
                    | Reason::TooManyRequests
            )
    }

    /// How long to wait, when the server says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_seconds.map(|seconds| Duration::seconds(seconds.into()))
    }

    /// The JSON body.
    pub fn to_doc(&self) -> Doc {
        let mut details = doc!({});
        for (field, value) in [("name", &self.name), ("group", &self.group), ("kind", &self.kind)] {
            if !value.is_empty() {
                details.set(field, value);
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(
                |cause| doc!({ "reason": cause.reason, "message": &cause.message, "field": &cause.field }),
            );
            details.set("causes", Doc::list(causes));
        }
        if let Some(seconds) = self.retry_after_seconds {
            details.set("retryAfterSeconds", seconds);
        }
        let mut status = doc!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": &self.message, "code": self.reason.code()
        });
        if !self.go_on.is_empty() {
            status.set_at(&["metadata", "continue"], &self.go_on);
        }
        if self.reason != Reason::Unknown {
            status.set("reason", format!("{:?}", self.reason));
        }
        let always = [Reason::UnsupportedMediaType, Reason::MethodNotAllowed].contains(&self.reason);
        if !details.is_empty() || always {
            status.set("details", details);
        }
        status
    }
}

/// `get pods.metrics.k8s.io`
const NO_SERVER: &str = "service unavailable";

fn metrics_path(request: &Request) -> String {
    let name = if request.name.is_empty() { String::new() } else { format!(" {}", request.name) };
    format!("get {}.metrics.k8s.io{name}", request.kind.info().plural)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
