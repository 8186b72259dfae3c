use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chat_adapter::testkit::{Broker, Nodes, frame};
use chat_adapter::{Broadcast, BroadcastError, Incoming, RedisBroadcast};
use redis::Cmd;

use crate::next;
use crate::proxy::Proxy;
use crate::service::{Service, executable};

chat_adapter::conformance!(streams, broker streams_broker, has_redis_server, "needs redis-server");
chat_adapter::conformance!(pubsub, broker pubsub_broker, has_redis_server, "needs redis-server");

struct Redis {
    server: Service,
    proxy: Proxy,
    query: &'static str,
    /// What it takes to send bytes to all nodes, but for the bytes.
    raw: fn() -> Cmd,
}

async fn streams_broker() -> Redis {
    redis("mode=streams", || redis::cmd("XADD").arg(&["chat", "*", "f"]).take()).await
}

async fn pubsub_broker() -> Redis {
    redis("mode=pubsub", || redis::cmd("PUBLISH").arg("chat").take()).await
}

async fn redis(query: &'static str, raw: fn() -> Cmd) -> Redis {
    let server = Service::run(Box::new(|port, folder| command(port, folder, &[]))).await;
    let proxy = Proxy::to(server.address).await;
    Redis { server, proxy, query, raw }
}

fn command(port: u16, folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(executable("redis-server"));
    // Nothing is kept over a restart.
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(["--port", &port.to_string()]).arg("--dir").arg(folder).args(more);
    command
}

impl Redis {
    async fn node(&self, query: &str) -> RedisBroadcast {
        connect(&format!("redis://{}?{query}", self.server.address)).await.expect("connected")
    }

    async fn cut_off_node(&self, query: &str) -> RedisBroadcast {
        connect(&format!("redis://{}?{query}", self.proxy.address)).await.expect("connected")
    }

    async fn run(&self, command: &Cmd) {
        let client = redis::Client::open(format!("redis://{}", self.server.address)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
        command.query_async::<redis::Value>(&mut connection).await.expect("done");
    }
}

async fn connect(url: &str) -> Result<RedisBroadcast, BroadcastError> {
    RedisBroadcast::connect(url).await
}

#[async_trait]
impl Broker for Redis {
    async fn nodes(&self) -> Nodes {
        [Arc::new(self.node(self.query).await), Arc::new(self.cut_off_node(self.query).await)]
    }

    async fn kill(&self) {
        self.server.kill();
    }

    async fn start(&self) {
        self.server.start().await;
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    fn mend(&self) {
        self.proxy.mend();
    }

    async fn send_raw(&self, bytes: &[u8]) {
        self.run((self.raw)().arg(bytes)).await;
    }
}

#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn a_node_that_was_cut_off_reads_the_stream_on_without_a_gap() {
    let redis = streams_broker().await;
    let (publisher, node) = (redis.node("").await, redis.cut_off_node("").await);
    let mut subscriber = node.subscribe().await.expect("subscribed");
    publisher.publish(frame(1, 1)).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 1)));
    redis.proxy.cut();
    for number in 2..=500 {
        publisher.publish(frame(1, number)).await.expect("published");
    }
    redis.proxy.mend();
    for number in 2..=500 {
        assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, number)));
    }
}

#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn nodes_know_each_other_by_their_secret() {
    for redis in [streams_broker().await, pubsub_broker().await] {
        let url = format!("redis://{}?{}", redis.server.address, redis.query);
        crate::secrets::check(&url).await;
    }
}

#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn a_place_that_was_trimmed_is_a_gap() {
    let redis = streams_broker().await;
    let (publisher, node) = (redis.node("maxlen=100").await, redis.cut_off_node("").await);
    let mut subscriber = node.subscribe().await.expect("subscribed");
    redis.proxy.cut();
    for number in 1..=1000 {
        publisher.publish(frame(1, number)).await.expect("published");
    }
    redis.proxy.mend();
    // The gap stands for what is still kept, too.
    assert_eq!(next(&mut subscriber).await, Incoming::Gap);
    publisher.publish(frame(1, 1001)).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 1001)));
}

#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn a_stream_that_was_deleted_is_a_gap_and_goes_on() {
    let redis = streams_broker().await;
    let (publisher, node) = (redis.node("").await, redis.node("").await);
    let mut subscriber = node.subscribe().await.expect("subscribed");
    redis.run(&redis::cmd("FLUSHALL")).await;
    assert_eq!(next(&mut subscriber).await, Incoming::Gap);
    publisher.publish(frame(1, 2)).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 2)));
}

#[tokio::test]
#[cfg_attr(not(has_redis_server), ignore = "needs redis-server")]
async fn a_password_that_is_missing_or_wrong_is_one_clear_line() {
    let server =
        Service::run(Box::new(|port, folder| command(port, folder, &["--requirepass", "s3cret"])))
            .await;
    let address = server.address;
    for mode in ["streams", "pubsub"] {
        for (login, problem) in
            [("", "wants a password"), (":wr0ng@", "does not accept the password")]
        {
            let error = connect(&format!("redis://{login}{address}?mode={mode}")).await;
            let error = error.expect_err("it is refused");
            assert!(matches!(error, BroadcastError::Authentication { .. }), "{error:?}");
            let text = format!("{error}");
            let start = format!("redis at {address} {problem}; give it in the URL of the adapter");
            assert!(text.starts_with(&start), "{text}");
            assert!(!format!("{error:?}").contains("wr0ng"));
        }
        let url = format!("redis://:s3cret@{address}?mode={mode}");
        let node = connect(&url).await.expect("connected");
        node.publish(frame(1, 1)).await.expect("published");
        assert!(!format!("{node:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_one_clear_line() {
    for mode in ["streams", "pubsub"] {
        // Nobody listens on a port of the system that is not in use.
        let error = connect(&format!("redis://:s3cret@127.0.0.1:9?mode={mode}")).await;
        let error = error.expect_err("nobody is there");
        assert!(error.is_retryable());
        assert_eq!(
            error.to_string(),
            "redis at 127.0.0.1:9 does not answer; start it, or correct the address of the adapter"
        );
    }
}

/// A measurement, not a test: run it by name with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_frame_takes() {
    for query in ["mode=streams", "mode=pubsub"] {
        let redis = redis(query, || redis::cmd("PING")).await;
        let (publisher, node) = (redis.node(query).await, redis.node(query).await);
        let mut subscriber = node.subscribe().await.expect("subscribed");
        let mut times = Vec::new();
        for number in 1..=2000 {
            let start = Instant::now();
            publisher.publish(frame(1, number)).await.expect("published");
            next(&mut subscriber).await;
            times.push(start.elapsed());
        }
        times.sort();
        println!("{query}: median {:?}, 99 % {:?}", times[1000], times[1980]);
    }
}
