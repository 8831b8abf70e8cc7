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
    Serve(Serve),
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
    /// Serves the page in this directory instead of the one inside the program.
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// How to write the log to stderr. `RUST_LOG` says how much: `info` without it.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Text)]
    pub log: LogForm,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
