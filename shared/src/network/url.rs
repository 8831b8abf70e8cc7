//! Where a client wants to go, as it writes it: `http://todo-api:8080/items`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{HttpTarget, Protocol};

/// A URL, read.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Url {
    /// Name or address.
    pub host: Str,
    /// Port; that of the scheme where none is written.
    pub port: u32,
    /// What it travels over.
    pub protocol: Protocol,
    /// What is asked for; `None` where it is not HTTP.
    pub http: Option<Arc<HttpTarget>>,
}

impl Url {
    /// Reads `http://`, `https://`, `tcp://`, `udp://` and `sctp://`, or a bare `host:port`, which is HTTP.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Url, String> {
        let refuse = || {
            format!(
                "{text:?} is no URL: write it as http://NAME:PORT/PATH, tcp://NAME:PORT, udp://… or sctp://…"
            )
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (protocol, default) = match scheme {
            "http" => (Protocol::Tcp, 80),
            "https" => (Protocol::Tcp, 443),
            "tcp" => (Protocol::Tcp, 0),
            "udp" => (Protocol::Udp, 0),
            "sctp" => (Protocol::Sctp, 0),
            _ => return Err(refuse()),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| refuse())?),
            None => (authority, default),
        };
        // A name with `_` in front says the port itself (SRV).
        if host.is_empty() || port > 65_535 || (port == 0 && !host.starts_with('_')) {
            return Err(refuse());
        }
        let path = path.split('?').next().unwrap_or("");
        let path = if path.is_empty() { "/" } else { path };
        let tls = scheme == "https";
        let http = (scheme.starts_with("http")).then(|| {
            let (method, host, path) = ("GET".into(), host.into(), path.into());
            Arc::new(HttpTarget { method, tls, host, path, ..HttpTarget::default() })
        });
        Ok(Url { host: host.into(), port, protocol, http })
    }

    /// The address, when the host is one.
    pub fn address(&self) -> Option<u32> {
        self.host.parse::<Ipv4Addr>().ok().map(u32::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        for (url, host, port, protocol, path) in [
            ("http://todo-api:8080", "todo-api", 8080, Protocol::Tcp, Some("/")),
            ("http://web/path?x=1:2", "web", 80, Protocol::Tcp, Some("/path")),
            ("https://shop.example.com/a/b", "shop.example.com", 443, Protocol::Tcp, Some("/a/b")),
            ("10.96.3.4:90", "10.96.3.4", 90, Protocol::Tcp, Some("/")),
            ("udp://dns:53", "dns", 53, Protocol::Udp, None),
            ("tcp://_db._tcp.web", "_db._tcp.web", 0, Protocol::Tcp, None),
        ] {
            let read = Url::parse(url).unwrap();
            let found = (
                read.host.as_str(),
                read.port,
                read.protocol,
                read.http.as_ref().map(|http| http.path.as_str()),
            );
            assert_eq!(found, (host, port, protocol, path));
        }
        for bad in ["", "http://", "ftp://x", "tcp://x", "http://x:99999", "http://x:y"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
