//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use shared::sim::Duration;

/// Your Kubernetes cluster behind glass.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the page and the sessions.
    Serve(Box<Serve>),
    /// Plays a scenario without a screen. Exits 0 when every expectation is met, 1 when one is not, 2 when the file is
    /// bad.
    Run(Run),
}

/// What to play, and how to tell about it.
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario file; `-` reads standard input.
    #[arg(value_name = "SCENARIO.yaml")]
    pub scenario: PathBuf,
    /// How much virtual time to play, such as `90s` or `10m`, instead of what the scenario says.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub until: Option<Duration>,
    /// What all chance is drawn from, instead of what the scenario says.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What to print.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What `run` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Steps, events, expectations and a last line with the state's hash, for people.
    Text,
    /// One JSON object with everything.
    Json,
    /// A line an event.
    Events,
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).ok_or_else(|| "write a duration such as 90s, 10m or 1h30m".to_owned())
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes any free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where sessions are kept; made when missing. Without it, a directory of your own such as
    /// `~/.local/share/kubarium`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Keeps sessions and rooms in an etcd that several servers share, instead of in a directory:
    /// `etcd://10.0.0.1:2379,10.0.0.2:2379`.
    #[arg(long, value_name = "etcd://HOST:PORT[,…]", value_parser = members, conflicts_with = "data")]
    pub store: Option<Members>,
    /// Speaks https with the etcd, and believes it by the certificates in this PEM file.
    #[arg(long, value_name = "FILE", requires = "store")]
    pub store_ca: Option<PathBuf>,
    /// The certificate, as PEM, by which the etcd believes this server.
    #[arg(long, value_name = "FILE", requires_all = ["store_ca", "store_key"])]
    pub store_cert: Option<PathBuf>,
    /// The key of that certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "store_cert")]
    pub store_key: Option<PathBuf>,
    /// Where other servers with the same store reach this one, if not where it listens.
    #[arg(long, value_name = "HOST:PORT", requires = "store")]
    pub advertise: Option<String>,
    /// Serves the page in this directory instead of the one inside the program.
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// Speaks https with the certificate in this PEM file, and those that vouch for it behind it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Speaks https with a certificate made for this start, of which browsers warn.
    #[arg(long, conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,
    /// Takes the address of whoever asks from the `X-Forwarded-For` header. Only behind a proxy that writes it.
    #[arg(long)]
    pub behind_proxy: bool,
    /// How many sessions are kept.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub sessions: u32,
    /// How large a session's log may grow.
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub session_megabytes: u32,
    /// How many nodes the cluster of a session may have.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub nodes: u32,
    /// How many pods the cluster of a session may have: one more is refused as by a quota.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub pods: u32,
    /// How many commands a second one page may send.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub commands_per_second: u32,
    /// How many requests a second the Kubernetes API of one session takes.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_second: u32,
    /// How many watches the Kubernetes API of one session carries.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub watches: usize,
    /// How many rooms may be open at the same time.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub rooms: u32,
    /// How many participants a room takes.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seats: u32,
    /// A room ends by itself after this time.
    #[arg(long, value_name = "HOURS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub room_hours: u32,
    /// A room that has ended is deleted, with everything in it, after this time.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub room_days: u32,
    /// How many links are kept that were too long to be sent, each of 256 kB at most.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub links: u32,
    /// How to write the log to stderr. `RUST_LOG` says how much: `info` without it.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Text)]
    pub log: LogForm,
}

/// The members of an etcd.
#[derive(Clone, Debug)]
pub struct Members(pub Vec<String>);

fn members(text: &str) -> Result<Members, String> {
    let wrong = || "write the members as etcd://HOST:PORT, with commas between more: etcd://10.0.0.1:2379,10.0.0.2:2379";
    let list = text.strip_prefix("etcd://").ok_or_else(wrong)?.trim_end_matches('/');
    let member = |member: &str| {
        let (host, port) = member.rsplit_once(':')?;
        let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        (plain && port.parse::<u16>().is_ok()).then(|| member.to_owned())
    };
    list.split(',').map(member).collect::<Option<Vec<_>>>().map(Members).ok_or_else(|| wrong().to_owned())
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
