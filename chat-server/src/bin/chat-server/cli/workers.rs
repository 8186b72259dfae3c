//! Runs the server as the supervisor of several worker processes of the same program.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use chat_core::event::DeviceCode;
use tokio::process::Command;
use tokio::sync::watch;

use super::listen::ListenAddress;
use super::reload::reload_signal;
use super::stop::StopSignals;
use super::{Cli, administrator, hub};
use crate::service_manager;
use crate::supervisor::{self, LISTENING, Stop};

/// Runs the workers until SIGTERM or Ctrl-C.
pub(super) async fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if cli.store.starts_with("memory:") {
        anyhow::bail!(
            "a memory: store is inside one process and --workers {} are several; choose another with \
             --store, such as sqlite:PATH",
            cli.workers
        );
    }
    let ListenAddress::Tcp(first) = cli.address() else {
        anyhow::bail!("--workers {} listen on as many ports: give --listen HOST:PORT", cli.workers);
    };
    let addresses = supervisor::addresses(&first, cli.workers)
        .context("cannot listen; choose another address with --listen HOST:PORT")?;
    let admins = admin_addresses(cli)?;
    let mut signals = StopSignals::new()?;
    let stop = async {
        signals.next().await;
        service_manager::stopping();
    };
    let hangups = hangups(cli)?;
    let hub = hub::open(&cli.adapter).await?;
    let program = std::env::current_exe().context("cannot find the program to start workers")?;

    // The user's options follow, so that a worker has all of them and `ps` shows which is which.
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(hub) = &hub {
        arguments.extend(["--worker-hub".into(), hub.path().into()]);
    }
    arguments.extend(std::env::args_os().skip(1));
    let command = move |number: usize, address: &str| {
        let mut command = Command::new(&program);
        command.args(["--worker-listen", address]);
        if let Some(admin) = admins.get(number) {
            command.args(["--worker-admin-listen", admin]);
        }
        command.args(&arguments);
        command
    };
    let code = missing_administrator(cli).await?;
    let listening = |addresses: &[&str]| {
        if let (Some(code), Some(first)) = (&code, addresses.first()) {
            administrator::print(cli, first, code);
        }
        addresses
            .iter()
            .for_each(|address| println!("{LISTENING}{}://{address}", cli.tls.scheme()));
        service_manager::ready(&format!("serving on {}", addresses.join(" ")));
    };
    // Listens from the moment when it is polled: after the first signal.
    let again = async {
        match StopSignals::new() {
            Ok(mut signals) => signals.next().await,
            Err(_) => std::future::pending().await,
        }
    };
    let stop = Stop { asked: stop, hurried: again, longer: cli.drain };
    match supervisor::run(&addresses, command, listening, hangups, stop).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // It has said what is wrong.
        Err(error) if error.is_explained() => Ok(ExitCode::FAILURE),
        Err(error) => Err(error.into()),
    }
}

/// Returns where each worker serves its operator; nothing if none does.
fn admin_addresses(cli: &Cli) -> anyhow::Result<Vec<String>> {
    match &cli.admin_listen {
        None => Ok(Vec::new()),
        Some(ListenAddress::Tcp(first)) if !first.ends_with(":0") => {
            supervisor::addresses(first, cli.workers)
                .context("cannot listen; choose another address with --admin-listen HOST:PORT")
        }
        Some(_) => anyhow::bail!(
            "--workers {} serve the operator on as many ports: give --admin-listen HOST:PORT",
            cli.workers
        ),
    }
}

/// Returns a code for an administrator, if one is missing.
async fn missing_administrator(cli: &Cli) -> anyhow::Result<Option<DeviceCode>> {
    if !administrator::may_be_missing(cli) {
        return Ok(None);
    }
    let store = chat_store::open(&cli.store).await?;
    let code = administrator::code(cli, &*store).await;
    store.close().await;
    Ok(code)
}

/// Returns the SIGHUPs of this process, on which workers read their files again. Without files none comes, and the signal
/// ends the process as ever.
fn hangups(cli: &Cli) -> anyhow::Result<watch::Receiver<()>> {
    let (sender, hangups) = watch::channel(());
    if let Some(mut asked) = reload_signal(cli)? {
        tokio::spawn(
            async move { while asked.recv().await.is_some() && sender.send(()).is_ok() {} },
        );
    }
    Ok(hangups)
}
