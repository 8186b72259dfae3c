//! Step 9: several processes serve the same chat, each on a port of its own.
//!
//! `cargo run -p tutorial_steps --bin step_9_scaling`, then open <http://127.0.0.1:3000> and
//! <http://127.0.0.1:3001>. `WORKERS` says how many there are; kill one and it is started again.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use axum::serve::ListenerExt;
use chat_adapter::{Broadcast, ClusterBroadcast, ClusterHub};
use chat_server::{Chat, supervisor, telemetry};
use chat_store::{MessageStore, SqliteStore};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_9.html"));

/// The program starts itself once more for each worker, with two arguments.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init("warn", None)?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &*arguments {
        [] => supervise().await,
        [address, hub] => work(address, Path::new(hub)).await,
        _ => bail!("this program takes no arguments; set PORT and WORKERS instead"),
    }
}

/// Starts the workers, starts again those that end, and stops them all.
async fn supervise() -> anyhow::Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let workers = std::env::var("WORKERS").unwrap_or_else(|_| "4".to_owned()).parse()?;
    let addresses = supervisor::addresses(&format!("127.0.0.1:{port}"), workers)?;

    // Where the workers tell each other of new messages; deleted at the end, which the signals may not cut short.
    let stop = asked_to_stop()?;
    let folder = tempfile::tempdir()?;
    let hub = ClusterHub::bind(folder.path().join("hub")).await?;

    let program = std::env::current_exe()?;
    let meeting_point = hub.path().to_owned();
    let worker = move |address: &str| {
        let mut command = Command::new(&program);
        command.arg(address).arg(&meeting_point);
        command
    };
    let listening = |addresses: &[&str]| {
        addresses.iter().for_each(|address| println!("listening on http://{address}"));
    };
    supervisor::run(&addresses, worker, listening, stop).await?;
    Ok(())
}

/// Ready when the program is asked to end: by Ctrl-C, or by SIGTERM, as service managers do.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
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

    // The supervisor says when to stop. Ctrl-C in a terminal goes to all processes, and SIGTERM may.
    let (released, asked) = (supervisor::released()?, asked_to_stop()?);
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|connection| {
        connection.set_nodelay(true).ok();
    });
    let stop = async move {
        tokio::select! { () = released => {}, () = asked => {} }
        chat.shutdown().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    broadcast.close().await;
    store.close().await;
    Ok(())
}
