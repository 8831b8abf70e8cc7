//! The file that connects a client: `GET /api/v1/sessions/{id}/kubeconfig`, with the link's token as bearer.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::bearer;
use crate::{
    error::Problem,
    origin,
    sessions::{Sessions, role_of},
};

/// Where the Kubernetes API of a session is, for whoever has this token.
pub fn server(base: &str, id: &str, token: &str) -> String {
    format!("{base}/k8s/{}", key(id, token))
}

/// What opens a session, in the path or as bearer token.
pub fn key(id: &str, token: &str) -> String {
    format!("{id}{token}")
}

/// Answers with the file.
///
/// # Errors
/// There is no such session, or the token does not open it.
pub async fn download(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let base = origin::base_url(&headers)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Host header names no host"))?;
    let record = sessions.record(&id).await?.ok_or_else(|| Problem::no_session(&id))?;
    let token = bearer(&headers).unwrap_or_default();
    let Some(role) = role_of(&record.tokens, token) else {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "send the token of a link to this session: Authorization: Bearer …",
        ));
    };
    let file = file(&server(&base, &id, token), &key(&id, token), &format!("{role:?}").to_lowercase());
    let headers = [
        (header::CONTENT_TYPE, "application/yaml"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"kubarium.yaml\""),
    ];
    Ok((headers, file).into_response())
}

fn file(server: &str, key: &str, user: &str) -> String {
    // Some clients only speak http to a server whose certificate need not be verified.
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: kubarium\n\
         clusters:\n- name: kubarium\n  cluster:\n    server: {server}\n    insecure-skip-tls-verify: true\n\
         users:\n- name: {user}\n  user:\n    token: {key}\n\
         contexts:\n- name: kubarium\n  context:\n    cluster: kubarium\n    user: {user}\n    namespace: default\n"
    )
}
