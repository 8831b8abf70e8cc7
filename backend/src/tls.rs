//! TLS by flags: a certificate from files, or one made for this start; and TLS to an etcd and to other servers.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use axum::serve::Listener;
use sha2::{Digest, Sha256};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector, client,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{self, WebPkiSupportedAlgorithms},
        pki_types::{
            CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime, pem::PemObject,
        },
    },
    server::TlsStream,
};

/// Who has not finished the handshake by then is gone.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Handshakes that are done and wait to be served.
const WAITING: usize = 64;

/// A certificate with those that vouch for it, and its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM files.
    ///
    /// # Errors
    /// One of them cannot be read, or holds something else.
    pub fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let of = |path: &Path| format!("cannot use {} as a certificate or its key", path.display());
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| of(certificate))?;
        anyhow::ensure!(!chain.is_empty(), "{}: there is no certificate in it", of(certificate));
        let key = PrivateKeyDer::from_pem_file(key).with_context(|| of(key))?;
        Ok(Self { chain, key })
    }

    /// What tells its certificate from all others.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.chain[0])
    }

    /// Made now, for these names. Browsers warn of it once; what is said is still not readable on the way.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn make(names: Vec<String>) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self { chain: vec![made.cert.der().clone()], key: key.into() })
    }

    /// Speaks TLS as this identity to whoever connects.
    ///
    /// # Errors
    /// The key is not the certificate's.
    pub fn listen(self, tcp: TcpListener) -> anyhow::Result<TlsListener> {
        let address = tcp.local_addr()?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)
            .context("this certificate and this key do not go together")?;
        // WebSockets need HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (done, connections) = mpsc::channel(WAITING);
        tokio::spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), done));
        Ok(TlsListener { address, connections })
    }
}

/// How to speak TLS with a store: by which certificates it is believed, and perhaps as whom one comes.
///
/// # Errors
/// One of the files cannot be read, or holds something else.
pub fn to_store(ca: &Path, own: Option<Identity>) -> anyhow::Result<ClientConfig> {
    let of = || format!("cannot use {} for --store-ca", ca.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).with_context(of)? {
        roots.add(certificate.with_context(of)?).with_context(of)?;
    }
    anyhow::ensure!(!roots.is_empty(), "{}: there is no certificate in it", of());
    let config = ClientConfig::builder().with_root_certificates(roots);
    match own {
        Some(Identity { chain, key }) => config
            .with_client_auth_cert(chain, key)
            .context("the certificate and the key for the store do not go together"),
        None => Ok(config.with_no_client_auth()),
    }
}

/// Speaks TLS with another server of ours, which is believed by this very certificate: it stands in the store.
///
/// # Errors
/// It is another one, or breaks off.
pub async fn to_server(tcp: TcpStream, certificate: String) -> io::Result<client::TlsStream<TcpStream>> {
    let algorithms = crypto::ring::default_provider().signature_verification_algorithms;
    let known = Arc::new(Known { certificate, algorithms });
    let config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(known).with_no_client_auth();
    // Its name does not matter.
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Believes one certificate.
#[derive(Debug)]
struct Known {
    certificate: String,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match fingerprint(shown) == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("this is another server's certificate".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, shown, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, shown, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Connections whose handshake is done.
pub struct TlsListener {
    address: SocketAddr,
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

/// Each shakes hands by itself, so that a slow one delays nobody.
async fn accept(
    mut tcp: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        let (stream, from) = Listener::accept(&mut tcp).await;
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await {
                // The server may be ending.
                let _ = done.send((stream, from)).await;
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
