//! What programs serve that a container's command line names: files of a directory, or a part of agnhost, the one
//! program of Kubernetes' own tests.

use crate::api::query;
use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::Duration;

/// For how long agnhost's `liveness` is well.
const WELL: Duration = Duration::seconds(10);

/// A program that listens.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Server {
    pub ports: Vec<u32>,
    pub service: Service,
}

/// What it does with a request.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Service {
    /// It takes connections and says nothing (`nc -l`).
    Silent,
    /// The files of this directory; whether it tells the names in one that has no page.
    Files(Str, bool),
    /// agnhost's `netexec`: does what it is told.
    Netexec,
    /// agnhost's `liveness`: is well for ten seconds.
    Liveness,
    /// agnhost's `serve-hostname`.
    Hostname,
    /// agnhost's `grpc-health-checking`: health by gRPC on the first port, HTTP on the other.
    Health,
    /// agnhost's `porter`: a text for each port.
    Porter(Vec<(u32, Str)>),
}

/// A request to a program.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    pub body: &'a str,
    pub port: u32,
    /// The address it comes from.
    pub client: u32,
}

/// What a program answers.
#[derive(Default)]
pub(super) struct Answered {
    pub status: u32,
    pub text: Str,
    /// What it writes to its log.
    pub log: Option<String>,
    /// The code that it ends with.
    pub exit: Option<i32>,
}

impl Answered {
    pub fn new(status: u32, text: impl Into<Str>) -> Answered {
        Answered { status, text: text.into(), ..Answered::default() }
    }
}

impl Server {
    /// Whether it takes connections of gRPC on a port.
    pub fn speaks_grpc(&self, port: u32) -> bool {
        matches!(self.service, Service::Health) && self.ports.first() == Some(&port)
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
            Service::Netexec => netexec(asked, path, hostname),
        }
    }
}

fn netexec(asked: &Asked<'_>, path: &str, hostname: &str) -> Answered {
    let mut given = query(asked.path.split_once('?').map_or("", |(_, query)| query));
    given.extend(query(asked.body));
    let value =
        |name: &str| given.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let code = |name: &str| value(name).parse().ok().filter(|code| (100..600).contains(code));
    let (status, text): (u32, Str) = match path {
        "/hostname" | "/hostName" => (200, hostname.into()),
        "/echo" => (code("code").unwrap_or(200), value("msg").into()),
        "/clientip" => {
            let address = std::net::Ipv4Addr::from(asked.client);
            (200, format!("{address}:{}", 32_768 + asked.client % 28_000).into())
        }
        "/redirect" => (code("code").unwrap_or(302), Str::new()),
        "/healthz" | "/exit" => (200, Str::new()),
        _ => (200, "NOW".into()),
    };
    let exit = (path == "/exit").then(|| value("code").parse().unwrap_or(0));
    Answered { status, text, log: Some(format!("{} {}", asked.method, asked.path)), exit }
}

/// The part of agnhost that a command line names, if it is one that listens.
pub(super) fn of_agnhost(args: &[Str], variables: impl Iterator<Item = (Str, Str)>) -> Option<Server> {
    let flag = |name: &str| {
        let mut words = args.iter().map(|word| word.trim_start_matches('-'));
        let value = words.find_map(|word| match word.split_once('=') {
            Some((flag, value)) if flag == name => Some(Some(value)),
            _ => (word == name).then_some(None),
        })?;
        // `--port 80` as well as `--port=80`
        value.or_else(|| words.next()).and_then(|value| value.parse::<u32>().ok())
    };
    let port = |name: &str, usual: u32| flag(name).unwrap_or(usual);
    let (ports, service) = match args.first()?.as_str() {
        "netexec" => {
            let ports = vec![port("http-port", 8080), port("udp-port", 8081)];
            (ports.into_iter().chain(flag("sctp-port")).collect(), Service::Netexec)
        }
        "liveness" => (vec![8080], Service::Liveness),
        "test-webserver" => (vec![port("port", 80)], Service::Files("/".into(), true)),
        "serve-hostname" => (vec![port("port", 9376)], Service::Hostname),
        "grpc-health-checking" => (vec![port("port", 5000), port("http-port", 8080)], Service::Health),
        "nettest" | "fake-gitserver" => (vec![port("port", 8000)], Service::Silent),
        "guestbook" | "webhook" => (vec![port("http-port", port("port", 80))], Service::Silent),
        "porter" => {
            let texts: Vec<(u32, Str)> = variables
                .filter_map(|(name, text)| {
                    let name = name.strip_prefix("SERVE_")?;
                    let port =
                        ["PORT_", "TLS_PORT_", "SCTP_PORT_"].iter().find_map(|of| name.strip_prefix(of));
                    Some((port?.parse().ok()?, text))
                })
                .collect();
            (texts.iter().map(|(port, _)| *port).collect(), Service::Porter(texts))
        }
        _ => return None,
    };
    Some(Server { ports, service })
}
