//! What the suite does not know of the connections: one node that ends and comes back.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_adapter::testkit::frame;
use chat_adapter::{Broadcast, Incoming};
use own_backends::TcpBroadcast;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

fn listener(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(16).unwrap()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let come_true = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, come_true).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn a_node_that_was_away_is_heard_again_after_a_gap() {
    let any = "127.0.0.1:0".parse().unwrap();
    let listeners = [listener(any), listener(any)];
    let [first, second] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let [one, two] = listeners;
    let stays = TcpBroadcast::new(one, &[second]);
    let leaves = TcpBroadcast::new(two, &[first]);
    until("both are connected", || stays.is_connected() && leaves.is_connected()).await;
    let mut hears = stays.subscribe().await.unwrap();
    leaves.publish(frame(1, 1)).await.unwrap();
    let heard = timeout(PATIENCE, hears.next()).await.unwrap();
    assert_eq!(heard, Some(Incoming::Frame(frame(1, 1))));

    leaves.close().await;
    drop(leaves);
    until("it is missed", || !stays.is_connected()).await;

    let back = TcpBroadcast::new(listener(second), &[first]);
    until("it is back", || stays.is_connected() && back.is_connected()).await;
    back.publish(frame(2, 2)).await.unwrap();
    let mut incoming = Vec::new();
    while incoming.len() < 2 {
        incoming.extend(timeout(PATIENCE, hears.next()).await.unwrap());
    }
    assert_eq!(incoming, [Incoming::Gap, Incoming::Frame(frame(2, 2))]);
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_left_out_and_endless_ones_end_the_connection() {
    use tokio::io::AsyncWriteExt;

    let speaker = listener("127.0.0.1:0".parse().unwrap());
    let address = speaker.local_addr().unwrap();
    let node = TcpBroadcast::new(listener("127.0.0.1:0".parse().unwrap()), &[address]);
    let mut hears = node.subscribe().await.unwrap();
    let (mut connection, _) = timeout(PATIENCE, speaker.accept()).await.unwrap().unwrap();
    let body = frame(1, 1).encode();
    let good = [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat();
    let bytes = [&b"\xff\xff\xff\xff\0\0\0\x05hello"[..], &good, b"\x7f\xff\xff\xff"].concat();
    connection.write_all(&bytes).await.unwrap();
    for expected in [Incoming::Gap, Incoming::Frame(frame(1, 1))] {
        assert_eq!(timeout(PATIENCE, hears.next()).await.unwrap(), Some(expected));
    }
    // It connects again.
    timeout(PATIENCE, speaker.accept()).await.unwrap().unwrap();
    assert!(!Arc::new(node).is_connected());
}
