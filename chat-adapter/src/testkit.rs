//! The contract of [`Broadcast`] as tests, for every implementation alike.
//!
//! ```
//! use std::sync::Arc;
//! use chat_adapter::{Broadcast, LocalBroadcast};
//!
//! /// Two nodes that hear each other. Here they share one object; over a network each has its own.
//! async fn two_nodes() -> [Arc<dyn Broadcast>; 2] {
//!     let shared: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
//!     [Arc::clone(&shared), shared]
//! }
//!
//! chat_adapter::conformance!(local, two_nodes);
//! ```

// A case that fails panics: it is a test.
#![allow(clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Epoch, Frame, FrameBody, NodeId, Offset};

use crate::{Broadcast, Incoming, Subscriber};

/// The nodes that a case runs with.
pub type Nodes = [Arc<dyn Broadcast>; 2];

/// Longer than any answer takes; a case that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many frames are certainly more than a broadcast keeps for a slow subscriber.
const FLOOD: u64 = 20_000;

/// Makes the test module `$backend` with every case of the suite, each on two fresh nodes from the async
/// function `$nodes`, which returns [`Nodes`]. Attributes before the name are given to each test.
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* $backend:ident, $nodes:ident) => {
        $crate::conformance!(@cases [$(#[$attribute])*] $backend, $nodes,
            every_node_hears,
            own_frames_are_recognised,
            frames_of_one_publisher_arrive_in_order,
            a_slow_subscriber_is_told_of_a_gap_and_blocks_nobody,
            close_ends_the_streams,
        );
    };
    (@cases $attributes:tt $backend:ident, $nodes:ident, $($case:ident),* $(,)?) => {
        mod $backend {
            $($crate::conformance!(@case $attributes $nodes, $case);)*
        }
    };
    (@case [$($attribute:tt)*] $nodes:ident, $case:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $case() {
            $crate::testkit::$case(super::$nodes().await).await;
        }
    };
}

/// A frame of node `node` that can be told from others by `number`.
pub fn frame(node: u8, number: u64) -> Arc<Frame> {
    let offset = Offset::ZERO.plus(number);
    let epoch = Epoch::from_random([7; 8]);
    let body = FrameBody::Appended { epoch, after: offset, tail: offset, messages: Vec::new() };
    Arc::new(Frame { node: NodeId::from_random([node; 8]), body })
}

async fn next(subscriber: &mut Box<dyn Subscriber>) -> Option<Incoming> {
    tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("something within ten seconds")
}

/// Publishes on a node until this subscriber hears it, so that the case begins when both are connected.
async fn connect(publisher: &Arc<dyn Broadcast>, subscriber: &mut Box<dyn Subscriber>) {
    let hello = frame(0, 0);
    let heard = async {
        loop {
            publisher.publish(Arc::clone(&hello)).await.expect("published");
            let wait = Duration::from_millis(50);
            if let Ok(Some(Incoming::Frame(heard))) =
                tokio::time::timeout(wait, subscriber.next()).await
                && heard == hello
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the nodes hear each other");
}

/// The next frame that is not part of [`connect`].
async fn next_frame(subscriber: &mut Box<dyn Subscriber>) -> Arc<Frame> {
    loop {
        match next(subscriber).await {
            Some(Incoming::Frame(heard)) if heard.node == NodeId::from_random([0; 8]) => {}
            Some(Incoming::Frame(heard)) => return heard,
            other => panic!("a frame, not {other:?}"),
        }
    }
}

/// Two subscribers of the other node get each frame.
pub async fn every_node_hears(nodes: Nodes) {
    let mut first = nodes[1].subscribe().await.expect("subscribed");
    let mut second = nodes[1].subscribe().await.expect("subscribed");
    connect(&nodes[0], &mut first).await;
    connect(&nodes[0], &mut second).await;
    nodes[0].publish(frame(1, 5)).await.expect("published");
    assert_eq!(next_frame(&mut first).await, frame(1, 5));
    assert_eq!(next_frame(&mut second).await, frame(1, 5));
}

/// A frame names its publisher when it arrives.
pub async fn own_frames_are_recognised(nodes: Nodes) {
    let mut subscriber = nodes[0].subscribe().await.expect("subscribed");
    connect(&nodes[1], &mut subscriber).await;
    nodes[0].publish(frame(1, 1)).await.expect("published");
    nodes[1].publish(frame(2, 2)).await.expect("published");
    let mut heard = next_frame(&mut subscriber).await;
    if heard.node == NodeId::from_random([1; 8]) {
        heard = next_frame(&mut subscriber).await;
    }
    assert_eq!(heard, frame(2, 2));
}

/// A thousand frames of one node keep their order.
pub async fn frames_of_one_publisher_arrive_in_order(nodes: Nodes) {
    let mut subscriber = nodes[1].subscribe().await.expect("subscribed");
    connect(&nodes[0], &mut subscriber).await;
    for number in 1..=1000 {
        nodes[0].publish(frame(1, number)).await.expect("published");
        assert_eq!(next_frame(&mut subscriber).await, frame(1, number));
    }
    for number in 1..=500 {
        nodes[0].publish(frame(2, number)).await.expect("published");
    }
    for number in 1..=500 {
        assert_eq!(next_frame(&mut subscriber).await, frame(2, number));
    }
}

/// A subscriber that does not read learns that it missed something; the publisher is never held up and
/// another subscriber goes on.
pub async fn a_slow_subscriber_is_told_of_a_gap_and_blocks_nobody(nodes: Nodes) {
    let mut slow = nodes[1].subscribe().await.expect("subscribed");
    connect(&nodes[0], &mut slow).await;
    let flood = async {
        for number in 1..=FLOOD {
            nodes[0].publish(frame(1, number)).await.expect("published");
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("nobody waits for the slow subscriber");

    let mut expected = 1;
    let mut gap = false;
    while expected <= FLOOD {
        match next(&mut slow).await.expect("the stream goes on") {
            Incoming::Gap => gap = true,
            Incoming::Frame(heard) if heard.node == NodeId::from_random([0; 8]) => {}
            Incoming::Frame(heard) => {
                let FrameBody::Appended { after, .. } = &heard.body else { continue };
                let number = after.as_u64();
                assert!(number == expected || gap, "frame {expected} is missing unannounced");
                gap = false;
                expected = number + 1;
            }
        }
    }
}

/// After closing, streams end, and nothing can be published or subscribed to.
pub async fn close_ends_the_streams(nodes: Nodes) {
    let mut subscriber = nodes[0].subscribe().await.expect("subscribed");
    nodes[0].close().await;
    nodes[0].close().await;
    while next(&mut subscriber).await.is_some() {}
    assert!(nodes[0].publish(frame(1, 1)).await.is_err());
    assert!(nodes[0].subscribe().await.is_err());
}
