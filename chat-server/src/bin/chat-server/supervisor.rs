//! A supervisor of several processes that serve one chat: starts, restarts and stops them.
//!
//! It is independent of the chat. A worker is any program that
//!
//! - prints `listening on http://HOST:PORT`, or `https://`, on its standard output when it is ready, and
//! - stops when its standard input ends (the parent-death pipe). The supervisor closes the pipe to stop it. The
//!   operating system closes it if the supervisor is killed. See [`released`].

mod addresses;
mod error;
mod parent_death;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub(crate) use addresses::addresses;
pub(crate) use parent_death::released;
pub(crate) use worker::LISTENING;

use error::SupervisorError;
use worker::Worker;

/// The pause before a worker is restarted. It doubles each time, up to the longest one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A worker that ran for this long counts as healthy.
const WELL: Duration = Duration::from_secs(60);

impl SupervisorError {
    /// Returns whether the worker itself has explained the error on standard error, as programs do that exit with
    /// status 1.
    pub(crate) fn is_explained(&self) -> bool {
        matches!(self, Self::NotStarted { status, .. } if status.code() == Some(1))
    }
}

/// When and how workers stop.
pub(crate) struct Stop<A, H> {
    /// Ready when they have to stop.
    pub(crate) asked: A,
    /// Ready when they have to stop at once; waited for from then on.
    pub(crate) hurried: H,
    /// How much longer than ten seconds they may take.
    pub(crate) longer: Duration,
}

/// Runs a worker for each address until `stop` is asked for; `command` returns the command that starts one, of its number from
/// 0 on and its address.
///
/// Workers are started one after the other. Once all of them are ready, `listening` is called with their addresses,
/// in the same order. From then on a worker that exits is restarted at its address. A worker that does not stop
/// in time is killed. If they are hurried, they get SIGTERM and ten seconds more. Each time that `hangups` changes, SIGHUP
/// is sent to all workers; to one that is being started, once it is ready.
///
/// # Errors
/// When a worker cannot be started at first; the others are stopped then.
pub(crate) async fn run(
    addresses: &[String],
    command: impl Fn(usize, &str) -> Command + Send + Sync + 'static,
    listening: impl FnOnce(&[&str]),
    hangups: watch::Receiver<()>,
    stop: Stop<impl Future<Output = ()>, impl Future<Output = ()>>,
) -> Result<(), SupervisorError> {
    let Stop { asked, hurried, longer } = stop;
    tokio::pin!(asked);
    let in_a_hurry = CancellationToken::new();
    let mut workers = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        let started = tokio::select! {
            started = Worker::start(command(number, address), address) => started.map(Some),
            () = &mut asked => Ok(None),
        };
        match started {
            Ok(Some(worker)) => workers.push(worker),
            not_started => {
                join_all(workers.iter_mut().map(|worker| worker.stop(longer, &in_a_hurry))).await;
                return not_started.map(|_| ());
            }
        }
    }
    listening(&workers.iter().map(Worker::address).collect::<Vec<_>>());

    let stopping = CancellationToken::new();
    let command = Arc::new(command);
    let keepers = workers.into_iter().enumerate().map(|(number, mut worker)| {
        let (command, stopping) = (Arc::clone(&command), stopping.clone());
        let (hangups, in_a_hurry) = (hangups.clone(), in_a_hurry.clone());
        tokio::spawn(async move {
            stopping
                .run_until_cancelled(keep(&mut worker, |address| command(number, address), hangups))
                .await;
            worker.stop(longer, &in_a_hurry).await;
        })
    });
    let mut keepers = join_all(keepers.collect::<Vec<_>>());
    asked.await;
    stopping.cancel();
    tokio::select! {
        _ = &mut keepers => return Ok(()),
        () = hurried => in_a_hurry.cancel(),
    }
    keepers.await;
    Ok(())
}

/// Restarts a worker whenever it exits, and passes hangups on to it.
async fn keep(
    worker: &mut Worker,
    command: impl Fn(&str) -> Command,
    mut hangups: watch::Receiver<()>,
) -> ! {
    // The operating system may have chosen the port; the worker's clients know this one.
    let address = worker.address().to_owned();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let started = Instant::now();
        let ended = loop {
            tokio::select! {
                ended = worker.ended() => break ended,
                Ok(()) = hangups.changed() => worker.hang_up(),
            }
        };
        tracing::warn!(worker.address = address, "a worker has ended, starting it again: {ended}");
        if started.elapsed() > WELL {
            pause = SHORTEST_PAUSE;
        }
        loop {
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            match Worker::start(command(&address), &address).await {
                Ok(started) => break *worker = started,
                Err(error) => tracing::warn!("a worker was not started again: {error}"),
            }
        }
    }
}
