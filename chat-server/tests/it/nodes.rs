//! Several nodes with one log, for each store and each way they can hear each other.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chat_adapter::{Broadcast, LocalBroadcast};
use chat_server::Chat;
use chat_store::{MemoryStore, Store};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::javascript;
use crate::server::{Launched, launch};
use crate::service::{Service, executable};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long clients talk while something is away, and how long that is.
const OUTAGE_TEST: Duration = Duration::from_secs(18);
const OUTAGE: Duration = Duration::from_secs(10);

/// Runs the tests with JavaScript clients against nodes at these URLs.
async fn check(urls: Vec<String>) {
    let urls = urls.join(",");
    let run = move || {
        for file in ["nodes.test.mjs", "nodes_users.test.mjs"] {
            javascript::run(file, &[("CHAT_NODE_URLS", &urls)]);
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// Runs the test for outages against nodes at these URLs, and meanwhile `outage`. Readiness has to tell of
/// what `of` says.
async fn check_outage(urls: Vec<String>, of: &'static str, outage: impl Future<Output = ()>) {
    let urls = urls.join(",");
    let run = move || {
        let seconds = OUTAGE_TEST.as_secs().to_string();
        let variables = [
            ("CHAT_NODE_URLS", &*urls),
            ("CHAT_OUTAGE_SECONDS", &*seconds),
            ("CHAT_OUTAGE_OF", of),
        ];
        javascript::run_now("outage.test.mjs", &variables);
    };
    let _turn = javascript::MACHINE.lock().await;
    let (run, ()) = tokio::join!(tokio::task::spawn_blocking(run), outage);
    run.unwrap();
}

/// Starts the server, and returns the URLs it prints: as many as expected. It is killed with the test.
pub(crate) async fn node(arguments: &[&str], expected: usize) -> (Child, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command.args(["--log", "warn", "--max-events-per-second", "0"]);
    command.args(["--max-new-names-per-hour", "0", "--max-messages-per-day", "0"]).args(arguments);
    command.stdin(Stdio::null());
    let Launched { process, urls, .. } = launch(command, expected).await;
    (process, urls)
}

/// Runs the tests against two processes with this store and this adapter.
async fn check_pair(store: &str, adapter: &str) {
    let (_nodes, urls) = pair(store, adapter).await;
    check(urls).await;
}

async fn redis() -> Service {
    let command = |port: u16, folder: &Path| {
        let mut command = std::process::Command::new(executable("redis-server"));
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(folder);
        command
    };
    Service::run(Box::new(command)).await
}

/// Two processes with this store and this adapter.
async fn pair(store: &str, adapter: &str) -> ([Child; 2], Vec<String>) {
    pair_with(store, adapter, &[]).await
}

/// The same with more options.
async fn pair_with(store: &str, adapter: &str, more: &[&str]) -> ([Child; 2], Vec<String>) {
    let arguments = ["--listen", "127.0.0.1:0", "--store", store, "--adapter", adapter];
    let arguments = [&arguments[..], more].concat();
    let (first, mut urls) = node(&arguments, 1).await;
    let (second, second_urls) = node(&arguments, 1).await;
    urls.extend(second_urls);
    ([first, second], urls)
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

#[tokio::test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn nodes_that_hear_nothing_of_each_other() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    // Sessions are saved again after half of the window.
    let window = ["--recovery-window", "4s"];
    let arguments = [&["--listen", "127.0.0.1:0", "--store", &store][..], &window].concat();
    let (_first, mut urls) = node(&arguments, 1).await;
    let (_second, second_urls) = node(&arguments, 1).await;
    urls.extend(second_urls);
    let urls = urls.join(",");
    let run = move || javascript::run("untold.test.mjs", &[("CHAT_NODE_URLS", &urls)]);
    tokio::task::spawn_blocking(run).await.unwrap();
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
    let redis = redis().await;
    check_pair(&sqlite(&folder), &format!("redis://{}", redis.address)).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_postgres)),
    ignore = "needs Node.js with npm, and postgresql"
)]
async fn a_backup_of_postgres() {
    let postgres = chat_store::testkit::PostgresServer::start();
    let url = postgres.create_database().await;
    let run = move || javascript::run("backups.test.mjs", &[("CHAT_POSTGRES", &url)]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[cfg(all(feature = "postgres", feature = "redis"))]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server, has_postgres)),
    ignore = "needs Node.js with npm, redis-server and postgresql"
)]
async fn postgres_and_redis_pubsub() {
    let redis = redis().await;
    let postgres = chat_store::testkit::PostgresServer::start();
    let adapter = format!("redis://{}?mode=pubsub", redis.address);
    check_pair(&postgres.create_database().await, &adapter).await;
}

#[cfg(all(feature = "postgres", feature = "nats"))]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_nats_server, has_postgres)),
    ignore = "needs Node.js with npm, nats-server and postgresql"
)]
async fn postgres_and_nats() {
    let command = |port: u16, _: &Path| {
        let mut command = std::process::Command::new(executable("nats-server"));
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command
    };
    let nats = Service::run(Box::new(command)).await;
    let postgres = chat_store::testkit::PostgresServer::start();
    check_pair(&postgres.create_database().await, &format!("nats://{}", nats.address)).await;
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

/// The second one is killed with `kill -9`.
#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn a_node_that_dies_takes_its_users_with_it() {
    let folder = TempDir::new().unwrap();
    let redis = redis().await;
    let (nodes, urls) = pair(&sqlite(&folder), &format!("redis://{}", redis.address)).await;
    let (urls, pid) = (urls.join(","), nodes[1].id().unwrap().to_string());
    let run = move || {
        let variables = [("CHAT_NODE_URLS", &*urls), ("CHAT_NODE_PID", &*pid)];
        javascript::run("dead_node.test.mjs", &variables);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// What the program says when it does not start.
#[cfg(all(feature = "nats", feature = "postgres", feature = "redis"))]
async fn refusal(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command.args(["--listen", "127.0.0.1:0", "--store", "memory:"]).args(arguments);
    // Set to nothing, they count as not set.
    command.env("CHAT_CLUSTER_SECRET_FILE", "").env("CHAT_TRUST_BROKER", "").kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[cfg(all(feature = "nats", feature = "postgres", feature = "redis"))]
#[tokio::test]
async fn a_broker_on_another_machine_needs_a_secret_or_trust() {
    for adapter in ["redis://broker", "redis://127.1:9", "nats://broker", "postgres://db/chat"] {
        let said = refusal(&["--adapter", adapter]).await;
        assert!(said.contains("openssl rand -hex 32 > FILE"), "{said}");
        assert!(said.contains("--cluster-secret-file FILE"), "{said}");
        assert!(said.contains("--trust-broker"), "{said}");
    }
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "too short").unwrap();
    // Its name does not say that it is on loopback, and nobody listens there.
    let nowhere = ["--adapter", "redis://127.1:9"];
    let with_secret = [&nowhere[..], &["--cluster-secret-file", secret.to_str().unwrap()]].concat();
    let said = refusal(&with_secret).await;
    assert!(said.contains("line 1 has fewer than 32 bytes"), "{said}");
    std::fs::write(&secret, "0123456789abcdef".repeat(4)).unwrap();
    for allowed in [with_secret, [&nowhere[..], &["--trust-broker"]].concat()] {
        let said = refusal(&allowed).await;
        assert!(said.contains("redis at 127.1:9 does not answer"), "{said}");
    }
}

/// Runs the test in which somebody else speaks through the broker.
#[cfg(feature = "redis")]
async fn check_forged(mode: &'static str, signed: bool) {
    let folder = TempDir::new().unwrap();
    let redis = redis().await;
    let adapter = format!("redis://{}?mode={mode}", redis.address);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef".repeat(4)).unwrap();
    let more = ["--cluster-secret-file", secret.to_str().unwrap()];
    let more = if signed { &more[..] } else { &[] };
    let (_nodes, urls) = pair_with(&sqlite(&folder), &adapter, more).await;
    let (urls, port) = (urls.join(","), redis.address.port().to_string());
    let run = move || {
        let variables = [
            ("CHAT_NODE_URLS", &*urls),
            ("CHAT_REDIS_PORT", &*port),
            ("CHAT_REDIS_MODE", mode),
            ("CHAT_SIGNED", if signed { "yes" } else { "no" }),
        ];
        javascript::run("forged_frames.test.mjs", &variables);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn forged_frames_where_nodes_have_a_secret() {
    check_forged("pubsub", true).await;
    check_forged("streams", true).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn forged_frames_where_nodes_have_no_secret() {
    check_forged("streams", false).await;
    check_forged("pubsub", false).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn a_broker_that_is_away_for_ten_seconds_makes_messages_late_not_lost() {
    let folder = TempDir::new().unwrap();
    let redis = redis().await;
    let (_nodes, urls) = pair(&sqlite(&folder), &format!("redis://{}", redis.address)).await;
    let outage = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.kill();
        tokio::time::sleep(OUTAGE).await;
        redis.start().await;
    };
    check_outage(urls, "other nodes", outage).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
#[cfg_attr(
    not(all(has_socket_io_client, has_redis_server)),
    ignore = "needs Node.js with npm, and redis-server"
)]
async fn a_broker_that_falls_silent_makes_messages_late_not_lost() {
    use rustix::process::{Pid, Signal, kill_process};

    let folder = TempDir::new().unwrap();
    let redis = redis().await;
    let (_nodes, urls) = pair(&sqlite(&folder), &format!("redis://{}", redis.address)).await;
    let pid = Pid::from_raw(redis.pid().cast_signed()).unwrap();
    let outage = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        kill_process(pid, Signal::STOP).unwrap();
        tokio::time::sleep(OUTAGE).await;
        kill_process(pid, Signal::CONT).unwrap();
    };
    check_outage(urls, "other nodes", outage).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_socket_io_client, has_postgres)),
    ignore = "needs Node.js with npm, and postgresql"
)]
async fn a_database_that_restarts_makes_clients_retry_and_loses_nothing() {
    let postgres = chat_store::testkit::PostgresServer::start();
    let database = postgres.create_database().await;
    let (_nodes, urls) = pair(&database, &database).await;
    let outage = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        tokio::task::block_in_place(|| postgres.crash());
        tokio::time::sleep(OUTAGE).await;
        tokio::task::block_in_place(|| postgres.start_again());
    };
    check_outage(urls, "the store fails", outage).await;
}
