//! Whose a token is, where it is one of the session's own: the engine knows nothing of those, and must not: what it is told,
//! all in the session can read.

use serde_json::{Value, json};
use shared::{
    cluster::{HttpRequest, HttpResponse},
    doc::{self, Doc, Str},
    session::protocol::Role,
};

use super::replica::{Handle, Reply};
use crate::sessions::role_of;

const TOKENS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const OWN: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/// What the engine is told in place of the token.
const UNTOLD: &str = "a token of this session";
/// For whom the session's tokens are.
const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// A review of one of the session's tokens.
pub struct Review {
    token: String,
    role: Role,
    audiences: Value,
}

impl Review {
    /// What a request asks, if it is that; `session` may stand before the token. The token is taken out of the request.
    pub fn of(http: &mut HttpRequest, handle: &Handle, session: &str) -> Option<Self> {
        if http.method != "POST" || http.path.split('?').next() != Some(TOKENS) {
            return None;
        }
        let mut body: Value = serde_json::from_str(&http.body).ok().or_else(|| {
            let documents = shared::manifest::documents(&http.body).ok()?;
            serde_json::from_str(&documents.first()?.to_json()).ok()
        })?;
        let spec = body.get_mut("spec")?;
        let token = spec.get("token")?.as_str()?.to_owned();
        let role = role_of(handle.tokens(), token.strip_prefix(session).unwrap_or(&token))?;
        let audiences = match &spec["audiences"] {
            Value::Array(asked) if !asked.is_empty() => Value::Array(asked.clone()),
            _ => json!([AUDIENCE]),
        };
        spec["token"] = UNTOLD.into();
        http.body = body.to_string().into();
        http.content_type = "application/json".into();
        Some(Self { token, role, audiences })
    }

    /// Says whose the token is, where the engine answered the question.
    pub async fn answer(&self, handle: &Handle, answer: &mut HttpResponse) {
        if !answer.is_success() || answer.body["kind"].as_str() != Some("TokenReview") {
            return;
        }
        let own = HttpRequest {
            method: "POST".into(),
            path: OWN.into(),
            content_type: "application/json".into(),
            body: r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#.into(),
            ..HttpRequest::default()
        };
        let Reply::Answer(known) = handle.ask(self.role, own).await else { return };
        answer.body.set_at(&["spec", "token"], Str::from(&*self.token));
        answer.body.set(
            "status",
            shared::doc!({
                "authenticated": true, "user": known.body["status"]["userInfo"].clone(),
                "audiences": told(&self.audiences.to_string())
            }),
        );
    }
}

fn told(json: &str) -> Doc {
    doc::parse_json(json).unwrap_or_default()
}
