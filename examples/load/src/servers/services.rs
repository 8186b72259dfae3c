//! Brokers and databases, started for a measurement and ended with it.

use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use chat_store::testkit::PostgresServer;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::place::SharedProcess;

/// Where programs may be that are not on everybody's path.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Where Debian's package `postgresql` puts its programs, a folder a version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// A service that runs, until this is dropped.
pub(super) struct Service {
    pub(super) shared: SharedProcess,
    /// Where nodes find it.
    pub(super) url: String,
    process: Process,
}

enum Process {
    Own(Child),
    /// In a box: it is much larger.
    Postgres(Box<PostgresServer>),
}

impl Service {
    /// A Redis that writes nothing to the disk.
    pub(super) async fn redis(folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(find("redis-server")?);
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"]);
        command.arg(folder);
        Self::start(command, "redis", port).await
    }

    /// A NATS server without JetStream.
    pub(super) async fn nats() -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(find("nats-server")?);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        Self::start(command, "nats", port).await
    }

    /// A PostgreSQL with its own settings, and an empty database.
    pub(super) async fn postgres() -> anyhow::Result<Self> {
        let mut versions = Path::new(POSTGRES).read_dir().into_iter().flatten().flatten();
        if !versions.any(|version| version.path().join("bin/initdb").is_file()) {
            bail!("postgresql is not installed");
        }
        // It takes seconds, and waits for each of its steps.
        let started = spawn_blocking(|| PostgresServer::start_with(&[])).await;
        let server = started.context("PostgreSQL does not start")?;
        let url = server.create_database().await;
        let shared = SharedProcess::Family(server.pid());
        Ok(Self { shared, url, process: Process::Postgres(Box::new(server)) })
    }

    async fn start(mut command: Command, scheme: &str, port: u16) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().context("a service cannot start")?;
        let pid = child.id().context("a service ended at once")?;
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                if child.try_wait()?.is_some() {
                    bail!("{scheme} ended before it listened");
                }
                sleep(Duration::from_millis(10)).await;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, listens).await.with_context(|| format!("{scheme} does not start"))??;
        let url = format!("{scheme}://127.0.0.1:{port}");
        Ok(Self { shared: SharedProcess::Alone(pid), url, process: Process::Own(child) })
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        match self.process {
            Process::Own(mut child) => child.kill().await.context("a service cannot be stopped"),
            Process::Postgres(server) => {
                spawn_blocking(move || drop(server)).await.context("PostgreSQL does not stop")
            }
        }
    }
}

fn find(program: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    let mut programs = folders.map(|folder| folder.join(program));
    programs
        .find(|program| program.is_file())
        .with_context(|| format!("{program} is not installed"))
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("there is no free port")?;
    Ok(listener.local_addr().context("there is no free port")?.port())
}
