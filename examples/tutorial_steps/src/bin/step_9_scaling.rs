//! Step 9: several processes serve the same chat, each on a port of its own.
//!
//! `cargo run -p tutorial_steps --bin step_9_scaling`, then open <http://127.0.0.1:3000> and
//! <http://127.0.0.1:3001>. `WORKERS` says how many there are; kill one and it is started again.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_adapter::{Broadcast, ClusterBroadcast, ClusterHub};
use chat_server::Chat;
use chat_store::{MessageStore, SqliteStore};
use futures_util::future::try_join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_9.html"));

/// The program starts itself once more for each worker, with two arguments.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &*arguments {
        [] => supervise().await,
        [address, hub] => work(address, Path::new(hub)).await,
        _ => bail!("this program takes no arguments; set PORT and WORKERS instead"),
    }
}

/// Starts the workers, starts again those that end, and stops them all.
async fn supervise() -> anyhow::Result<()> {
    let first: u16 = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned()).parse()?;
    let workers: u16 = std::env::var("WORKERS").unwrap_or_else(|_| "4".to_owned()).parse()?;
    let port = |worker| if first == 0 { free_port() } else { Ok(first + worker) };
    let ports: Vec<u16> = (0..workers).map(port).collect::<std::io::Result<_>>()?;
    // Where the workers tell each other of new messages; deleted at the end, which the signals may not cut short.
    let stop = asked_to_stop()?;
    let folder = tempfile::tempdir()?;
    let hub = ClusterHub::bind(folder.path().join("hub")).await?;

    let workers = ports.into_iter().map(|port| keep_running(port, hub.path()));
    tokio::select! {
        () = stop => Ok(()),
        ended = try_join_all(workers) => ended.map(|_| ()),
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts a worker, and again when it ends. Dropped, it closes the worker's standard input, and so stops the worker.
async fn keep_running(port: u16, hub: &Path) -> anyhow::Result<()> {
    loop {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("127.0.0.1:{port}")).arg(hub).stdin(Stdio::piped());
        let mut worker = command.spawn()?;
        // Held, since waiting for a process closes the standard input that it still has.
        let _open = worker.stdin.take();
        let status = worker.wait().await?;
        eprintln!("the worker on port {port} ended: {status}");
        sleep(Duration::from_secs(1)).await;
    }
}

/// Ready when the program is asked to end: by Ctrl-C, or by SIGTERM, as service managers do.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

/// In a worker: ready when the first process has ended, however it ended, as the standard input is a pipe to it.
fn released() -> std::io::Result<impl Future<Output = ()>> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let mut input = pipe::Receiver::from_owned_fd(input)?;
    Ok(async move { while let Ok(1..) = input.read(&mut [0; 64]).await {} })
}

/// A worker: the server of step 7, and what is new is the broadcast.
async fn work(address: &str, hub: &Path) -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let broadcast = Arc::new(ClusterBroadcast::connect(hub).await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let chat = Chat::builder(messages)
        .broadcast(Arc::<ClusterBroadcast>::clone(&broadcast))
        .start()
        .await?;

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/process", get(async || std::process::id().to_string()))
        .merge(chat_server::client_router())
        .merge(chat.socket_router());

    // Ctrl-C in a terminal goes to all processes, and SIGTERM may.
    let (released, asked) = (released()?, asked_to_stop()?);
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async {
        tokio::select! { () = released => {}, () = asked => {} }
    };
    chat.serve_router(listener, app, stop).await?;
    broadcast.close().await;
    store.close().await;
    Ok(())
}
