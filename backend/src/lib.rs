//! The server of pages and sessions, and the runner of scenarios: all of `kubarium` but the page, which is there later than this
//! is compiled, and changes more often.

mod cli;
mod error;
mod guesses;
mod kube_api;
mod links;
mod metrics;
mod origin;
mod page;
mod replicas;
mod rooms;
mod router;
mod run;
mod serve;
mod sessions;
mod storage;
mod tls;
mod websocket;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Arguments, Command};
pub use crate::page::Page;

/// Does what the command line says; `page` is the one that the program brings along.
pub fn main(page: impl FnOnce() -> Page) -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(options) => match serve::serve(&options, page) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("kubarium: {error:#}");
                ExitCode::FAILURE
            }
        },
        Command::Run(options) => run::run(&options),
    }
}
