//! https by flags.
#![allow(missing_docs)]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use crate::common::{Server, directory, program};
use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
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
    tell(server, certificate, request, "").await
}

async fn tell(server: &Server, certificate: &CertificateDer<'static>, request: &str, body: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("it is a certificate");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(&server.address).await.expect("it connects");
    let name = "localhost".try_into().expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("it is trusted");
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
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

/// Makes a certificate for this machine that `ca` vouches for, and writes it and its key.
fn identity(folder: &Path, name: &str, ca: &CertifiedIssuer<'_, KeyPair>) -> [PathBuf; 2] {
    let key = KeyPair::generate().expect("there is randomness");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut parameters = CertificateParams::new(names).expect("they are names");
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = parameters.signed_by(&key, ca).expect("it is signed");
    let files = ["cert", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
    std::fs::write(&files[0], pem("CERTIFICATE", certificate.der())).expect("it is written");
    std::fs::write(&files[1], pem("PRIVATE KEY", &key.serialize_der())).expect("it is written");
    files
}

#[tokio::test]
async fn servers_that_speak_tls_share_an_etcd_that_does() {
    let folder = directory();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("there is randomness");
    let ca = CertifiedIssuer::self_signed(parameters, key).expect("it is made");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, pem("CERTIFICATE", ca.der())).expect("it is written");
    let [cert, key] = identity(folder.path(), "etcd", &ca);
    let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let [client, peer] = [free(), free()].map(|port| port.local_addr().expect("it is bound"));
    let data = folder.path().join("data");
    let mut etcd = tokio::process::Command::new("etcd");
    etcd.args(["--unsafe-no-fsync", "--client-cert-auth", "--data-dir", path(&data)])
        .args(["--cert-file", path(&cert), "--key-file", path(&key), "--trusted-ca-file", path(&ca_file)])
        .args(["--listen-peer-urls", &format!("http://{peer}")])
        .args(["--initial-advertise-peer-urls", &format!("http://{peer}")])
        .args(["--initial-cluster", &format!("default=http://{peer}")])
        .args(["--listen-client-urls", &format!("https://{client}")])
        .args(["--advertise-client-urls", &format!("https://{client}")]);
    let Ok(_etcd) = etcd.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn() else {
        eprintln!("not tried: there is no etcd on this machine (Debian: apt-get install etcd-server)");
        return;
    };

    let store = format!("etcd://{client}");
    let start = async |name: &str, known: bool| {
        let [cert, key] = identity(folder.path(), name, &ca);
        let mut options =
            vec!["--tls-cert", path(&cert), "--tls-key", path(&key), "--store-ca", path(&ca_file)];
        if known {
            options.extend(["--store-cert", path(&cert), "--store-key", path(&key)]);
        }
        Server::start_with_store_and(&store, &options).await
    };
    let (one, two) = (start("one", true).await, start("two", true).await);
    for server in [&one, &two] {
        let ready = async {
            while !ask(server, ca.der(), "GET /readyz").await.starts_with("HTTP/1.1 200") {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(20), ready).await.expect("the store answers");
    }
    let opened = ask(&one, ca.der(), "POST /api/v1/rooms").await;
    let code = opened.split_once(r#""code":""#).expect("a room").1.split('"').next().expect("its code");
    let enrol = format!("POST /api/v1/rooms/{code}/participants");
    // The first server goes on with the room: the second one passes on what it is asked.
    for server in [&two, &one, &two] {
        let answer = tell(server, ca.der(), &enrol, r#"{"name":"Ana"}"#).await;
        assert!(answer.contains(r#""token":""#), "{answer}");
    }
    let room = ask(&two, ca.der(), &format!("GET /api/v1/rooms/{code}")).await;
    assert!(room.contains(r#""taken":3"#), "{room}");
    let stranger = start("stranger", false).await;
    let refused = ask(&stranger, ca.der(), "GET /readyz").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
}
