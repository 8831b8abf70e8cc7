//! agnhost's `guestbook`: a store that tells its replicas what is written to it, and the page before both.

use crate::api::query;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, parse_json};
use crate::sim::{Protocol, Time};

use super::server::{Answered, Asked, First, Kept};
use super::tasks::{Dial, Then};

/// Whom the page asks.
const PRIMARY: &str = "agnhost-primary";
const REPLICA: &str = "agnhost-replica";
/// How many entries a store holds, and how many replicas it tells.
const MOST_ENTRIES: usize = 1000;
const MOST_REPLICAS: usize = 100;

#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Guestbook {
    /// Where stores listen.
    backend: u32,
    /// The store that it is a replica of; empty for none.
    primary: Str,
    store: BTreeMap<Str, Str>,
    replicas: Vec<Str>,
}

/// A line of its log, as Go's package writes it.
pub(super) fn line(date: Timestamp, text: &str) -> String {
    let date = date.rfc3339();
    format!("{} {} {text}", date[..10].replace('-', "/"), &date[11..19])
}

impl Guestbook {
    pub fn new(backend: u32, primary: &str) -> Guestbook {
        Guestbook { backend, primary: primary.into(), store: BTreeMap::new(), replicas: Vec::new() }
    }

    /// What it asks of its primary, with its own address, as long as nobody answers until then.
    pub fn registration(&self, ip: u32, until: Time) -> Option<Dial> {
        let request = format!("register?host={}", std::net::Ipv4Addr::from(ip));
        let primary = (!self.primary.is_empty()).then(|| self.primary.clone())?;
        Some(self.dial(primary, request, Then::Registers(until)))
    }

    /// Its primary answered with all that it holds; false when that is nothing of the kind.
    pub fn registered(&mut self, answer: &str) -> bool {
        let Some(all @ Doc::Map(_)) = parse_json(answer).ok().map(|said| said["data"].clone()) else {
            return false;
        };
        self.store =
            all.entries().iter().take(MOST_ENTRIES).map(|(key, value)| (key.clone(), value.str())).collect();
        true
    }

    pub fn keep(&mut self, kept: &Kept) {
        match kept {
            Kept::Entry(key, value) => {
                if self.store.len() < MOST_ENTRIES || self.store.contains_key(key) {
                    self.store.insert(key.clone(), value.clone());
                }
            }
            Kept::Replica(ip) if self.replicas.len() < MOST_REPLICAS => self.replicas.push(ip.clone()),
            Kept::Replica(_) | Kept::Writer(_) => {}
        }
    }

    pub fn answer(&self, asked: &Asked<'_>, path: &str) -> Answered {
        let given = query(asked.path.split_once('?').map_or("", |(_, query)| query));
        let value = |name: &str| {
            given
                .iter()
                .find(|(key, _)| key == name)
                .map_or(Str::new(), |(_, value)| Str::from(value.as_str()))
        };
        let (key, text) = (value("key"), value("value"));
        let (said, answered) = match path {
            "/register" => {
                let ip = value("host");
                let said = format!(
                    "GET /register?host={ip}\n{}",
                    line(asked.date, &format!("Node '{ip}' registered."))
                );
                let kept = Some(Kept::Replica(ip));
                (said, Answered { kept, ..Answered::new(200, data(self.all())) })
            }
            "/get" => {
                let found = self.store.get(&key).cloned().unwrap_or_default();
                let found = if key.is_empty() { self.all() } else { found.into() };
                (format!("GET /get?key={key}"), Answered::new(200, data(found)))
            }
            "/set" => (format!("GET /set?key={key}&value={text}"), self.set(key, text)),
            "/guestbook" => {
                let command = value("cmd").to_ascii_lowercase();
                let said = format!("GET /guestbook?cmd={command}&key={key}&value={text}");
                (said, self.pass(&command, &key, &text))
            }
            _ => return Answered::new(404, "404 page not found\n"),
        };
        Answered { log: Some(line(asked.date, &said)), ..answered }
    }

    fn all(&self) -> Doc {
        let mut all = Doc::map();
        self.store.iter().for_each(|(key, value)| all.set(key.clone(), value.clone()));
        all
    }

    fn set(&self, key: Str, value: Str) -> Answered {
        if key.is_empty() {
            return Answered::new(400, "cannot set with empty key.\n");
        }
        let request = format!("set?key={key}&value={value}");
        let mut others: Vec<Str> = self.replicas.iter().rev().cloned().collect();
        let first = others.pop().map(|host| First::Dial(self.dial(host, request, Then::Spreads(others))));
        Answered { kept: Some(Kept::Entry(key, value)), first, ..Answered::new(200, UPDATED) }
    }

    /// Lets a store answer.
    fn pass(&self, command: &str, key: &Str, value: &Str) -> Answered {
        let host = match command {
            "get" => REPLICA,
            "set" if key.is_empty() => return Answered::new(400, "cannot set with empty key.\n"),
            "set" => PRIMARY,
            other => return Answered::new(400, format!("unsupported cmd: '{other}'\n")),
        };
        let dial = self.dial(host.into(), format!("{command}?key={key}&value={value}"), Then::Passes);
        Answered { first: Some(First::Dial(dial)), ..Answered::default() }
    }

    fn dial(&self, host: Str, request: String, then: Then) -> Dial {
        Dial { protocol: Protocol::Tcp, host, port: self.backend, request: request.into(), tries: 1, then }
    }
}

/// What is said of an entry that all have.
pub(super) const UPDATED: &str = r#"{"message":"Updated"}"#;

fn data(found: Doc) -> String {
    doc!({ "data": found }).to_json()
}
