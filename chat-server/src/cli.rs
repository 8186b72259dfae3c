//! The command line of the server.

mod hub;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::supervisor::{self, LISTENING};
use crate::{Chat, telemetry};

/// The host that is listened on when only a port is given.
const DEFAULT_HOST: &str = "127.0.0.1";

/// How long the store and the adapter may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_millis(900);

const DEFAULT_PORT: &str = "3000";

/// A chat server for any Socket.IO client, which loses nothing.
///
/// Open the address it prints in a browser, or connect a Socket.IO client to it.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:3000]
    ///
    /// Use 0.0.0.0:3000 to be reached from other machines. Without this option, the environment
    /// variable PORT chooses the port alone.
    #[arg(long, env = "CHAT_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<String>,

    /// Where messages are kept
    ///
    /// sqlite:PATH is a file, made when it is missing, also one that the Socket.IO tutorial's server has
    /// made. memory: forgets everything when the server stops.
    #[arg(long, env = "CHAT_STORE", value_name = "URL", default_value = "sqlite:chat.db")]
    pub store: String,

    /// How the nodes tell each other of new messages
    ///
    /// local: is inside one process, and with --workers between them. cluster:PATH is a local socket,
    /// where a server with --workers listens and others may join. redis://HOST and nats://HOST are
    /// brokers, for nodes on several machines.
    #[arg(long, env = "CHAT_ADAPTER", value_name = "URL", default_value = "local:")]
    pub adapter: String,

    /// How many processes serve the chat, on this port and those after it
    ///
    /// With more than one, the first process starts the others, starts them again when they end, and
    /// stops them.
    #[arg(
        long,
        env = "CHAT_WORKERS",
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub workers: u16,

    /// For how long a client that lost its connection gets its session back, as in 90s or 2m; 0s turns
    /// it off
    ///
    /// It bounds the session only: messages are never lost, and a client that names its last offset gets
    /// what it missed at any time.
    #[arg(
        long,
        env = "CHAT_RECOVERY_WINDOW",
        value_name = "DURATION",
        default_value = "2m",
        value_parser = humantime::parse_duration
    )]
    pub recovery_window: Duration,

    /// What to log on standard error: error, warn, info, debug or trace, or a filter such as
    /// chat_server=debug
    #[arg(long, env = "CHAT_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Makes this process a worker: the address that its supervisor gives it.
    #[arg(long, hide = true)]
    worker_listen: Option<String>,

    /// Where the supervisor's hub listens; none when the adapter needs none.
    #[arg(long, hide = true, requires = "worker_listen")]
    worker_hub: Option<PathBuf>,
}

impl Cli {
    fn address(&self) -> String {
        if let Some(address) = self.worker_listen.as_ref().or(self.listen.as_ref()) {
            return address.clone();
        }
        let port = std::env::var("PORT");
        format!("{DEFAULT_HOST}:{}", port.as_deref().unwrap_or(DEFAULT_PORT))
    }
}

/// Runs the server until SIGTERM or Ctrl-C.
///
/// Prints `listening on http://HOST:PORT` on standard output when clients can connect, for each worker when
/// there are several.
///
/// # Errors
/// When it cannot start: with what is wrong and what to do, in one line. A worker that could not start has
/// said that line itself; then there is a failure as exit code and no error.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if cli.workers > 1 && cli.worker_listen.is_none() {
        telemetry::init(&cli.log, None)?;
        return workers::run(&cli).await;
    }
    serve(&cli).await?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(cli: &Cli) -> anyhow::Result<()> {
    let address = cli.address();
    let listener = TcpListener::bind(&address).await.with_context(|| {
        format!("cannot listen on {address:?}; choose another address with --listen HOST:PORT")
    })?;
    let local = listener.local_addr()?;
    telemetry::init(&cli.log, cli.worker_listen.as_ref().map(|_| local))?;
    let store = chat_store::open(&cli.store).await?;
    let broadcast = match &cli.worker_hub {
        Some(hub) => chat_adapter::open(&format!("cluster:{}", hub.display())).await?,
        None => chat_adapter::open(&cli.adapter).await?,
    };
    let chat = Chat::builder(Arc::clone(&store))
        .broadcast(Arc::clone(&broadcast))
        .recovery_window(cli.recovery_window)
        .start()
        .await?;
    let signalled = stop_signal()?;
    let released = cli.worker_listen.as_ref().map(|_| supervisor::released()).transpose();
    let released = released.context("only a supervisor starts workers; use --workers N")?;
    let stop = async {
        match released {
            Some(released) => tokio::select! { () = signalled => {}, () = released => {} },
            None => signalled.await,
        }
        tracing::info!("stopping");
    };
    println!("{LISTENING}{local}");
    let served = chat.serve(listener, stop).await;
    let close = async {
        broadcast.close().await;
        store.close().await;
    };
    // What is committed stays so, also when the store is not closed in good order.
    if timeout(CLOSE_PATIENCE, close).await.is_err() {
        tracing::warn!("the store or the adapter did not close in time");
    }
    Ok(served?)
}

/// An error and its causes in one line, without those that only repeat what was said.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line.replace('\n', " ")
}

/// Ready when the process is asked to stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
