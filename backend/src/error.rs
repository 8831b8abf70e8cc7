//! Errors as HTTP answers them: problem details (RFC 9457).

use axum::{
    Json,
    body::to_bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::storage::StoreError;

/// The framework's own refusals are a sentence.
const MAX_WORDS: usize = 4096;

/// A refusal: what is wrong, where, and what to do.
#[derive(Debug, Serialize)]
pub struct Problem {
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    /// Each fault in what was sent, with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// One fault in a text that was sent. Lines and columns count from 1.
#[derive(Debug, Serialize)]
pub struct Fault {
    /// Its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its column, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The field it is about: `spec.cluster.nodes[0].cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A refusal with its status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// The text that was sent is refused for these faults.
    pub fn faults(detail: impl Into<String>, errors: Vec<Fault>) -> Self {
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// There is no such session.
    pub fn no_session(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no session {id:?} here: check the link, or ask for a new one"),
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::Lost(_) = error {
            return Self::new(StatusCode::GONE, error.to_string());
        }
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{error}; try again later"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        (status, [kind], Json(self)).into_response()
    }
}

/// Refusals of the framework, which are bare text, as problem details too.
pub async fn in_detail(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let bare = kind.is_some_and(|kind| kind.starts_with("text/plain"));
    let status = response.status();
    if !status.is_client_error() || !bare {
        return response;
    }
    match to_bytes(response.into_body(), MAX_WORDS).await {
        Ok(words) => Problem::new(status, String::from_utf8_lossy(&words)).into_response(),
        Err(_) => Problem::new(status, "this request makes no sense here").into_response(),
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
