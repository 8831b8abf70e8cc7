//! `kubarium`: the web page and its sessions in one program.

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

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(options) => match serve::serve(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("kubarium: {error:#}");
                ExitCode::FAILURE
            }
        },
        Command::Run(options) => run::run(&options),
    }
}
