//! What programs serve that a container's command line names: files of a directory, or a part of agnhost, the one
//! program of Kubernetes' own tests.

use crate::api::query;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, parse_json};
use crate::sim::{Duration, Protocol};

use super::guestbook::Guestbook;
use super::tasks::{Dial, Then};

/// For how long agnhost's `liveness` is well.
const WELL: Duration = Duration::seconds(10);
/// How many writers nettest tells apart.
const MOST_WRITERS: usize = 100;
/// How often netexec asks others at most for one request.
const MOST_TRIES: i64 = 1000;

/// A program that listens.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Server {
    /// Where.
    pub ports: Vec<(Protocol, u32)>,
    pub service: Service,
}

/// What it does with a request.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Service {
    /// It takes connections and says nothing (`nc -l`).
    Silent,
    /// The files of this directory; whether it tells the names in one that has no page.
    Files(Str, bool),
    /// agnhost's `netexec`: does what it is told, by HTTP or in datagrams.
    Netexec,
    /// agnhost's `liveness`: is well for ten seconds.
    Liveness,
    /// agnhost's `serve-hostname`.
    Hostname,
    /// agnhost's `grpc-health-checking`: health by gRPC on the first port, HTTP on the other.
    Health,
    /// agnhost's `nettest`: who wrote to it, and how often.
    Nettest(Vec<(Str, u64)>),
    /// agnhost's `porter`: a text for each port.
    Porter(Vec<(u32, Str)>),
    /// agnhost's `guestbook`.
    Guestbook(Guestbook),
}

/// A request to a program.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    pub body: &'a str,
    /// Whether it is a request of HTTP; otherwise there is only a connection.
    pub speaks_http: bool,
    pub protocol: Protocol,
    pub port: u32,
    /// The address it comes from.
    pub client: u32,
    /// What the clock says.
    pub date: Timestamp,
}

/// What a program answers.
#[derive(Default)]
pub(super) struct Answered {
    pub status: u32,
    pub text: Str,
    /// What it writes to its log.
    pub log: Option<String>,
    /// What it keeps of the request.
    pub kept: Option<Kept>,
    /// The code that it ends with.
    pub exit: Option<i32>,
    /// It says nothing at all.
    pub silent: bool,
    /// It closes the connection without a word.
    pub closes: bool,
    /// What it does first; the answer is what comes of that.
    pub first: Option<First>,
}

/// What a program keeps of a request.
pub(super) enum Kept {
    /// Who wrote to it.
    Writer(Str),
    /// A key and its value.
    Entry(Str, Str),
    /// The address of another that is to hear of all entries.
    Replica(Str),
}

/// What a program does before it answers.
pub(super) enum First {
    /// It runs a command in the shell.
    Run(Str),
    /// It asks others.
    Dial(Dial),
}

impl Answered {
    pub fn new(status: u32, text: impl Into<Str>) -> Answered {
        Answered { status, text: text.into(), ..Answered::default() }
    }
}

impl Server {
    /// One that listens for connections.
    pub fn new(ports: impl IntoIterator<Item = u32>, service: Service) -> Server {
        Server { ports: ports.into_iter().map(|port| (Protocol::Tcp, port)).collect(), service }
    }

    /// It keeps something of a request.
    pub fn keep(&mut self, kept: &Kept) {
        match (&mut self.service, kept) {
            (Service::Nettest(received), Kept::Writer(writer)) => {
                let known = received.iter().position(|(known, _)| known == writer);
                match known {
                    Some(at) => received[at].1 += 1,
                    None if received.len() < MOST_WRITERS => received.push((writer.clone(), 1)),
                    None => {}
                }
            }
            (Service::Guestbook(guestbook), kept) => guestbook.keep(kept),
            _ => {}
        }
    }

    /// Whether it takes connections of gRPC on a port.
    pub fn speaks_grpc(&self, port: u32) -> bool {
        matches!(self.service, Service::Health) && self.ports.first() == Some(&(Protocol::Tcp, port))
    }

    /// The answer, after the program has run for so long; what files say is not known here.
    pub fn answer(&self, asked: &Asked<'_>, hostname: &str, runs: Duration) -> Answered {
        let path = asked.path.split('?').next().unwrap_or("");
        match &self.service {
            Service::Silent | Service::Files(..) | Service::Health => Answered::new(200, ""),
            Service::Hostname => Answered::new(200, hostname),
            Service::Porter(texts) => {
                let text = texts.iter().find(|(port, _)| *port == asked.port);
                Answered::new(200, text.map_or(Str::new(), |(_, text)| text.clone()))
            }
            Service::Liveness => match path {
                "/healthz" if runs > WELL => {
                    let (seconds, part) = (runs.0 / 1000, runs.0 % 1000);
                    Answered::new(500, format!("error: {seconds}.{part:03}"))
                }
                "/healthz" => Answered::new(200, "ok"),
                "/started" => Answered::new(200, format!("{runs}")),
                "/redirect" => Answered::new(302, ""),
                _ => Answered::new(404, "404 page not found\n"),
            },
            Service::Netexec if asked.protocol != Protocol::Tcp => datagram(asked, hostname),
            Service::Netexec => netexec(asked, path, hostname, runs),
            Service::Nettest(received) => nettest(asked, path, hostname, received),
            Service::Guestbook(guestbook) => guestbook.answer(asked, path),
        }
    }
}

fn netexec(asked: &Asked<'_>, path: &str, hostname: &str, runs: Duration) -> Answered {
    let mut given = query(asked.path.split_once('?').map_or("", |(_, query)| query));
    given.extend(query(asked.body));
    let value =
        |name: &str| given.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let code = |name: &str| value(name).parse().ok().filter(|code| (100..600).contains(code));
    let mut first = None;
    let (status, text): (u32, Str) = match path {
        "/hostname" | "/hostName" => (200, hostname.into()),
        "/echo" => (code("code").unwrap_or(200), value("msg").into()),
        "/clientip" => (200, client(asked).into()),
        "/redirect" => (code("code").unwrap_or(302), Str::new()),
        "/healthz" | "/exit" | "/shutdown" => (200, Str::new()),
        "/dial" => match dial(&value) {
            Ok(dial) => {
                first = Some(First::Dial(dial));
                (200, Str::new())
            }
            Err(why) => (400, format!("{why}\n").into()),
        },
        "/shell" => {
            let command = if value("shellCommand").is_empty() { "cmd" } else { "shellCommand" };
            first = Some(First::Run(value(command).into()));
            (200, Str::new())
        }
        _ => {
            let date = asked.date.rfc3339().replace('T', " ").replace('Z', "");
            let (seconds, part) = (runs.0 / 1000, runs.0 % 1000);
            (200, format!("NOW: {date} +0000 UTC m=+{seconds}.{part:03}").into())
        }
    };
    let exit = match path {
        "/exit" => Some(value("code").parse().unwrap_or(0)),
        "/shutdown" => Some(0),
        _ => None,
    };
    let log = Some(format!("{} {}", asked.method, asked.path));
    Answered { status, text, log, exit, first, ..Answered::default() }
}

fn nettest(asked: &Asked<'_>, path: &str, hostname: &str, received: &[(Str, u64)]) -> Answered {
    match path {
        "/write" => {
            let kept = parse_json(asked.body).ok().map(|said| Kept::Writer(said["Source"].str()));
            let text = format!("{}\n", doc!({ "Hostname": hostname }));
            Answered { kept, ..Answered::new(200, text) }
        }
        "/read" => {
            let mut all = Doc::map();
            for (writer, times) in received {
                all.set(writer.clone(), Doc::from(*times as i64));
            }
            let state = doc!({
                "Hostname": hostname, "Sent": {}, "Received": all, "Errors": null, "Log": [],
                "StillContactingPeers": false
            });
            Answered::new(200, format!("{state}\n"))
        }
        "/status" => Answered::new(200, "pass"),
        "/quit" => Answered { exit: Some(0), ..Answered::new(200, "") },
        _ => Answered::new(404, "404 page not found\n"),
    }
}

/// The address that a request comes from, with a port.
fn client(asked: &Asked<'_>) -> String {
    format!("{}:{}", std::net::Ipv4Addr::from(asked.client), 32_768 + asked.client % 28_000)
}

/// What `/dial` is to do.
fn dial<'a>(value: &impl Fn(&str) -> &'a str) -> Result<Dial, String> {
    let tries = match value("tries") {
        "" => 1,
        text => text.parse::<i64>().map_err(|_| {
            let text = Doc::from(text);
            format!("tries parameter is invalid. strconv.Atoi: parsing {text}: invalid syntax")
        })?,
    };
    let request = value("request");
    if request.is_empty() {
        return Err("request parameter not specified. <nil>".into());
    }
    let protocol = match value("protocol").to_ascii_lowercase().as_str() {
        "" | "http" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return Err(format!("unsupported protocol. {}", value("protocol"))),
    };
    let port = value("port");
    let number = port.parse().ok().filter(|port| (1..65_536).contains(port));
    let port =
        number.ok_or_else(|| format!("host and/or port param are invalid. address {port}: invalid port"))?;
    let tries = tries.clamp(0, MOST_TRIES) as u32;
    let (host, request) = (value("host").into(), request.into());
    Ok(Dial { protocol, host, port, request, tries, then: Then::Lists })
}

/// What netexec answers to a datagram: to what it does not know, nothing.
fn datagram(asked: &Asked<'_>, hostname: &str) -> Answered {
    let said = asked.body.trim().to_ascii_lowercase();
    match said.split_once(' ').map_or((said.as_str(), ""), |(word, rest)| (word, rest)) {
        ("hostname", "") => Answered::new(200, hostname),
        ("clientip", "") => Answered::new(200, client(asked)),
        ("echo", rest) => Answered::new(200, rest),
        // Whoever counts answers only sends nothing to be answered.
        ("", _) => Answered::new(200, ""),
        _ => Answered {
            silent: true,
            log: Some(format!("Unknown udp command received: {said}")),
            ..Answered::default()
        },
    }
}

/// What `/shell` says of a command that has ended.
pub(super) fn ran(output: &str, code: i32) -> Str {
    let mut doc = doc!({});
    if code != 0 {
        doc.set("error", format!("exit status {code}"));
    }
    if !output.is_empty() {
        doc.set("output", output);
    }
    doc.to_json().into()
}

/// The value of a flag of agnhost: `--name=value` or `--name value`.
pub(super) fn flag<'a>(args: &'a [Str], name: &str) -> Option<&'a str> {
    let mut words = args.iter().map(|word| word.trim_start_matches('-'));
    let found = words.find_map(|word| match word.split_once('=') {
        Some((flag, value)) if flag == name => Some(Some(value)),
        _ => (word == name).then_some(None),
    })?;
    found.or_else(|| words.next())
}

/// The part of agnhost that a command line names, if it is one that listens.
pub(super) fn of_agnhost(args: &[Str], variables: impl Iterator<Item = (Str, Str)>) -> Option<Server> {
    let flag = |name: &str| flag(args, name).and_then(|value| value.parse::<u32>().ok());
    let port = |name: &str, usual: u32| flag(name).unwrap_or(usual);
    Some(match args.first()?.as_str() {
        "netexec" => {
            let mut ports =
                vec![(Protocol::Tcp, port("http-port", 8080)), (Protocol::Udp, port("udp-port", 8081))];
            ports.extend(flag("sctp-port").map(|port| (Protocol::Sctp, port)));
            Server { ports, service: Service::Netexec }
        }
        "liveness" => Server::new([8080], Service::Liveness),
        "test-webserver" => Server::new([port("port", 80)], Service::Files("/".into(), true)),
        "serve-hostname" => Server::new([port("port", 9376)], Service::Hostname),
        "grpc-health-checking" => Server::new([port("port", 5000), port("http-port", 8080)], Service::Health),
        "nettest" => Server::new([port("port", 8080)], Service::Nettest(Vec::new())),
        "fake-gitserver" => Server::new([port("port", 8000)], Service::Silent),
        "guestbook" => {
            let guestbook = Guestbook::new(
                port("backend-port", 6379),
                super::server::flag(args, "replicaof").unwrap_or(""),
            );
            Server::new([port("http-port", 80)], Service::Guestbook(guestbook))
        }
        "webhook" => Server::new([port("port", 80)], Service::Silent),
        "porter" => {
            let texts: Vec<(Protocol, u32, Str)> = variables
                .filter_map(|(name, text)| {
                    const NAMES: [(&str, Protocol); 3] = [
                        ("PORT_", Protocol::Tcp),
                        ("TLS_PORT_", Protocol::Tcp),
                        ("SCTP_PORT_", Protocol::Sctp),
                    ];
                    let name = name.strip_prefix("SERVE_")?;
                    let found = NAMES.iter().find_map(|(of, over)| Some((name.strip_prefix(of)?, *over)));
                    let (port, protocol) = found?;
                    Some((protocol, port.parse().ok()?, text))
                })
                .collect();
            let ports = texts.iter().map(|(protocol, port, _)| (*protocol, *port)).collect();
            let texts = texts.into_iter().map(|(_, port, text)| (port, text)).collect();
            Server { ports, service: Service::Porter(texts) }
        }
        _ => return None,
    })
}
