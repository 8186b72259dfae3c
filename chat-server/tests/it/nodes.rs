//! Several nodes with one log, for each store and each way they can hear each other.

use std::net::TcpListener as StdListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use chat_adapter::{Broadcast, LocalBroadcast};
use chat_server::Chat;
use chat_store::{MemoryStore, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::javascript;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the tests with JavaScript clients against nodes at these URLs.
async fn check(urls: Vec<String>) {
    let urls = urls.join(",");
    let run = move || javascript::run("nodes.test.mjs", &[("CHAT_NODE_URLS", &urls)]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// A process that is killed with the test.
struct Process(#[allow(dead_code)] Child);

/// Starts the server, and returns the URLs it prints: as many as expected.
async fn node(arguments: &[&str], expected: usize) -> (Process, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command.args(["--log", "warn"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut urls = Vec::new();
    let ready = async {
        while urls.len() < expected {
            let line = lines.next_line().await.unwrap().expect("the server starts");
            urls.push(line.strip_prefix("listening on ").expect("a URL").to_owned());
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("the server is ready");
    (Process(child), urls)
}

/// Runs the tests against two processes with this store and this adapter.
async fn check_pair(store: &str, adapter: &str) {
    let arguments = ["--listen", "127.0.0.1:0", "--store", store, "--adapter", adapter];
    let (_first, mut urls) = node(&arguments, 1).await;
    let (_second, second) = node(&arguments, 1).await;
    urls.extend(second);
    check(urls).await;
}

/// A port that nobody listens on, another one at each call, outside of the range that systems give out by
/// themselves.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = 10_000 + (std::process::id() % 5_000) as u16;
    let free = |port: &u16| StdListener::bind(("127.0.0.1", *port)).is_ok();
    (0..10_000).map(|_| own + NEXT.fetch_add(1, Ordering::Relaxed)).find(free).expect("a free port")
}

/// Starts a broker on a port, and waits until it listens.
async fn broker(program: &str, arguments: &[&str], port: u16) -> Process {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.kill_on_drop(true).spawn().unwrap();
    let listens = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, listens).await.expect("the broker listens");
    Process(child)
}

async fn redis(folder: &TempDir) -> (Process, u16) {
    let (port, folder) = (free_port(), folder.path().to_str().unwrap());
    let listen = port.to_string();
    let arguments = ["--port", &listen, "--bind", "127.0.0.1", "--save", "", "--dir", folder];
    (broker("/usr/bin/redis-server", &arguments, port).await, port)
}

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("chat.db").display())
}

#[tokio::test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn nodes_in_one_process() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let broadcast: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
    let mut urls = Vec::new();
    for _ in 0..3 {
        let builder = Chat::builder(Arc::clone(&store)).broadcast(Arc::clone(&broadcast));
        let chat = builder.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    }
    check(urls).await;
}

#[cfg(feature = "cluster")]
#[tokio::test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn workers_on_one_sqlite_file() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let arguments = ["--listen", "127.0.0.1:0", "--workers", "3", "--store", &store];
    let (_supervisor, urls) = node(&arguments, 3).await;
    check(urls).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn sqlite_and_redis_streams() {
    let folder = TempDir::new().unwrap();
    let (_redis, port) = redis(&folder).await;
    check_pair(&sqlite(&folder), &format!("redis://127.0.0.1:{port}")).await;
}

#[cfg(all(feature = "postgres", feature = "redis"))]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server, has_postgres)),
    ignore = "needs Node.js with npm, redis-server and postgresql"
)]
async fn postgres_and_redis_pubsub() {
    let folder = TempDir::new().unwrap();
    let (_redis, port) = redis(&folder).await;
    let postgres = chat_store::testkit::PostgresServer::start();
    let adapter = format!("redis://127.0.0.1:{port}?mode=pubsub");
    check_pair(&postgres.create_database().await, &adapter).await;
}

#[cfg(all(feature = "postgres", feature = "nats"))]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_nats_server, has_postgres)),
    ignore = "needs Node.js with npm, nats-server and postgresql"
)]
async fn postgres_and_nats() {
    let port = free_port();
    let arguments = ["-a", "127.0.0.1", "-p", &port.to_string()];
    let _nats = broker("/usr/sbin/nats-server", &arguments, port).await;
    let postgres = chat_store::testkit::PostgresServer::start();
    check_pair(&postgres.create_database().await, &format!("nats://127.0.0.1:{port}")).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_postgres)),
    ignore = "needs Node.js with npm, and postgresql"
)]
async fn postgres_alone() {
    let postgres = chat_store::testkit::PostgresServer::start();
    let database = postgres.create_database().await;
    check_pair(&database, &database).await;
}
