//! Servers other than ours, as processes of the tests: on a free port, with a folder of their own, and gone with the
//! test. A module of the tests that need one.

#![allow(dead_code, reason = "each of the tests uses a part of it")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Says how to run a server on a port with a folder.
pub(crate) type CommandLine = Box<dyn Fn(u16, &Path) -> Command + Send + Sync>;

/// A running server, or one that was killed and may run again.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    command: CommandLine,
    process: Mutex<Child>,
}

impl Service {
    pub(crate) async fn run(command: CommandLine) -> Self {
        // Another process may take the port before the server does: then it ends, and another is tried.
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("a folder");
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_ports(1)[0]));
            let mut process = spawn(&command, address, &folder);
            if accepts(address, &mut process).await {
                return Self { address, folder, command, process: Mutex::new(process) };
            }
        }
        panic!("the server does not start");
    }

    /// Returns the id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().expect("killed");
        process.wait().expect("ended");
    }

    pub(crate) async fn start(&self) {
        let mut process = spawn(&self.command, self.address, &self.folder);
        assert!(accepts(self.address, &mut process).await, "the server does not start again");
        *self.process.lock().unwrap() = process;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn spawn(command: &CommandLine, address: SocketAddr, folder: &TempDir) -> Child {
    command(address.port(), folder.path())
        // Tests at other hours preload a library that some servers do not start with.
        .env_remove("LD_PRELOAD")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server is installed")
}

/// Whether this very process answers at the address before long.
async fn accepts(address: SocketAddr, process: &mut Child) -> bool {
    let connect = async {
        while TcpStream::connect(address).await.is_err() {
            if process.try_wait().expect("a process").is_some() {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
        true
    };
    let accepts = timeout(Duration::from_secs(20), connect).await.unwrap_or(false);
    accepts && process.try_wait().expect("a process").is_none()
}

/// Returns ports in a row that nobody listens on, below those that systems give out by themselves: one of those could
/// be taken while the server is stopped.
pub(crate) fn free_ports(count: u16) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let process = u16::try_from(std::process::id() % 500).expect("small");
        let first = 20_000 + (process * 24 + NEXT.fetch_add(count, Ordering::Relaxed)) % 12_000;
        let ports: Vec<_> = (first..first + count).collect();
        if ports.iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()) {
            return ports;
        }
    }
}

/// Where an executable is; packages put servers where an ordinary `PATH` does not look.
pub(crate) fn executable(name: &str) -> PathBuf {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| name.into())
}
