use chat_core::{FrameBody, NodeId};

use super::{FLOOD, Nodes, PATIENCE, connect, frame, next, next_frame};
use crate::Incoming;

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

/// A subscriber that does not read gets a gap; the publisher is never held up, and another subscriber continues.
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

/// After closing, streams end, and publishing and subscribing fail.
pub async fn close_ends_the_streams(nodes: Nodes) {
    let mut subscriber = nodes[0].subscribe().await.expect("subscribed");
    nodes[0].close().await;
    nodes[0].close().await;
    while next(&mut subscriber).await.is_some() {}
    assert!(nodes[0].publish(frame(1, 1)).await.is_err());
    assert!(nodes[0].subscribe().await.is_err());
}
