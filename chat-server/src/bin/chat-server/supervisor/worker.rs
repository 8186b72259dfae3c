use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::SupervisorError;

/// What a worker prints before its URL.
pub(crate) const LISTENING: &str = "listening on ";

/// How long a worker may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A worker process that listens.
pub(super) struct Worker {
    address: String,
    child: Child,
    /// The parent-death pipe: the worker stops when this is dropped.
    parent_pipe: Option<ChildStdin>,
    /// Open for as long as the worker may write to it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts a process and waits until it listens. If this call is dropped, the process is killed.
    pub(super) async fn start(
        mut command: Command,
        address: &str,
    ) -> Result<Self, SupervisorError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C reaches all processes of a terminal's group, but the supervisor has to tell the workers.
        command.process_group(0);
        let mut child = command.spawn().map_err(SupervisorError::Spawn)?;
        let parent_pipe = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| {
            SupervisorError::Spawn(io::Error::other("its standard output is not there"))
        })?;
        let mut output = BufReader::new(output).lines();
        while let Ok(Some(line)) = output.next_line().await {
            let url = line.strip_prefix(LISTENING).and_then(|url| url.split_once("://"));
            if let Some((_, address)) = url {
                let address = address.to_owned();
                tracing::info!(
                    worker.address = address,
                    worker.pid = child.id(),
                    "a worker listens"
                );
                return Ok(Self { address, child, parent_pipe, _output: output });
            }
        }
        let status = child.wait().await.map_err(SupervisorError::Spawn)?;
        Err(SupervisorError::NotStarted { address: address.to_owned(), status })
    }

    /// Returns the address that it listens on.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until it exits by itself, and returns how it did.
    pub(super) async fn ended(&mut self) -> String {
        said(self.child.wait().await)
    }

    /// Sends SIGHUP to it.
    pub(super) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        // It has no id once it has exited and been waited for, so no other process can get the signal.
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(Err(error)) = id.map(|id| kill_process(id, signal)) {
            let address = &self.address;
            tracing::warn!(worker.address = address, "a worker did not get a signal: {error}");
        }
    }

    /// Stops it, by force if it takes longer than usual by this time, or than usual once it is in a hurry.
    pub(super) async fn stop(&mut self, longer: Duration, in_a_hurry: &CancellationToken) {
        self.parent_pipe.take();
        let in_time = timeout(STOP_PATIENCE + longer, self.child.wait());
        let ended = match in_a_hurry.run_until_cancelled(in_time).await {
            Some(ended) => ended,
            None => {
                self.signal(Signal::TERM);
                timeout(STOP_PATIENCE, self.child.wait()).await
            }
        };
        match ended {
            Ok(Ok(status)) if status.success() => {}
            Ok(ended) => {
                let ended = said(ended);
                tracing::warn!(
                    worker.address = self.address,
                    "a worker did not stop well: {ended}"
                );
            }
            Err(_) => {
                tracing::warn!(worker.address = self.address, "a worker does not stop; killing it");
                // It fails if the process has just exited.
                let _ = self.child.kill().await;
            }
        }
    }
}

fn said(ended: io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}
