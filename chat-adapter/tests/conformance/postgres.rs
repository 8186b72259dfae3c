//! `PostgresBroadcast` on a server that these tests start.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use chat_adapter::testkit::{Broker, Nodes, frame};
use chat_adapter::{Broadcast, BroadcastError, Incoming, PostgresBroadcast};
use chat_core::{Frame, FrameBody, Message, NewMessage, Offset, RoomId};
use chat_store::testkit::PostgresServer;

use crate::next;
use crate::proxy::Proxy;

static SERVER: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);

async fn connect(url: &str) -> PostgresBroadcast {
    PostgresBroadcast::connect(url).await.unwrap()
}

async fn refusal(url: &str) -> BroadcastError {
    PostgresBroadcast::connect(url).await.expect_err("it is refused")
}

chat_adapter::conformance!(suite, broker postgres, has_postgres, "needs postgresql");

/// A server of a case's own, for it is killed.
struct Postgres {
    server: Arc<PostgresServer>,
    url: String,
    proxy: Proxy,
}

async fn postgres() -> Postgres {
    let server = Arc::new(PostgresServer::start());
    let url = server.create_database().await;
    let proxy = Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()))).await;
    Postgres { server, url, proxy }
}

#[async_trait]
impl Broker for Postgres {
    async fn nodes(&self) -> Nodes {
        let port = |port: u16| format!(":{port}/");
        let cut_off = self.url.replace(&port(self.server.port()), &port(self.proxy.address.port()));
        [Arc::new(connect(&self.url).await), Arc::new(connect(&cut_off).await)]
    }

    async fn kill(&self) {
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || server.crash()).await.unwrap();
    }

    async fn start(&self) {
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || server.start_again()).await.unwrap();
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    fn mend(&self) {
        self.proxy.mend();
    }

    async fn send_raw(&self, bytes: &[u8]) {
        let payload = str::from_utf8(bytes).expect("a text");
        self.server.execute(database(&self.url), &format!("NOTIFY chat, '{payload}'")).await;
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn nodes_know_each_other_by_their_secret() {
    let url = SERVER.create_database().await;
    crate::secrets::check(&url).await;
}

fn database(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

fn with_content(bytes: usize) -> Arc<Frame> {
    let new = NewMessage::new(RoomId::general(), "x".repeat(bytes).parse().unwrap());
    let mut frame = Arc::unwrap_or_clone(frame(1, 0));
    let FrameBody::Appended { tail, messages, .. } = &mut frame.body else { unreachable!() };
    *tail = Offset::FIRST;
    messages.push(Message::from_new(Offset::FIRST, new));
    Arc::new(frame)
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_frame_that_is_too_long_for_a_notification_arrives_without_its_messages() {
    let url = SERVER.create_database().await;
    let (here, there) = (connect(&url).await, connect(&url).await);
    let mut frames = there.subscribe().await.unwrap();
    // Between these lies the limit, wherever it is exactly.
    for bytes in [1, 7_000, 7_999, 8_000, 60_000] {
        let sent = with_content(bytes);
        here.publish(Arc::clone(&sent)).await.unwrap();
        let Incoming::Frame(heard) = next(&mut frames).await else { panic!("a gap") };
        let expected =
            if bytes > 7_000 { sent.without_messages().into_owned() } else { (*sent).clone() };
        assert_eq!(*heard, expected, "{bytes}");
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn channels_do_not_hear_each_other() {
    let url = SERVER.create_database().await;
    let here = connect(&url).await;
    let there = connect(&format!("{url}?channel=Another.channel")).await;
    let mut frames = there.subscribe().await.unwrap();
    here.publish(frame(1, 1)).await.unwrap();
    there.publish(frame(2, 2)).await.unwrap();
    assert_eq!(next(&mut frames).await, Incoming::Frame(frame(2, 2)));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn frames_that_a_publisher_lost_are_a_gap_to_the_others() {
    let url = SERVER.create_database().await;
    let (here, there) = (connect(&url).await, connect(&url).await);
    let mut frames = there.subscribe().await.unwrap();
    here.publish(frame(1, 1)).await.unwrap();
    assert_eq!(next(&mut frames).await, Incoming::Frame(frame(1, 1)));
    // Only the connection that publishes is cut: those that listen hear nothing of it.
    let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()";
    SERVER.execute(url.rsplit('/').next().unwrap(), cut).await;
    for number in 2.. {
        here.publish(frame(1, number)).await.unwrap();
        // The first one is lost without a sound.
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(200), frames.next()).await {
            assert_eq!(heard.unwrap(), Incoming::Gap, "frame 2 is missing unannounced");
            break;
        }
    }
    assert!(matches!(next(&mut frames).await, Incoming::Frame(heard) if heard != frame(1, 2)));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_password_that_is_missing_or_wrong_is_one_clear_line() {
    // The server may run as another user.
    let everybody = Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir().unwrap();
    let file = folder.path().join("pg_hba.conf");
    let rules = "host all ada all scram-sha-256\nhost all all all trust\n";
    std::fs::write(&file, rules).unwrap();
    let server =
        PostgresServer::start_with(&["fsync=off", &format!("hba_file={}", file.display())]);
    server.execute("postgres", "CREATE ROLE ada LOGIN PASSWORD 's3:cret'").await;
    let address = format!("127.0.0.1:{}", server.port());
    for login in ["ada", "ada:wr0ng", "nobody"] {
        let error = refusal(&format!("postgres://{login}@{address}/postgres")).await;
        assert!(matches!(error, BroadcastError::Authentication { .. }), "{error:?}");
        let start =
            format!("postgres at {address} wants a user and a password, or others; give it");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert!(!format!("{error:?}").contains("wr0ng"));
    }
    let node = connect(&format!("postgres://ada:s3%3Acret@{address}/postgres")).await;
    node.publish(frame(1, 1)).await.unwrap();
    assert!(!format!("{node:?}").contains("cret"));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_database_that_is_not_there_is_one_clear_line() {
    let error = refusal(&SERVER.url("nowhere")).await;
    assert!(matches!(error, BroadcastError::Refused { .. }), "{error:?}");
    let source = std::error::Error::source(&error).expect("what the server said").to_string();
    assert!(source.contains("nowhere"), "{source}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_one_clear_line() {
    let error = refusal("postgres://ada:s3cret@127.0.0.1:9/chat").await;
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "postgres at 127.0.0.1:9 does not answer; start it, or correct the address of the adapter"
    );
}
