use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chat_adapter::testkit::{Broker, Nodes, frame};
use chat_adapter::{Broadcast, BroadcastError, Incoming, NatsBroadcast};
use chat_core::{Content, Epoch, Frame, FrameBody, Message, NodeId, Offset, RoomId};

use crate::next;
use crate::proxy::Proxy;
use crate::service::{Service, executable};

chat_adapter::conformance!(core, broker nats, has_nats_server, "needs nats-server");

struct Nats {
    server: Service,
    proxy: Proxy,
}

async fn nats() -> Nats {
    let server = Service::run(Box::new(|port, folder| command(port, folder, &[]))).await;
    let proxy = Proxy::to(server.address).await;
    Nats { server, proxy }
}

fn command(port: u16, folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(executable("nats-server"));
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]).args(more);
    command.current_dir(folder);
    command
}

#[async_trait]
impl Broker for Nats {
    async fn nodes(&self) -> Nodes {
        let node = async |address| {
            let node = NatsBroadcast::connect(&format!("nats://{address}")).await;
            Arc::new(node.expect("connected"))
        };
        [node(self.server.address).await, node(self.proxy.address).await]
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
        let client = async_nats::connect(self.server.address.to_string()).await.expect("connected");
        client.publish("chat", bytes.to_vec().into()).await.expect("published");
        client.flush().await.expect("sent");
    }
}

#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn nodes_know_each_other_by_their_secret() {
    let nats = nats().await;
    let url = format!("nats://{}/frames", nats.server.address);
    crate::secrets::check(&url).await;
}

/// A server with a configuration file.
async fn configured(configuration: &'static str) -> Service {
    Service::run(Box::new(move |port, folder| {
        let file = folder.join("nats.conf");
        std::fs::write(&file, configuration).expect("written");
        command(port, folder, &["--config", &file.to_string_lossy()])
    }))
    .await
}

async fn refusal(url: String) -> BroadcastError {
    NatsBroadcast::connect(&url).await.expect_err("it is refused")
}

fn long_frame() -> Frame {
    let content = "x".repeat(2000).parse::<Content>().expect("a content");
    let message = Message::new(Offset::FIRST, RoomId::general(), content);
    let body = FrameBody::Appended {
        epoch: Epoch::from_random([1; 8]),
        after: Offset::ZERO,
        tail: Offset::FIRST,
        messages: vec![message],
    };
    Frame::new(NodeId::from_random([1; 8]), body)
}

#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn a_frame_that_is_too_long_for_the_server_arrives_as_an_append_notification() {
    let server = configured("max_payload: 1000").await;
    let node = NatsBroadcast::connect(&format!("nats://{}/a.b", server.address)).await;
    let node = node.expect("connected");
    let mut subscriber = node.subscribe().await.expect("subscribed");
    node.publish(Arc::new(long_frame())).await.expect("published");
    let notification = Arc::new(long_frame().without_messages().into_owned());
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(notification));
}

#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn a_password_that_is_missing_or_wrong_is_one_clear_line() {
    let server = configured("authorization { user: ada, password: \"s3:cret\" }").await;
    let address = server.address;
    for login in ["", "ada:wr0ng@", "wr0ng@"] {
        let error = refusal(format!("nats://{login}{address}")).await;
        assert!(matches!(error, BroadcastError::Authentication { .. }), "{error:?}");
        let start =
            format!("nats at {address} wants a password or another one; give it in the URL");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert!(!format!("{error:?}").contains("wr0ng"));
    }
    let node = NatsBroadcast::connect(&format!("nats://ada:s3%3Acret@{address}")).await;
    let node = node.expect("connected");
    node.publish(frame(1, 1)).await.expect("published");
    assert!(!format!("{node:?}").contains("cret"));
}

#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn a_subject_that_is_not_permitted_is_one_clear_line() {
    let server = configured(
        "authorization { users: [ { user: ada, password: x, permissions: { publish: other } } ] }",
    )
    .await;
    let error = refusal(format!("nats://ada:x@{}", server.address)).await;
    assert!(matches!(error, BroadcastError::Refused { .. }), "{error:?}");
    let source = std::error::Error::source(&error).expect("what the server said").to_string();
    assert!(source.to_lowercase().contains("permissions violation"), "{source}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_one_clear_line() {
    let error = refusal("nats://ada:s3cret@127.0.0.1:9".to_owned()).await;
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "nats at 127.0.0.1:9 does not answer; start it, or correct the address of the adapter"
    );
}

/// The client keeps what is published while it reconnects, and only then does this node know of the loss.
#[tokio::test]
#[cfg_attr(not(has_nats_server), ignore = "needs nats-server")]
async fn a_frame_that_was_lost_is_a_gap_before_the_next_one_of_its_publisher() {
    let server = configured("").await;
    let url = format!("nats://{}/chat", server.address);
    let node = NatsBroadcast::connect(&url).await.expect("connected");
    let mut subscriber = node.subscribe().await.expect("subscribed");
    let client = async_nats::connect(&url).await.expect("connected");
    let mut publish = async |number, frame: Arc<Frame>| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Chat-Number", format!("7-{number:x}"));
        let bytes = frame.encode().into();
        client.publish_with_headers("chat", headers, bytes).await.expect("published");
        next(&mut subscriber).await
    };
    for number in [1, 2] {
        assert_eq!(publish(number, frame(1, number)).await, Incoming::Frame(frame(1, number)));
    }
    assert_eq!(publish(4, frame(1, 4)).await, Incoming::Gap);
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(1, 4)));
}

/// A measurement, not a test: run it by name with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_frame_takes() {
    let nats = nats().await;
    let [publisher, node] = nats.nodes().await;
    let mut subscriber = node.subscribe().await.expect("subscribed");
    let mut times = Vec::new();
    for number in 1..=2000 {
        let start = Instant::now();
        publisher.publish(frame(1, number)).await.expect("published");
        next(&mut subscriber).await;
        times.push(start.elapsed());
    }
    times.sort();
    println!("nats: median {:?}, 99 % {:?}", times[1000], times[1980]);
}
