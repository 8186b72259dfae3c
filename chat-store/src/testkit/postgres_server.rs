use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// The folder in which Debian's package `postgresql` installs its programs, one subfolder per version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Reads commands about the server's life, line by line.
const SCRIPT: &str = include_str!("postgres_server.sh");

/// A PostgreSQL server for one test, with an empty folder and a free port of this machine.
///
/// It is removed with its folder when this is dropped or the process ends, however it ends. It uses the programs of
/// Debian's package `postgresql`. Without them a test is ignored if it has the attribute
/// `#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]`, and the build script of its package sets that `cfg` as
/// this one's does.
///
/// # Panics
/// All functions, if the server does not do what it should.
pub struct PostgresServer {
    port: u16,
    watched: Mutex<Watched>,
    databases: AtomicU32,
}

/// The script that runs the server.
struct Watched {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl PostgresServer {
    /// Starts a server that starts fast and does not sync its disk.
    pub fn start() -> Self {
        // Nor does it wait for the disk in any other way: on a busy machine that takes longer than clients wait.
        Self::start_with(&[
            "fsync=off",
            "full_page_writes=off",
            "checkpoint_timeout=1d",
            "max_wal_size=16GB",
            "checkpoint_flush_after=0",
            "bgwriter_flush_after=0",
            "wal_writer_flush_after=0",
        ])
    }

    /// Starts a server with these settings, each `NAME=VALUE`.
    pub fn start_with(settings: &[&str]) -> Self {
        let port = free_port();
        let mut command = if is_root() {
            // The server refuses to run as root; Debian's package creates this user.
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "postgres", VERSIONS, &port.to_string()]).args(settings);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut watched = Watched { child, answers };
        assert_eq!(watched.answer(), "done", "there is no folder for the server");
        let server = Self { port, watched: Mutex::new(watched), databases: AtomicU32::new(0) };
        server.start_again();
        server
    }

    /// Starts it after it was stopped or has crashed, on the same port with the same databases.
    pub fn start_again(&self) {
        self.tell("start");
    }

    /// Breaks all connections and shuts down.
    pub fn stop(&self) {
        self.tell("stop");
    }

    /// Breaks all connections and shuts down without writing anything more.
    pub fn crash(&self) {
        self.tell("crash");
    }

    /// Returns the id of the server's main process.
    pub fn pid(&self) -> u32 {
        let answer = self.ask("pid");
        answer.parse().expect("the server runs")
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a database of this name, which may not exist.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database and returns its URL.
    pub async fn create_database(&self) -> String {
        let name = format!("chat{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        self.url(&name)
    }

    /// Runs statements in a database of this name.
    pub async fn execute(&self, database: &str, sql: &str) {
        let options: PgConnectOptions = self.url(database).parse().expect("a URL");
        let mut connection = options.connect().await.expect("a connection");
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statements work");
        connection.close().await.expect("it closes");
    }

    fn tell(&self, command: &str) {
        assert_eq!(self.ask(command), "done", "the server does not do what it should");
    }

    fn ask(&self, command: &str) -> String {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let script = watched.child.stdin.as_mut().expect("it is piped");
        writeln!(script, "{command}").expect("the script listens");
        watched.answer()
    }
}

impl Watched {
    fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the script answers");
        answer.trim().to_owned()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let watched = self.watched.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(watched.child.stdin.take());
        let _ = watched.child.wait();
    }
}

/// Returns a port that is not used for outgoing connections: those could take it while the server is stopped.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = (std::process::id() % 12_000) as u16;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let port = ports.by_ref().take(12_000).map(|n| 20_000 + (own + n % 12_000) % 12_000).find(free);
    port.expect("a free port")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
