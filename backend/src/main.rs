//! `kubarium`: the web page and its sessions in one program.

mod cli;
mod error;
mod origin;
mod page;
mod router;
mod run;
mod serve;
mod sessions;
mod storage;
mod websocket;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Arguments, Command};

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Serve(options) => serve::serve(&options).map(|()| ExitCode::SUCCESS),
        Command::Run(options) => Ok(run::run(&options)),
    }
}
