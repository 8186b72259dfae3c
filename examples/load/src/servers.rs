//! The servers that are compared, as processes with a folder of their own.

mod group;
mod lifted;
mod node;
mod place;
mod services;
mod setup;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use self::lifted::lift_limits;
use crate::history::Table;
pub(crate) use place::{Place, SharedProcess};
pub(crate) use setup::{Adapter, Setup};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The server of this project, as its binary comes
    ChatServer,
    /// Plain socketioxide: broadcasts and acks, keeps nothing
    Plain,
    /// The tutorial translated to socketioxide and sqlx, line by line
    Naive,
    /// The tutorial's own server, on Node.js
    Node,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ChatServer => "chat-server",
            Self::Plain => "plain socketioxide",
            Self::Naive => "tutorial in Rust",
            Self::Node => "tutorial on Node.js",
        }
    }

    /// The file with what it logged last, in the folder of all runs.
    fn log_name(self) -> &'static str {
        match self {
            Self::ChatServer => "chat-server.log",
            Self::Plain => "plain.log",
            Self::Naive => "naive.log",
            Self::Node => "node.log",
        }
    }

    /// The form in which it keeps messages, if it does.
    pub(crate) fn table(self) -> Option<Table> {
        match self {
            Self::ChatServer => Some(Table::Ours),
            Self::Plain => None,
            Self::Naive | Self::Node => Some(Table::Tutorial),
        }
    }
}

/// Where the servers are.
#[derive(Debug)]
pub(crate) struct Servers {
    chat_server: PathBuf,
    /// The folder of this program, with the peers.
    programs: PathBuf,
    /// Where each run of a server gets its folder.
    runs: PathBuf,
    /// The Node.js server's own folder, if it was asked for and works here.
    node: Option<PathBuf>,
}

/// A server that runs, until this is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    child: Child,
    folder: TempDir,
}

impl Servers {
    /// Finds the programs; `chat_server` lies beside this one when it is not named. What is kept
    /// between runs goes into `cache`.
    ///
    /// # Errors When a program is missing. A Node.js that is missing is none: see
    /// [`available`](Self::available).
    pub(crate) fn find(
        chat_server: Option<PathBuf>,
        cache: &Path,
        wanted: &[Kind],
    ) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("the path of this program is unknown")?;
        let programs = own.parent().context("this program lies in no folder")?.to_owned();
        let chat_server = chat_server.unwrap_or_else(|| programs.join("chat-server"));
        let needed = [
            (Kind::ChatServer, chat_server.clone(), "cargo build --release -p chat-server"),
            (Kind::Plain, programs.join("peer_plain"), "cargo build --release -p load"),
            (Kind::Naive, programs.join("peer_naive"), "cargo build --release -p load"),
        ];
        for (kind, program, build) in needed {
            if wanted.contains(&kind) && !program.is_file() {
                bail!("{} is missing; build it with {build}", program.display());
            }
        }
        let runs = cache.join("runs");
        fs::create_dir_all(&runs)
            .with_context(|| format!("the folder {} cannot be made", runs.display()))?;
        let node = wanted.contains(&Kind::Node).then(|| node::install(&cache.join("node")));
        let node = node.and_then(|installed| match installed {
            Ok(folder) => Some(folder),
            Err(reason) => {
                eprintln!("the tutorial's server on Node.js is left out: {reason}");
                None
            }
        });
        Ok(Self { chat_server, programs, runs, node })
    }

    /// Whether this server can be started here.
    pub(crate) fn available(&self, kind: Kind) -> bool {
        kind != Kind::Node || self.node.is_some()
    }

    /// Starts a server that nobody has used yet, with a copy of this file as its store.
    pub(crate) async fn start(&self, kind: Kind, store: Option<&Path>) -> anyhow::Result<Running> {
        let folder = TempDir::new_in(&self.runs).context("there is no folder for a server")?;
        let file = folder.path().join("chat.db");
        if let Some(store) = store {
            // Synced: commits would wait for what of the copy is not on the disk yet.
            fs::copy(store, &file)
                .and_then(|_| fs::File::open(&file)?.sync_all())
                .with_context(|| format!("{} cannot be copied", store.display()))?;
        }
        let command = self.command(kind, &file)?;
        let started = listening(command, &self.runs.join(kind.log_name()), 1).await;
        let (child, addresses) = started.with_context(|| format!("{} failed", kind.name()))?;
        let pid = child.id().context("the server ended at once")?;
        Ok(Running { address: addresses[0], pid, child, folder })
    }

    fn command(&self, kind: Kind, file: &Path) -> anyhow::Result<Command> {
        Ok(match kind {
            Kind::ChatServer => {
                let mut store = OsString::from("sqlite:");
                store.push(file);
                let mut command = Command::new(&self.chat_server);
                command.args(["--listen", "127.0.0.1:0", "--store"]).arg(store);
                lift_limits(&mut command);
                command
            }
            Kind::Plain => Command::new(self.programs.join("peer_plain")),
            Kind::Naive => {
                let mut command = Command::new(self.programs.join("peer_naive"));
                command.arg(file);
                command
            }
            Kind::Node => {
                let folder = self.node.as_ref().context("Node.js is missing")?;
                let mut command = Command::new("node");
                command.arg(folder.join("server.mjs")).arg(file);
                command
            }
        })
    }
}

/// Starts a program that prints where it listens, in so many lines.
async fn listening(
    mut command: Command,
    log: &Path,
    expected: usize,
) -> anyhow::Result<(Child, Vec<SocketAddr>)> {
    let file = fs::File::create(log).context("the log of a server cannot be written")?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).kill_on_drop(true);
    let mut child = command.spawn().context("it cannot be started")?;
    let stdout = child.stdout.take().context("it has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut addresses = Vec::new();
    while addresses.len() < expected {
        let line = timeout(PATIENCE, lines.next_line()).await.context("it does not start")??;
        let Some(line) = line else {
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!("{}", said.lines().last().unwrap_or("it ended at once"));
        };
        let address = line.strip_prefix("listening on http://").and_then(|line| line.parse().ok());
        addresses.push(address.context("it does not say where it listens")?);
    }
    Ok((child, addresses))
}

impl Running {
    /// All clients at this server.
    pub(crate) fn place(&self) -> Place {
        let address = self.address;
        Place { senders: address, listeners: address, nodes: vec![self.pid], shared: None }
    }

    /// Kills the server, and deletes what it kept.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("a server cannot be stopped")?;
        self.folder.close().context("the folder of a server cannot be deleted")
    }
}
