//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

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
