//! `kubarium serve`: from the command line to a running server, and to its end.

use std::{
    env,
    future::IntoFuture,
    io::IsTerminal,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use futures_util::future::BoxFuture;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{LogForm, Members, Serve},
    guesses::{Guesses, Remote},
    links::Links,
    page::Page,
    rooms::{Limits, Rooms, qr},
    router,
    sessions::{self, Sessions},
    storage::{
        Damage, Store,
        disk::Disk,
        etcd::{Etcd, Gateway},
    },
    tls::{self, Identity},
};

/// Whoever still holds a connection this long after the server was told to end is cut off.
const FAREWELL: Duration = Duration::from_secs(10);

/// Lets the heap, of which a lone cluster profits in large pages (`.cargo/config.toml`), lie in small ones: a server holds
/// much that is small and comes and goes. 1,000 watchers took two to three times the memory.
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory may lie in large pages");
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// What cannot be opened, and why.
#[tokio::main]
pub async fn serve(options: &Serve, page: impl FnOnce() -> Page) -> anyhow::Result<()> {
    start_log(options.log);
    keep_pages_small();
    let page = match &options.page {
        Some(directory) => Page::read(directory)
            .with_context(|| format!("cannot read the page in {}", directory.display()))?,
        None => page(),
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    // Whoever reads that it is there may stop it at once.
    let asked_to_stop = stop_signal()?;
    let (lost, lost_elsewhere) = mpsc::unbounded_channel();
    let reachable = others_reach(address);
    let identity = identity(options, address, reachable)?;
    let certificate = identity.as_ref().map(Identity::fingerprint).unwrap_or_default();
    let (store, damage) = open_store(options, address, certificate, lost)?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
    let scheme = if identity.is_some() { "https" } else { "http" };
    // Whoever starts this program reads the address from this line.
    println!("Kubarium is at {scheme}://{address}");
    if let Some(reachable) = reachable {
        welcome_others(&format!("{scheme}://{}", SocketAddr::new(reachable, address.port())));
    }

    let sessions = Sessions::new(store.clone(), damage, session_limits(options));
    let rooms = Rooms::new(sessions.clone(), store.clone(), limits(options), reachable);
    tokio::spawn(let_go(lost_elsewhere, sessions.clone(), rooms.clone()));
    let (stop, stopping) = watch::channel(false);
    let closing = sessions.clone();
    let closed = tokio::spawn(async move {
        asked_to_stop.await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        closing.close().await;
    });
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        // The sender lives as long as the wait for the signal.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let guesses = Guesses::new(store.clone(), options.behind_proxy);
    let links = Links::new(store.clone(), guesses.clone(), options.links);
    let router = router::router(page, sessions.clone(), rooms, store.clone(), guesses, links, scheme);
    let service = router.into_make_service_with_connect_info::<Remote>();
    let ends = stopped(stopping.clone());
    let served: BoxFuture<'_, std::io::Result<()>> = match identity {
        None => Box::pin(axum::serve(listener, service).with_graceful_shutdown(ends).into_future()),
        Some(identity) => {
            let served = axum::serve(identity.listen(listener)?, service);
            Box::pin(served.with_graceful_shutdown(ends).into_future())
        }
    };
    tokio::select! {
        result = served => result?,
        () = async { stopped(stopping).await; tokio::time::sleep(FAREWELL).await } => {}
    }
    // Every session has written its last before the store is closed.
    closed.await?;
    store.close().await;
    Ok(())
}

/// As whom to speak TLS, if that was asked for.
fn identity(
    options: &Serve,
    listening: SocketAddr,
    reachable: Option<IpAddr>,
) -> anyhow::Result<Option<Identity>> {
    if let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) {
        return Identity::read(certificate, key).map(Some);
    }
    if !options.tls_self_signed {
        return Ok(None);
    }
    let own = reachable.unwrap_or(listening.ip()).to_string();
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.contains(&own) {
        names.push(own);
    }
    Identity::make(names).map(Some)
}

/// The store that was asked for: an etcd, or a directory.
fn open_store(
    options: &Serve,
    listening: SocketAddr,
    certificate: String,
    lost: mpsc::UnboundedSender<String>,
) -> anyhow::Result<(Store, Damage)> {
    if let Some(Members(members)) = &options.store {
        let own = SocketAddr::new(others_reach(listening).unwrap_or(listening.ip()), listening.port());
        let address = options.advertise.clone().unwrap_or_else(|| own.to_string());
        let own = match (&options.store_cert, &options.store_key) {
            (Some(certificate), Some(key)) => Some(Identity::read(certificate, key)?),
            _ => None,
        };
        let tls = options.store_ca.as_deref().map(|ca| tls::to_store(ca, own)).transpose()?;
        tracing::info!(etcd = members.join(","), tls = tls.is_some(), address, "sessions are kept in etcd");
        let etcd = Etcd::new(Gateway::new(members, tls), address, certificate, lost);
        return Ok((Arc::new(etcd), Damage::default()));
    }
    let data = data_directory(options.data.as_deref())?;
    let (disk, damage) = Disk::open(&data)?;
    report(&damage);
    tracing::info!(data = %data.display(), "sessions are kept in this directory");
    Ok((Arc::new(disk), damage))
}

/// Ends what another server goes on with, so that whoever is in it finds that one.
async fn let_go(mut lost: mpsc::UnboundedReceiver<String>, sessions: Sessions, rooms: Rooms) {
    while let Some(unit) = lost.recv().await {
        match unit.split_once('/') {
            Some(("room", code)) => rooms.lose(code).await,
            Some((_, id)) => sessions.lose(id).await,
            None => {}
        }
    }
}

fn session_limits(options: &Serve) -> sessions::Limits {
    sessions::Limits {
        sessions: options.sessions,
        log_bytes: options.session_megabytes as usize * 1_000_000,
        commands_per_second: options.commands_per_second,
        nodes: options.nodes,
        pods: options.pods,
        watches: options.watches,
        requests_per_second: options.requests_per_second,
    }
}

fn limits(options: &Serve) -> Limits {
    Limits {
        rooms: options.rooms,
        seats: options.seats,
        lasts: Duration::from_secs(u64::from(options.room_hours) * 3600),
        kept: Duration::from_secs(u64::from(options.room_days) * 24 * 3600),
    }
}

/// The address by which others in the same network reach this program; none when it listens for itself alone.
fn others_reach(listening: SocketAddr) -> Option<IpAddr> {
    if !listening.ip().is_unspecified() {
        return None;
    }
    // Nothing is sent: the system only says from which of its addresses it would go there. (These are addresses of
    // documentation, RFC 5737 and 3849.)
    let (from, there) = match listening.ip() {
        IpAddr::V4(_) => (IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from([192, 0, 2, 1])),
        IpAddr::V6(_) => {
            (IpAddr::from(Ipv6Addr::UNSPECIFIED), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]))
        }
    };
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((there, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// For a workshop: where everybody else goes, also as a picture for their phones.
fn welcome_others(address: &str) {
    println!("Others in this network open {address}");
    if let Some(picture) = qr::text(address) {
        println!("{picture}");
    }
}

/// The directory from the command line, or one of this user's own where programs keep their data.
fn data_directory(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    let home = |below: &str| env::var_os("HOME").map(|home| Path::new(&home).join(below));
    let own = || match () {
        () if cfg!(windows) => env::var_os("LOCALAPPDATA").map(PathBuf::from),
        () if cfg!(target_os = "macos") => home("Library/Application Support"),
        () => env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| home(".local/share")),
    };
    match chosen {
        Some(directory) => Ok(directory.to_owned()),
        None => own()
            .map(|directory| directory.join("kubarium"))
            .context("nowhere to keep sessions: there is no home directory; say where with --data DIR"),
    }
}

fn start_log(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match form {
        LogForm::Text => lines.init(),
        LogForm::Json => lines.json().init(),
    }
}

fn report(damage: &Damage) {
    if damage.torn_bytes > 0 {
        tracing::warn!(
            bytes = damage.torn_bytes,
            "the last write to the session log was not finished; everything before it is kept"
        );
    }
    if let Some(file) = &damage.set_aside {
        let (whole, shortened, lost) = (damage.whole, damage.shortened, damage.lost);
        tracing::error!(
            file,
            whole,
            shortened,
            lost,
            "the session store was damaged: it was set aside, and the intact beginning of every log is kept"
        );
    }
}

/// Ends at Ctrl+C, or when the system asks the program to stop; listens for that from now on.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async { tokio::signal::ctrl_c().await.expect("a handler for Ctrl+C can be set") })
}
