//! Room codes are short, so that people can type them: whoever tries many is slowed down, by address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
    serve::IncomingStream,
};
use tokio::net::TcpListener;

use crate::{
    error::Problem,
    replicas,
    storage::Store,
    tls::TlsListener,
    websocket::{Bucket, Rate},
};

/// A class that mistypes is let in; somebody who tries all codes needs years.
const WRONG: Rate = Rate { per_second: 0.2, burst: 60.0 };

/// As many addresses are remembered; the calmest are forgotten first.
const ADDRESSES: usize = 10_000;

/// Behind a proxy the address of whoever asks is in a header.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a connection comes from, with or without TLS.
#[derive(Clone, Copy)]
pub struct Remote(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Who guessed how often. Cheap to clone.
#[derive(Clone)]
pub struct Guesses {
    store: Store,
    behind_proxy: bool,
    wrong: Arc<Mutex<HashMap<IpAddr, Bucket>>>,
}

/// Whose guess a request is; for those who find out only later that it was wrong.
#[derive(Clone)]
pub struct Guesser {
    guesses: Guesses,
    from: IpAddr,
}

impl Guesser {
    /// It was wrong.
    pub fn was_wrong(&self) {
        self.guesses.was_wrong(self.from);
    }
}

impl Guesses {
    /// Nobody has guessed yet. Behind a proxy, the last address that it names is whose request it is.
    pub fn new(store: Store, behind_proxy: bool) -> Self {
        Self { store, behind_proxy, wrong: Arc::default() }
    }

    /// The network that a request comes from.
    pub fn from(&self, request: &Request) -> Option<IpAddr> {
        let said = if self.behind_proxy { forwarded_for(request.headers()) } else { None };
        let connected = request.extensions().get::<ConnectInfo<Remote>>().map(|info| info.0.0.ip());
        said.or(connected).map(network)
    }

    fn may_guess(&self, from: IpAddr) -> bool {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get_mut(&from).is_none_or(|bucket| bucket.has(Instant::now()))
    }

    fn was_wrong(&self, from: IpAddr) {
        let now = Instant::now();
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= ADDRESSES {
            wrong.retain(|_, bucket| !bucket.is_full(now));
        }
        if wrong.len() < ADDRESSES || wrong.contains_key(&from) {
            wrong.entry(from).or_insert_with(|| Bucket::new(WRONG, now)).take(now);
        }
    }
}

/// Lets requests about rooms through that are not the latest of many wrong ones.
pub async fn limit(State(guesses): State<Guesses>, mut request: Request, next: Next) -> Response {
    let from = guesses.from(&request).filter(|_| !replicas::is_passed_on(&guesses.store, &request));
    let Some(from) = from else { return next.run(request).await };
    if !guesses.may_guess(from) {
        let why = "too many wrong codes came from this network: wait a minute, and look at the code again";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, why).into_response();
    }
    request.extensions_mut().insert(Guesser { guesses: guesses.clone(), from });
    let answer = next.run(request).await;
    if answer.status() == StatusCode::NOT_FOUND {
        guesses.was_wrong(from);
    }
    answer
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// Whoever has one address of version 6 has the other 2^64 of its network too.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_guesser() {
        let address = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert_ne!(address("10.0.0.2"), address("10.0.0.1"));
    }

    #[test]
    fn the_proxy_has_the_last_word() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append(FORWARDED_FOR, "1.1.1.1, 10.0.0.9".parse().expect("a header"));
        assert_eq!(forwarded_for(&headers), Some(IpAddr::from([10, 0, 0, 9])));
        headers.append(FORWARDED_FOR, "nonsense".parse().expect("a header"));
        assert_eq!(forwarded_for(&headers), None);
    }
}
