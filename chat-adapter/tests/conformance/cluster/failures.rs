//! Hubs, nodes and strangers that do not behave.

use std::sync::Arc;

use chat_adapter::testkit::frame;
use chat_adapter::{Broadcast, BroadcastError, Incoming};
use chat_core::{Epoch, Frame, FrameBody, Message, NodeId, Offset, RoomId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{PATIENCE, Place};
use crate::next;

#[tokio::test]
async fn nothing_is_published_while_the_hub_is_away_and_nobody_waits_for_it() {
    let place = Place::new();
    let hub = place.hub().await;
    let node = place.node().await;
    drop(hub);
    let refused = async {
        loop {
            match node.publish(frame(1, 1)).await {
                Err(error) => return error,
                Ok(()) => tokio::task::yield_now().await,
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, refused).await.expect("it is noticed");
    assert!(matches!(error, BroadcastError::Unavailable(_)), "{error}");
    tokio::time::timeout(PATIENCE, node.close()).await.expect("closing does not wait either");
}

#[tokio::test]
async fn a_node_that_never_reads_blocks_nobody() {
    let place = Place::new();
    let _hub = place.hub().await;
    let stalled = UnixStream::connect(place.path()).await.expect("connected");
    let (publisher, listener) = (place.node().await, place.node().await);
    let mut subscriber = listener.subscribe().await.expect("subscribed");
    // Far more than a socket and the hub's queue for it hold together.
    for number in 0..5000 {
        publisher.publish(frame(1, number)).await.expect("published");
        loop {
            match next(&mut subscriber).await {
                Incoming::Frame(heard) if heard == frame(1, number) => break,
                Incoming::Gap if number == 0 => {}
                other => panic!("{other:?} instead of {number}"),
            }
        }
    }
    drop(stalled);
}

#[tokio::test]
async fn a_node_that_goes_away_is_a_gap_for_the_others() {
    let place = Place::new();
    let _hub = place.hub().await;
    let listener = place.node().await;
    let mut subscriber = listener.subscribe().await.expect("subscribed");
    drop(place.node().await);
    assert_eq!(next(&mut subscriber).await, Incoming::Gap);
}

#[tokio::test]
async fn who_sends_garbage_loses_its_connection_and_nobody_else_does() {
    let place = Place::new();
    let _hub = place.hub().await;
    let (publisher, listener) = (place.node().await, place.node().await);
    let mut subscriber = listener.subscribe().await.expect("subscribed");
    let cut_off = b"\0\0";
    for garbage in [b"GET / HTTP/1.1\r\n\r\n", &b"\xff\xff\xff\xfe"[..], cut_off] {
        let mut stranger = UnixStream::connect(place.path()).await.expect("connected");
        stranger.write_all(garbage).await.expect("sent");
        if garbage == cut_off {
            stranger.shutdown().await.expect("sent");
        }
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, stranger.read_to_end(&mut rest));
        // It may be closed with what it sent unread, which is an error for it.
        let _ = closed.await.expect("it is closed");

        publisher.publish(frame(1, 7)).await.expect("published");
        while next(&mut subscriber).await != Incoming::Frame(frame(1, 7)) {}
    }
}

#[tokio::test]
async fn a_hub_that_sends_garbage_is_left_and_connected_to_again() {
    let place = Place::new();
    let listener = tokio::net::UnixListener::bind(place.path()).expect("a socket");
    let (node, greeted) = tokio::join!(place.node(), async {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        stream.write_all(&[0; 4]).await.expect("greeted");
        stream
    });
    let mut hub = greeted;
    let mut subscriber = node.subscribe().await.expect("subscribed");
    for garbage in [&b"spam"[..], b"\xff\0\0\0"] {
        hub.write_all(garbage).await.expect("sent");
        hub = listener.accept().await.expect("it connects again").0;
        hub.write_all(&[0; 4]).await.expect("greeted");
        assert_eq!(next(&mut subscriber).await, Incoming::Gap);
    }
    let hello = frame(3, 3).encode();
    hub.write_u32(hello.len().try_into().expect("short")).await.expect("sent");
    hub.write_all(&hello).await.expect("sent");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(frame(3, 3)));
}

#[tokio::test]
async fn of_more_messages_than_fit_in_a_frame_only_the_fact_is_told() {
    let place = Place::new();
    let _hub = place.hub().await;
    let (publisher, listener) = (place.node().await, place.node().await);
    let mut subscriber = listener.subscribe().await.expect("subscribed");
    let content = "x".repeat(60_000).try_into().expect("content");
    let message = Message::new(Offset::FIRST, RoomId::general(), content);
    let node = NodeId::from_random([1; 8]);
    let told = |messages| {
        let (after, tail) = (Offset::ZERO, Offset::ZERO.plus(200));
        let body = FrameBody::Appended { epoch: Epoch::from_random([7; 8]), after, tail, messages };
        Arc::new(Frame::new(node, body))
    };
    publisher.publish(told(vec![message; 200])).await.expect("published");
    assert_eq!(next(&mut subscriber).await, Incoming::Frame(told(Vec::new())));
}
