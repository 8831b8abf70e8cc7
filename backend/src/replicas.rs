//! Several servers with one store: what another server goes on with is passed on to it, whole, whatever it is: an
//! answer, a watch, a live connection. So a client may come to any of them.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{
    error::Problem,
    kube_api::root,
    rooms,
    sessions::token,
    storage::{Place, Store, Subject},
    tls,
};

/// Another server takes a connection within this time, or it is passed over.
const CONNECT: Duration = Duration::from_millis(800);

/// How often it is looked whether it lives.
const LOOK: Duration = Duration::from_secs(1);

/// It begins to answer within this time.
const ANSWER: Duration = Duration::from_secs(30);

/// By this a server knows that another one passed a request on.
pub const PASSED_ON: HeaderName = HeaderName::from_static("x-kubarium-passed-on");

/// What a path is about, if that is with one server.
fn subject(path: &str) -> Option<(bool, String)> {
    let mut parts = path.strip_prefix('/')?.split('/');
    match (parts.next()?, parts.next()?) {
        ("k8s", key) => Some((false, key.get(..token::ID_LENGTH)?.to_owned())),
        ("api", "v1") => match (parts.next()?, parts.next()?) {
            ("sessions", id) => Some((false, id.to_owned())),
            ("rooms", code) => Some((true, rooms::plain(code)?)),
            _ => None,
        },
        _ => None,
    }
    .filter(|(is_room, name)| *is_room || token::is_id(name))
}

/// Whether another server of ours passed it on.
pub fn is_passed_on(store: &Store, request: &Request) -> bool {
    let secret = store.secret().as_bytes();
    let said = request.headers().get(PASSED_ON).map(HeaderValue::as_bytes);
    !secret.is_empty() && said == Some(secret)
}

/// Answers here, or passes the request on to the server that goes on with what it is about.
pub async fn forward(State(store): State<Store>, request: Request, next: Next) -> Response {
    let by_key = || root::key(request.headers()).map(|key| (false, key[..token::ID_LENGTH].to_owned()));
    let Some((is_room, name)) = subject(request.uri().path()).or_else(by_key) else {
        return next.run(request).await;
    };
    let subject = if is_room { Subject::Room(&name) } else { Subject::Session(&name) };
    // When the store does not answer, whoever needs it will say so.
    let Ok(Place::At { replica, address, secret, certificate }) = store.place(subject).await else {
        return next.run(request).await;
    };
    if is_passed_on(&store, &request) {
        // It moved meanwhile: whoever asks again finds it.
        return unreachable();
    }
    match timeout(CONNECT, TcpStream::connect(&address)).await {
        Ok(Ok(stream)) => {
            // Frames are small, and somebody waits for each.
            let _ = stream.set_nodelay(true);
            let dies = dies(store, replica);
            let answer = if certificate.is_empty() {
                pass_on(stream, request, &secret, dies).await
            } else {
                match timeout(ANSWER, tls::to_server(stream, certificate)).await {
                    Ok(Ok(stream)) => pass_on(stream, request, &secret, dies).await,
                    _ => None,
                }
            };
            answer.unwrap_or_else(unreachable)
        }
        Ok(Err(_)) | Err(_) => {
            tracing::warn!(address, "another server does not answer: what it had is taken over");
            store.suspect(&replica);
            next.run(request).await
        }
    }
}

fn unreachable() -> Response {
    let why = "the server that goes on with this does not answer: try again in a moment";
    let again = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (again, Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

/// Ends when another server is found dead: one that hangs says nothing, and closes nothing.
async fn dies(store: Store, replica: String) {
    while store.lives(&replica) {
        tokio::time::sleep(LOOK).await;
    }
}

async fn pass_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    mut request: Request,
    secret: &str,
    dies: impl Future<Output = ()> + Send + 'static,
) -> Option<Response> {
    let mut dies = Box::pin(dies);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection.with_upgrades());
    let to_client = hyper::upgrade::on(&mut request);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    request.headers_mut().insert(PASSED_ON, HeaderValue::from_str(secret).ok()?);
    let mut answer = tokio::select! {
        answer = timeout(ANSWER, sender.send_request(request)) => answer.ok()?.ok()?,
        () = &mut dies => return None,
    };
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let to_server = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            let (Ok(client), Ok(server)) = tokio::join!(to_client, to_server) else { return };
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            tokio::select! {
                // It ends when either side does.
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                () = dies => {}
            }
        });
    }
    Some(answer.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_they_are_about() {
        let about = |path| subject(path).map(|(_, name)| name);
        assert_eq!(about("/api/v1/sessions/AAAAAAAAAAAAAAAA/ws").as_deref(), Some("AAAAAAAAAAAAAAAA"));
        assert_eq!(about("/k8s/AAAAAAAAAAAAAAAAsecret/api").as_deref(), Some("AAAAAAAAAAAAAAAA"));
        assert_eq!(about("/api/v1/rooms/bcd-fgh").as_deref(), Some("BCDFGH"));
        for path in [
            "/",
            "/api/v1/sessions",
            "/api/v1/sessions/",
            "/k8s/short",
            "/k8s/é",
            "/metrics",
            "/api/v1/rooms/x",
        ] {
            assert_eq!(about(path), None, "{path}");
        }
    }
}
