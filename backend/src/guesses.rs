//! Room codes are short, so that people can type them: whoever tries many is slowed down, by address.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
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
    replicas, rooms,
    storage::Store,
    tls::TlsListener,
    websocket::{Bucket, Rate},
};

/// Of a class of 200 behind one address everybody may mistype in two ways at once. There are 64 million codes: in a day
/// one address tries 17,680 others, and finds one of 100 open rooms with a chance of 2.8 %, a certain one of 0.03 %.
const WRONG: Rate = Rate { per_second: 0.2, burst: 400.0 };

/// A code that was tried before tells nothing new and costs nothing: one that stands wrong on the board is typed by all,
/// and who is in a room is not kept out by a neighbour who guesses. As many of the latest are known of an address, right
/// and wrong ones.
const KNOWN: [usize; 2] = [8, 32];

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
    tried: Arc<Mutex<HashMap<IpAddr, Tried>>>,
    hasher: RandomState,
}

/// What one address tried.
struct Tried {
    left: Bucket,
    /// The latest, right and wrong, as numbers.
    known: [VecDeque<u64>; 2],
}

impl Tried {
    fn knows(&self, code: u64) -> bool {
        self.known.iter().any(|known| known.contains(&code))
    }
}

/// Whose guess a request is; for those who find out only later that it was wrong.
#[derive(Clone)]
pub struct Guesser {
    guesses: Guesses,
    from: IpAddr,
    guess: u64,
}

impl Guesser {
    /// It was wrong.
    pub fn was_wrong(&self) {
        self.guesses.tell(self.from, self.guess, false);
    }
}

impl Guesses {
    /// Nobody has guessed yet. Behind a proxy, the last address that it names is whose request it is.
    pub fn new(store: Store, behind_proxy: bool) -> Self {
        Self { store, behind_proxy, tried: Arc::default(), hasher: RandomState::new() }
    }

    /// The network that a request comes from.
    pub fn from(&self, request: &Request) -> Option<IpAddr> {
        let said = if self.behind_proxy { forwarded_for(request.headers()) } else { None };
        let connected = request.extensions().get::<ConnectInfo<Remote>>().map(|info| info.0.0.ip());
        said.or(connected).map(network)
    }

    fn may_guess(&self, from: IpAddr, guess: u64) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get_mut(&from).is_none_or(|tried| tried.knows(guess) || tried.left.has(Instant::now()))
    }

    /// Whether a guess was right.
    fn tell(&self, from: IpAddr, guess: u64, right: bool) {
        let now = Instant::now();
        let mut all = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES {
            all.retain(|_, tried| !tried.left.is_full(now));
        }
        if all.len() < ADDRESSES || all.contains_key(&from) {
            let anew = || Tried { left: Bucket::new(WRONG, now), known: Default::default() };
            let tried = all.entry(from).or_insert_with(anew);
            if tried.knows(guess) {
                return;
            }
            if !right {
                tried.left.take(now);
            }
            let which = usize::from(!right);
            tried.known[which].truncate(KNOWN[which] - 1);
            tried.known[which].push_front(guess);
        }
    }
}

/// Lets requests about rooms through that are not the latest of many wrong ones.
pub async fn limit(State(guesses): State<Guesses>, mut request: Request, next: Next) -> Response {
    let from = guesses.from(&request).filter(|_| !replicas::is_passed_on(&guesses.store, &request));
    let Some(from) = from else { return next.run(request).await };
    // What can be no code is no guess either.
    let Some(code) = code(request.uri().path()) else { return next.run(request).await };
    let guess = guesses.hasher.hash_one(code);
    if !guesses.may_guess(from, guess) {
        let why = "too many wrong codes came from this network: wait a minute, and look at the code again";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, why).into_response();
    }
    request.extensions_mut().insert(Guesser { guesses: guesses.clone(), from, guess });
    let answer = next.run(request).await;
    match answer.status() {
        StatusCode::NOT_FOUND => guesses.tell(from, guess, false),
        StatusCode::OK | StatusCode::CREATED => guesses.tell(from, guess, true),
        // A connection tells later.
        _ => {}
    }
    answer
}

/// The code in a path, however it is written.
fn code(path: &str) -> Option<String> {
    let (_, rest) = path.split_once("/rooms/")?;
    rooms::plain(rest.split('/').next()?)
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
