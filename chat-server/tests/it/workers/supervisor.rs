use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::PATIENCE;
use crate::server::{Launched, launch};
use crate::service::free_ports;

/// The supervisor, its workers, and the folder of their store.
pub(super) struct Supervisor {
    pub(super) ports: Vec<u16>,
    supervisor: Child,
    /// What it writes to standard output after its start.
    output: Lines<BufReader<ChildStdout>>,
    /// What they all have written to standard error.
    log: watch::Receiver<Vec<String>>,
    /// Ends when the last process that could write to it has.
    logging: JoinHandle<()>,
    _folder: TempDir,
}

/// A command that starts workers on these ports.
pub(super) fn command(first: u16, workers: usize, store: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command.args(["--listen", &format!("127.0.0.1:{first}"), "--workers", &workers.to_string()]);
    command.args(["--store", store, "--log", "info"]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What a command that fails writes to standard output and to standard error, there without the log.
pub(super) async fn failure(mut command: Command) -> (String, Vec<String>) {
    let output = timeout(PATIENCE, command.stdout(Stdio::piped()).kill_on_drop(true).output())
        .await
        .expect("it ends")
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let lines = text(output.stderr);
    let lines = lines.lines().filter(|line| !line.contains(" INFO ")).map(str::to_owned);
    (text(output.stdout), lines.collect())
}

impl Supervisor {
    pub(super) async fn start(workers: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        let ports = free_ports(u16::try_from(workers).expect("few"));
        let store = format!("sqlite:{}", folder.path().join("chat.db").display());
        let mut command = command(ports[0], workers, &store);
        // One that is killed leaves its socket behind.
        command.env("TMPDIR", folder.path());
        let Launched { process: mut supervisor, output, urls } = launch(command, workers).await;
        let expected: Vec<_> =
            ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
        assert_eq!(urls, expected);

        let (sender, log) = watch::channel(Vec::new());
        let mut lines = BufReader::new(supervisor.stderr.take().expect("piped")).lines();
        let logging = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|log| log.push(line));
            }
        });
        Self { ports, supervisor, output, log, logging, _folder: folder }
    }

    /// Waits until the worker of a port has been started so many times, and says which process it is.
    pub(super) async fn worker(&self, port: u16, starts: usize) -> Pid {
        let says = format!("a worker listens worker.address=\"127.0.0.1:{port}\" worker.pid=");
        let pids = |log: &[String]| -> Vec<i32> {
            let pids = log.iter().filter_map(|line| line.split_once(&says));
            pids.map(|(_, pid)| pid.parse().expect("a number")).collect()
        };
        let mut log = self.log.clone();
        let started = log.wait_for(|log| pids(log).len() >= starts);
        let log = timeout(PATIENCE, started).await.expect("it is started").expect("it runs");
        Pid::from_raw(pids(&log)[starts - 1]).expect("a process")
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.supervisor.id().expect("it runs")).expect("a process");
        kill_process(Pid::from_raw(pid).expect("a process"), signal).expect("it is there");
    }

    /// Waits until the supervisor and all workers have ended: how the supervisor did, what it wrote to
    /// standard output after its start, and the log.
    pub(super) async fn ended(mut self) -> (ExitStatus, String, Vec<String>) {
        let status = timeout(PATIENCE, self.supervisor.wait()).await.expect("it ends in time");
        timeout(PATIENCE, self.logging).await.expect("all workers end in time").expect("read");
        let mut rest = String::new();
        self.output.get_mut().read_to_string(&mut rest).await.expect("read");
        let log = self.log.borrow().clone();
        (status.expect("it ran"), rest, log)
    }
}
