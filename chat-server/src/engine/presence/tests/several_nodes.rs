//! Several nodes: what each knows of the others' users, whatever becomes of the frames.

use super::*;

#[tokio::test(start_paused = true)]
async fn all_nodes_count_alike_and_tell_each_change_once() {
    let mut net = Net::of(3);
    net.pass(100).await;
    let watchers: Vec<_> =
        net.nodes.iter().map(|node| node.enter("w", Some("Watcher"), &[general()])).collect();
    let tabs: Vec<_> = net.nodes.iter().map(Node::ada).collect();
    net.pass(100).await;
    assert_eq!(net.counts(), [2, 2, 2]);
    for tab in &tabs[..2] {
        tab.presence.end(true);
    }
    net.pass(5000).await;
    assert_eq!(net.counts(), [2, 2, 2]);
    tabs[2].presence.end(true);
    net.pass(100).await;
    for watcher in &watchers {
        assert_eq!(watcher.hears(), ["Ada joined general: 2", "Ada left general: 1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn moving_to_another_node_is_not_seen() {
    let mut net = Net::of(3);
    net.pass(100).await;
    let watchers: Vec<_> =
        net.nodes.iter().map(|node| node.enter("w", None, &[general()])).collect();
    let mut ada = net.nodes[0].ada();
    let mut bob = net.nodes[1].enter("b", None, &[general()]);
    net.pass(100).await;
    watchers.iter().for_each(|watcher| drop(watcher.hears()));
    for step in 0..9 {
        drop((ada, bob));
        net.pass(1500).await;
        ada = net.nodes[(step + 1) % 3].ada();
        bob = net.nodes[(step + 2) % 3].enter("b", None, &[general()]);
        assert_eq!(net.counts(), [3, 3, 3]);
        net.pass(500).await;
    }
    net.pass(10_000).await;
    assert_eq!(net.counts(), [3, 3, 3]);
    for watcher in &watchers {
        assert_eq!(watcher.hears(), Vec::<String>::new());
    }
    ada.presence.end(true);
    bob.presence.end(true);
    net.pass(100).await;
    assert_eq!(net.counts(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_takes_its_users_with_it() {
    let mut net = Net::of(2);
    let watcher = net.nodes[0].enter("w", None, &[general()]);
    let _ada = net.nodes[1].ada();
    let _moving = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(2000).await;
    assert_eq!(net.counts(), [3, 3]);
    assert_eq!(watcher.hears().len(), 2);
    net.nodes[1].task.abort();
    net.pass(1000).await;
    let _bob = net.nodes[0].enter("b", Some("Bob"), &[general()]);
    net.pass(3000).await;
    assert_eq!(net.nodes[0].count(), 3);
    net.pass(2100).await;
    assert_eq!(net.nodes[0].count(), 2);
    assert_eq!(watcher.hears(), ["Ada left general: 2"], "Bob was quick enough");
}

#[tokio::test(start_paused = true)]
async fn the_users_of_a_node_that_stops_have_their_grace_to_move() {
    let mut net = Net::of(2);
    let watcher = net.nodes[0].enter("w", None, &[general()]);
    let ada = net.nodes[1].ada();
    let bob = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(500).await;
    watcher.hears();
    drop((ada, bob));
    net.nodes[1].closing.cancel();
    net.pass(2000).await;
    let _bob = net.nodes[0].enter("b", Some("Bob"), &[general()]);
    net.pass(2900).await;
    assert_eq!((net.nodes[0].count(), watcher.hears()), (3, vec![]));
    net.pass(200).await;
    assert_eq!(watcher.hears(), ["Ada left general: 2"]);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_cannot_hear_each_other_agree_again_when_they_can() {
    let mut net = Net::of(2);
    let _here = net.nodes[0].ada();
    let _there = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(500).await;
    assert_eq!(net.counts(), [2, 2]);
    net.pass_with(6000, |_, _, _| Fate::IsLost).await;
    assert_eq!(net.counts(), [1, 1]);
    let _more = net.nodes[1].enter("c", Some("Carl"), &[general()]);
    net.pass(2100).await;
    assert_eq!(net.counts(), [3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_halted_does_not_take_the_others_for_dead() {
    let mut net = Net::of(2);
    let ada = net.nodes[0].ada();
    let _there = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(1000).await;
    ada.hears();
    // All at once: none of the node's ticks happens in between.
    tokio::time::advance(Duration::from_secs(30)).await;
    net.pass(1000).await;
    assert_eq!((net.counts(), ada.hears()), (vec![2, 2], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_later_is_told_in_parts_that_every_broker_carries() {
    let mut net = Net::of(2);
    let clients = 3000;
    let name = |n: usize| format!("{n} {}", "\"".repeat(30));
    let crowd = (0..clients).map(|n| net.nodes[0].enter(&name(n), Some(&name(n)), &[general()]));
    let crowd: Vec<_> = crowd.collect();
    let (mut parts, mut longest) = (0, 0);
    let id = net.nodes[0].id;
    net.pass_with(15_000, |_, _, body| {
        let frame = chat_core::Frame::new(id, body.clone());
        longest = longest.max(frame.encode().len());
        parts += usize::from(matches!(body, FrameBody::PresenceSnapshot { .. }));
        Fate::Arrives
    })
    .await;
    assert_eq!(net.counts(), [clients, clients]);
    assert!(longest < 7000, "{longest}");
    assert!((20..100).contains(&parts), "{parts} parts: the list was sent once");
    drop(crowd);
    net.pass(10_000).await;
    assert_eq!(net.counts(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_a_list_is_sent_is_not_lost() {
    let mut net = Net::of(2);
    let enter = |net: &Net, n: usize| net.nodes[0].enter(&n.to_string(), None, &[general()]);
    let mut crowd: VecDeque<_> = (0..5000).map(|n| enter(&net, n)).collect();
    for n in 5000..5200 {
        crowd.pop_front().unwrap().presence.end(true);
        crowd.push_back(enter(&net, n));
        net.pass(10).await;
    }
    crowd.pop_front().unwrap().presence.end(true);
    net.pass(100).await;
    assert_eq!(net.counts(), [4999, 4999]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_reconnects_is_few_frames_and_a_node_alone_only_says_that_it_lives() {
    let mut net = Net::of(2);
    let alone = Node::new(9);
    net.pass(1000).await;
    let before = net.sent;
    let enter = |node: &Node, n: usize| node.enter(&n.to_string(), None, &[general()]);
    let _crowd: Vec<_> = (0..10_000).map(|n| enter(&net.nodes[0], n)).collect();
    let _hermits: Vec<_> = (0..100).map(|n| enter(&alone, n)).collect();
    net.pass(1000).await;
    assert_eq!(net.counts(), [10_000, 10_000]);
    assert!(net.sent - before < 150, "{}", net.sent - before);
    let Node { said, .. } = &alone;
    assert!(said.len() <= 3, "{}", said.len());
}

#[tokio::test(start_paused = true)]
async fn a_full_way_out_delays_and_loses_nothing() {
    let mut net = Net::of(2);
    net.pass(100).await;
    let beat = || FrameBody::PresenceWanted { of: NodeId::from_random([77; 8]) };
    let outgoing = net.nodes[0].presence.0.outgoing.clone();
    while outgoing.presence(beat()) {}
    let _ada = net.nodes[0].ada();
    pass(500).await;
    net.pass_with(200, |_, _, body| {
        assert!(!matches!(body, FrameBody::PresenceSnapshot { .. }), "no list is needed");
        Fate::Arrives
    })
    .await;
    assert_eq!(net.counts(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_makes_up_for_a_lost_frame_tells_only_what_was_missed() {
    let mut net = Net::of(2);
    let watcher = net.nodes[1].enter("w", None, &[general()]);
    let _ada = net.nodes[0].ada();
    let carl = net.nodes[0].enter("c", Some("Carl"), &[general()]);
    net.pass(2000).await;
    watcher.hears();
    let _bob = net.nodes[0].enter("b", Some("Bob"), &[general()]);
    carl.presence.end(true);
    net.pass_with(100, |_, _, _| Fate::IsLost).await;
    assert_eq!(net.counts(), [3, 3]);
    assert_eq!(watcher.hears(), Vec::<String>::new());
    net.pass(1500).await;
    assert_eq!(watcher.hears(), ["Carl left general: 2", "Bob joined general: 3"]);
}
