//! `kubarium`: the web page and its sessions in one program.

mod cli;
mod error;
mod origin;
mod page;
mod router;
mod serve;
mod sessions;
mod storage;
mod websocket;

use clap::Parser;

use crate::cli::{Arguments, Command};

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve(options) => serve::serve(&options),
    }
}
