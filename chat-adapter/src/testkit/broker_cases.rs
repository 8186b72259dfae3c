use std::time::Duration;

use super::record::Record;
use super::warnings::Warnings;
use super::{Broker, connect, eventually, frame, next_frame};

/// The broker is killed and restarted while frames are published: nobody hangs, the nodes report that they are
/// disconnected and reconnect by themselves, and lost frames are announced.
pub async fn frames_lost_while_the_broker_restarts_are_announced(broker: &impl Broker) {
    let nodes = broker.nodes().await;
    let record = Record::start(&nodes[0], &nodes[1]).await;
    eventually("frames arrive", || record.has_heard_beyond(100)).await;

    broker.kill().await;
    eventually("both nodes notice", || nodes.iter().all(|node| !node.is_connected())).await;
    let refused = tokio::time::timeout(Duration::from_millis(500), nodes[0].publish(frame(2, 1)));
    assert!(refused.await.expect("it is refused at once").is_err());

    broker.start().await;
    eventually("both nodes are back", || nodes.iter().all(|node| node.is_connected())).await;
    let before = record.last_published();
    eventually("frames arrive again", || record.has_heard_beyond(before + 100)).await;
    assert!(record.gaps() > 0, "the broker lost all that it had");
    record.check();
}

/// Frames published while a node is cut off either reach it later or are announced as a gap.
pub async fn a_lost_frame_is_announced_as_a_gap(broker: &impl Broker) {
    let nodes = broker.nodes().await;
    let record = Record::start(&nodes[0], &nodes[1]).await;
    eventually("frames arrive", || record.has_heard_beyond(100)).await;

    broker.cut();
    let before = record.last_published();
    eventually("frames are lost", || record.last_published() > before + 300).await;
    broker.mend();
    let before = record.last_published();
    eventually("frames arrive again", || record.has_heard_beyond(before + 100)).await;
    record.check();
}

/// A connection that no longer carries anything and that nobody closes is dropped within seconds. Until then a
/// publisher is not held up either.
pub async fn a_silently_cut_connection_is_noticed_and_made_anew(broker: &impl Broker) {
    let nodes = broker.nodes().await;
    // The other way round: now the publisher is cut off.
    let record = Record::start(&nodes[1], &nodes[0]).await;
    eventually("frames arrive", || record.has_heard_beyond(100)).await;

    broker.cut();
    eventually("it is noticed", || !nodes[1].is_connected()).await;
    assert!(nodes[0].is_connected(), "the other node is not concerned");
    broker.mend();
    eventually("the node is back", || nodes[1].is_connected()).await;
    let before = record.last_published();
    eventually("frames arrive again", || record.has_heard_beyond(before + 100)).await;
    record.check();
}

/// During an upgrade, nodes of two versions share a broker: each ignores what it cannot read and warns once.
pub async fn a_frame_of_another_version_is_ignored_with_a_warning(broker: &impl Broker) {
    let warnings = Warnings::listen();
    let nodes = broker.nodes().await;
    let mut subscribers = [
        nodes[0].subscribe().await.expect("subscribed"),
        nodes[1].subscribe().await.expect("subscribed"),
    ];
    connect(&nodes[1], &mut subscribers[0]).await;
    connect(&nodes[0], &mut subscribers[1]).await;
    for _ in 0..3 {
        broker.send_raw(br#"{"v":4000000000,"anything":"else"}"#).await;
        broker.send_raw(b"no frame").await;
    }
    // Each hears the other, and perhaps itself.
    nodes[0].publish(frame(1, 1)).await.expect("published");
    nodes[1].publish(frame(2, 2)).await.expect("published");
    let [first, second] = &mut subscribers;
    for (subscriber, own, other) in
        [(first, frame(1, 1), frame(2, 2)), (second, frame(2, 2), frame(1, 1))]
    {
        let mut heard = next_frame(subscriber).await;
        if heard == own {
            heard = next_frame(subscriber).await;
        }
        assert_eq!(heard, other);
    }
    assert_eq!(warnings.count("version 4000000000"), 2, "one for each node");
    assert_eq!(warnings.count("no frame"), 2, "one for each node");
}
