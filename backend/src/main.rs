//! `kubarium`: the web page and its sessions in one program.

mod page;
mod router;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use crate::page::Page;

/// Your Kubernetes cluster behind glass.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the page and the sessions.
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen; port 0 takes any free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where sessions are kept; made when missing.
    #[arg(long, value_name = "DIR", default_value = "kubarium-data")]
    data: PathBuf,
    /// Serves the page in this directory instead of the one inside the program.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve(options) => serve(&options),
    }
}

#[tokio::main]
async fn serve(options: &Serve) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.data)
        .with_context(|| format!("cannot make the data directory {}", options.data.display()))?;
    let page = match &options.page {
        Some(directory) => Page::read(directory)
            .with_context(|| format!("cannot read the page in {}", directory.display()))?,
        None => Page::embedded(),
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    // The tests wait for this line and read the address from it.
    println!("Kubarium is at http://{}", listener.local_addr()?);
    axum::serve(listener, router::router(page)).with_graceful_shutdown(stop_signal()).await?;
    Ok(())
}

/// Ends at Ctrl+C, or when the system asks the program to stop.
async fn stop_signal() {
    let interrupt = async { tokio::signal::ctrl_c().await.expect("a handler for Ctrl+C can be set") };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be set");
        tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
