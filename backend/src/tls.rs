//! TLS by flags: a certificate from files, or one made for this start.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use axum::serve::Listener;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
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
        let of = |path: &Path| format!("cannot use {} for --tls-cert or --tls-key", path.display());
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| of(certificate))?;
        anyhow::ensure!(!chain.is_empty(), "{}: there is no certificate in it", of(certificate));
        let key = PrivateKeyDer::from_pem_file(key).with_context(|| of(key))?;
        Ok(Self { chain, key })
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
