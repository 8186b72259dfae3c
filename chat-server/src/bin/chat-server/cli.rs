//! The command line of the server.

mod adapter;
mod admin;
mod administrator;
mod api_args;
mod api_client;
mod api_tls;
mod api_token;
mod args;
mod backup;
mod client;
mod command;
mod config;
mod erase;
mod files;
mod follow;
mod foreign;
mod hub;
mod jwt;
mod limits;
mod listen;
mod moderate;
mod moderate_api;
mod moderate_args;
mod moving;
mod one_line;
mod private_file;
mod progress;
mod reload;
mod retention;
mod secret_files;
mod show;
mod stop;
mod tls;
mod webhooks;
mod workers;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use api_client::TryAgain;
pub(crate) use args::Cli;
use command::Command;
use listen::Bound;
pub(crate) use one_line::one_line;
use reload::{Reloaded, reload_signal};
use stop::StopSignals;

use crate::open_files::{open_files, raise_open_files};
use crate::service_manager;
use crate::supervisor::{self, LISTENING};
use crate::telemetry;
use chat_server::{Chat, Observed, Stores};

/// How long the store and the adapter may each take to close.
const CLOSE_PATIENCE: Duration = Duration::from_millis(900);

/// Runs the server until SIGTERM or Ctrl-C.
///
/// Prints `listening on http://HOST:PORT` (with TLS `https://`) on standard output when clients can connect, one line for each worker, and a link
/// for the administrator while there is none.
///
/// # Errors
/// When the server cannot start: one line that says what is wrong and what to do. A worker that cannot start prints
/// that line itself; the result is then a failure exit code and no error.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Store(command)) => {
            if let Some(api) = command.api() {
                let client = api.clone().client()?;
                return moderate_api::run(&client, command).await.map(|()| ExitCode::SUCCESS);
            }
            moderate::check_store(&cli.store)?;
            let store = chat_store::open(&cli.store).await?;
            let done = moderate::run(command, &*store).await;
            store.close().await;
            return done.map(|()| ExitCode::SUCCESS);
        }
        Some(Command::Backup(command)) => {
            return backup::run(command, &cli.store).await.map(|()| ExitCode::SUCCESS);
        }
        Some(Command::Move(command)) => {
            return moving::run(command, &cli.store).await.map(|()| ExitCode::SUCCESS);
        }
        Some(Command::Client(command)) => {
            return client::run(command).await.map(|()| ExitCode::SUCCESS);
        }
        Some(Command::Completions { shell }) => {
            let (mut command, mut text) = (Cli::command(), Vec::new());
            clap_complete::generate(shell, &mut command, "chat-server", &mut text);
            return print(&text);
        }
        Some(Command::Man) => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            return print(&text);
        }
        Some(Command::ApiToken(args)) => {
            return api_token::create(args).map(|()| ExitCode::SUCCESS);
        }
        Some(Command::Config { command: config::Command::Doc }) => {
            return print(config::document(&Cli::command()).as_bytes());
        }
        Some(Command::Config { command: config::Command::Check { file } }) => {
            return check_config(file.or(cli.config));
        }
        None => {}
    }
    cli.check()?;
    raise_open_files();
    if cli.workers > 1 && cli.worker_listen.is_none() {
        telemetry::init(&cli.log, cli.log_format, None)?;
        return workers::run(&cli).await;
    }
    serve(&cli).await?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a file with options, and prints all that is wrong with it.
fn check_config(file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let path = file.context("name a file, or give one with --config FILE")?;
    let checked = config::check(&Cli::command(), &path).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        cli.check().map_err(|error| format!("{}: {error}", path.display()))
    });
    match checked {
        Ok(()) => print(format!("{} can be used\n", path.display()).as_bytes()),
        Err(problems) => {
            problems.lines().for_each(|problem| eprintln!("chat-server: {problem}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints a text, of which a reader may want the beginning only.
fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Returns the exit code for an error: 75, as in `sysexits.h`, if trying again later may help.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    const TEMPORARY: u8 = 75;
    if error.is::<TryAgain>() { ExitCode::from(TEMPORARY) } else { ExitCode::FAILURE }
}

async fn serve(cli: &Cli) -> anyhow::Result<()> {
    let bound = cli.address().bind("--listen").await?;
    let admin_token = admin::token(cli.admin_token_file.as_deref())?;
    let admin = match cli.admin_address() {
        Some(address) => Some((address.bind("--admin-listen").await?, admin_token)),
        None => None,
    };
    let local = &*bound.shown;
    let worker = cli.worker_listen.as_ref().map(|_| local);
    telemetry::init(&cli.log, cli.log_format, worker)?;
    let certificate = cli.tls.certificate()?;
    let webhooks = cli.webhooks.webhooks()?;
    let reloaded = Reloaded {
        verifier: cli.jwt.verifier()?,
        tokens: api_token::tokens(cli.api_tokens.as_deref())?,
        secrets: webhooks.secrets.clone(),
        certificate: certificate.clone(),
    };
    let store = chat_store::open(&cli.store).await?;
    let broadcast = adapter::open(cli).await?;
    // Only the kind of each URL: the rest may contain secrets.
    let adapter = if cli.worker_hub.is_some() { "cluster" } else { kind(&cli.adapter) };
    let mut stores = Stores::from(Arc::clone(&store));
    if !cli.search {
        stores = stores.with_search(None);
    }
    let mut chat = Chat::builder(stores)
        .reserved_names(cli.reserved_names.iter().flatten().cloned())
        .registration(cli.registration)
        .limits(cli.limits())
        .retention(cli.retention.retention())
        .trusted_proxies(cli.trusted_proxies.iter().cloned())
        .allowed_origins(cli.allowed_origins.iter().cloned())
        .allowed_hosts(cli.allowed_hosts.iter().cloned())
        .base_path(cli.base_path.clone());
    if cli.rooms {
        chat = chat.room_rules();
    }
    if adapter != "local" {
        chat = chat.broadcast(Arc::clone(&broadcast));
    }
    if let Some(asked) = reload_signal(cli)? {
        // Before a supervisor learns that this worker listens, and passes signals on.
        tokio::spawn(reloaded.clone().reload(asked));
    }
    if let Some(verifier) = reloaded.verifier {
        chat = chat.jwt(verifier);
    }
    if let Some(files) = files::store(cli.file_directory.as_ref(), &cli.store) {
        chat = chat.files(files);
    }
    if let Some(tokens) = reloaded.tokens {
        chat = chat.api(tokens);
    }
    if cli.trace_events {
        chat = chat.observe(trace);
    }
    let chat = chat.start().await?;
    webhooks.start(&chat)?;
    let stopped = CancellationToken::new();
    let admin_certificate = certificate.clone().filter(|_| cli.tls.is_for_operator());
    let admin_scheme = if admin_certificate.is_some() { "https" } else { "http" };
    let admin = admin.map(|(bound, token)| {
        let bound = bound.with_tls(admin_certificate);
        admin::start(&chat, admin_scheme, bound, token, stopped.clone())
    });
    let mut signals = StopSignals::new()?;
    let released = cli.worker_listen.as_ref().map(|_| supervisor::released()).transpose();
    let released = released.context("only a supervisor starts workers; use --workers N")?;
    let asked_to_stop = OnceLock::new();
    let stop = async {
        match released {
            Some(released) => tokio::select! { () = signals.next() => {}, () = released => {} },
            None => signals.next().await,
        }
        if !cli.drain.is_zero() {
            // A second signal ends it.
            tokio::select! { () = chat.drain(cli.drain) => {}, () = signals.next() => {} }
        }
        tracing::info!("stopping");
        if cli.worker_listen.is_none() {
            service_manager::stopping();
        }
        asked_to_stop.get_or_init(Instant::now);
    };
    tracing::info!(
        store = kind(&cli.store),
        adapter,
        workers = cli.workers,
        max_connections = chat.max_connections(),
        open_files = open_files(),
        tls = certificate.is_some(),
        "chat-server {} serves on {local}",
        env!("CARGO_PKG_VERSION")
    );
    // A supervisor prints one for all of its workers.
    let code = match cli.worker_listen {
        None => administrator::code(cli, &*store).await,
        Some(_) => None,
    };
    if let Some(code) = code {
        administrator::print(cli, local, &code);
    }
    println!("{LISTENING}{}", bound.url(cli.tls.scheme()));
    if cli.worker_listen.is_none() {
        service_manager::ready(&format!("serving on {local}"));
    }
    if let Some(certificate) = certificate.clone() {
        tokio::spawn(tls::follow(certificate));
    }
    let Bound { listener, _file, .. } = bound.with_tls(certificate);
    let served = chat.serve(listener, stop).await;
    stopped.cancel();
    let close = async {
        if let Some(admin) = admin {
            admin.await.ok();
        }
        broadcast.close().await;
        store.close().await;
    };
    // Committed messages are safe even when the store is not closed in good order.
    if timeout(CLOSE_PATIENCE, close).await.is_err() {
        tracing::warn!("the store or the adapter did not close in time");
    }
    if let Some(asked) = asked_to_stop.get() {
        tracing::info!("stopped after {:.1} s", asked.elapsed().as_secs_f32());
    }
    Ok(served?)
}

/// Returns the part of a URL before the first colon.
fn kind(url: &str) -> &str {
    url.split_once(':').map_or(url, |(kind, _)| kind)
}

fn trace(event: Observed<'_>) {
    let Observed { socket, direction, event, bytes, .. } = event;
    // The client chose the name: it may be long and contain anything.
    let name: String = event.unwrap_or("(answer)").chars().take(64).collect();
    tracing::info!(socket.id = %socket, event.bytes = bytes, "{direction} {name:?}");
}
