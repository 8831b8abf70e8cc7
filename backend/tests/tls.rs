//! https by flags.
#![allow(missing_docs)]

mod common;

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use common::{Server, directory, program};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer},
};

fn pem(kind: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// Asks for something as a browser would that trusts this certificate.
async fn ask(server: &Server, certificate: &CertificateDer<'static>, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("it is a certificate");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(&server.address).await.expect("it connects");
    let name = "localhost".try_into().expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("it is trusted");
    let request =
        format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[tokio::test]
async fn with_a_certificate_it_speaks_https() {
    let data = directory();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
    let (certificate, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&certificate, pem("CERTIFICATE", made.cert.der())).expect("it is written");
    std::fs::write(&key, pem("PRIVATE KEY", &made.signing_key.serialize_der())).expect("it is written");
    let options = ["--tls-cert", path(&certificate), "--tls-key", path(&key)];
    let server = Server::start_with(&data.path().join("data"), &options).await;
    assert!(ask(&server, made.cert.der(), "GET /healthz").await.ends_with("ok\n"));
    let session = ask(&server, made.cert.der(), "POST /api/v1/sessions").await;
    assert!(session.contains(r#""owner":"https://localhost/#s="#), "{session}");

    // Who does not speak TLS, or says nothing at all, delays nobody.
    let silent = TcpStream::connect(&server.address).await.expect("it connects");
    let mut plain = TcpStream::connect(&server.address).await.expect("it connects");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("it is sent");
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(5), plain.read_to_end(&mut answer)).await;
    assert!(ended.is_ok() && !answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(ask(&server, made.cert.der(), "GET /healthz").await.ends_with("ok\n"));
    drop(silent);
}

#[tokio::test]
async fn one_can_be_made_and_a_wrong_one_is_named() {
    let data = directory();
    let server = Server::start_with(data.path(), &["--tls-self-signed"]).await;
    // It shakes hands: a client that trusts nobody says whom it does not trust.
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let stream = TcpStream::connect(&server.address).await.expect("it connects");
    let name = "localhost".try_into().expect("a name");
    let refused =
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect_err("nobody vouches for it");
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");

    let wrong = data.path().join("wrong.pem");
    std::fs::write(&wrong, "nothing").expect("it is written");
    let other = directory();
    let mut command = program(other.path());
    command.args(["--tls-cert", path(&wrong), "--tls-key", path(&wrong)]).stdout(Stdio::null());
    let output = command.output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("wrong.pem"), "{said}");
}
