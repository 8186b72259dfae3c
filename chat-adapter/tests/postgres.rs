//! `PostgresBroadcast` on a server that these tests start.
#![cfg(all(feature = "postgres", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chat_adapter::testkit::{Nodes, frame};
use chat_adapter::{Broadcast, BroadcastError, Incoming, PostgresBroadcast, Subscriber};
use chat_core::{Frame, FrameBody, Message, NewMessage, Offset, RoomId};
use chat_store::testkit::PostgresServer;

static SERVER: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);

async fn connect(url: &str) -> PostgresBroadcast {
    PostgresBroadcast::connect(url).await.unwrap()
}

async fn nodes() -> Nodes {
    let url = SERVER.create_database().await;
    [Arc::new(connect(&url).await), Arc::new(connect(&url).await)]
}

chat_adapter::conformance!(
    #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
    postgres,
    nodes
);

async fn next(subscriber: &mut Box<dyn Subscriber>) -> Incoming {
    let next = tokio::time::timeout(Duration::from_secs(20), subscriber.next());
    next.await.expect("something within 20 seconds").expect("the stream goes on")
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
    let [here, there] = nodes().await;
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
async fn what_is_no_frame_of_this_version_is_ignored() {
    let url = SERVER.create_database().await;
    let here = connect(&url).await;
    let mut frames = here.subscribe().await.unwrap();
    let newer = r#"{"v":99,"node":"0000000000000001","type":"appended"}"#;
    let database = url.rsplit('/').next().unwrap();
    for payload in [newer, newer, "", "hello"] {
        SERVER.execute(database, &format!("NOTIFY chat, '{payload}'")).await;
    }
    here.publish(frame(1, 1)).await.unwrap();
    assert_eq!(next(&mut frames).await, Incoming::Frame(frame(1, 1)));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_restart_of_the_server_is_a_gap_and_then_frames_arrive_again() {
    let server = PostgresServer::start();
    let url = server.create_database().await;
    let (here, there) = (connect(&url).await, connect(&url).await);
    let mut frames = there.subscribe().await.unwrap();
    here.publish(frame(1, 1)).await.unwrap();
    assert_eq!(next(&mut frames).await, Incoming::Frame(frame(1, 1)));

    server.stop();
    let start = Instant::now();
    // A few may be queued before the loss is noticed.
    let error = loop {
        if let Err(error) = here.publish(frame(1, 2)).await {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, BroadcastError::Unavailable(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(3));

    server.start_again();
    assert_eq!(next(&mut frames).await, Incoming::Gap);
    while here.publish(frame(1, 3)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let heard = loop {
        match next(&mut frames).await {
            Incoming::Gap => {}
            Incoming::Frame(heard) => break heard,
        }
    };
    assert_eq!(heard, frame(1, 3));
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
async fn a_server_that_is_not_there_is_unavailable() {
    let refused = PostgresBroadcast::connect("postgres://nobody@127.0.0.1:1/chat").await;
    assert!(matches!(refused.unwrap_err(), BroadcastError::Unavailable(_)));
}
