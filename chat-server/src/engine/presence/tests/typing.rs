//! Who is typing.

use super::*;

/// A node with somebody who watches Ada.
fn scene(node: &Node) -> (Client, Client) {
    let watcher = node.enter("w", None, &[general()]);
    let ada = node.ada();
    watcher.hears();
    (watcher, ada)
}

#[tokio::test(start_paused = true)]
async fn typing_is_told_to_the_others_and_ends_by_itself() {
    let node = Node::new(1);
    let (watcher, ada) = scene(&node);
    let tab = node.enter("another", Some("Ada"), &[general()]);
    ada.presence.typing(&general(), true);
    assert_eq!(watcher.hears(), ["Ada types"]);
    pass(4900).await;
    assert_eq!(watcher.hears(), Vec::<String>::new());
    pass(200).await;
    assert_eq!(watcher.hears(), ["Ada rests"]);
    pass(20_000).await;
    assert_eq!((ada.hears(), tab.hears(), watcher.hears()), (vec![], vec![], vec![]));
    assert!(node.presence.lock().typing_states.is_empty());
}

#[tokio::test(start_paused = true)]
async fn typing_again_extends_and_is_told_once_a_second_at_most() {
    let node = Node::new(1);
    let (watcher, ada) = scene(&node);
    for _ in 0..300 {
        ada.presence.typing(&general(), true);
        pass(10).await;
    }
    let told = watcher.hears();
    assert!((3..=4).contains(&told.len()), "{told:?}");
    pass(4900).await;
    assert_eq!(watcher.hears(), Vec::<String>::new());
    pass(300).await;
    assert_eq!(watcher.hears(), ["Ada rests"]);
}

#[tokio::test(start_paused = true)]
async fn starting_and_stopping_fast_is_limited_and_ends_in_what_is_true() {
    let node = Node::new(1);
    let (watcher, ada) = scene(&node);
    for n in 0..100 {
        ada.presence.typing(&general(), n % 2 == 0);
    }
    assert_eq!(watcher.hears(), ["Ada types", "Ada rests"]);
    ada.presence.typing(&general(), true);
    pass(900).await;
    assert_eq!(watcher.hears(), Vec::<String>::new());
    pass(200).await;
    assert_eq!(watcher.hears(), ["Ada types"]);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_types_no_more_and_who_is_not_there_never_does() {
    let node = Node::new(1);
    let (watcher, ada) = scene(&node);
    ada.presence.typing(&room("rust"), true);
    ada.presence.typing(&general(), false);
    assert_eq!(watcher.hears(), Vec::<String>::new());
    ada.presence.typing(&general(), true);
    ada.presence.leave(&general());
    assert_eq!(watcher.hears(), ["Ada types", "Ada rests", "Ada left general: 1"]);
    pass(10_000).await;
    assert_eq!(watcher.hears(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_more_than_a_hundred_typing_is_not_told_but_its_end_is() {
    let node = Node::new(1);
    let (watcher, ada) = scene(&node);
    let enter = |n: usize| node.enter(&n.to_string(), None, &[general()]);
    let mut crowd: Vec<_> = (0..98).map(enter).collect();
    watcher.hears();
    ada.presence.typing(&general(), true);
    assert_eq!(watcher.hears(), ["Ada types"]);
    crowd.push(enter(98));
    crowd[0].presence.typing(&general(), true);
    pass(5100).await;
    assert_eq!(watcher.hears(), ["Ada rests"]);
}

#[tokio::test(start_paused = true)]
async fn typing_is_told_on_all_nodes_and_ends_there_also_when_its_end_is_lost() {
    let mut net = Net::of(2);
    net.pass(100).await;
    let watcher = net.nodes[1].enter("w", None, &[general()]);
    let ada = net.nodes[0].ada();
    ada.presence.typing(&general(), true);
    net.pass_with(100, |_, _, _| Fate::ArrivesTwice).await;
    assert_eq!(watcher.hears(), ["Ada joined general: 2", "Ada types"]);
    ada.presence.typing(&general(), false);
    let lose_typing = |_, _, body: &FrameBody| match body {
        FrameBody::Typing { .. } => Fate::IsLost,
        _ => Fate::Arrives,
    };
    net.pass_with(4800, lose_typing).await;
    assert_eq!(watcher.hears(), Vec::<String>::new());
    net.pass(300).await;
    assert_eq!(watcher.hears(), ["Ada rests"]);
    ada.presence.typing(&general(), true);
    net.pass(100).await;
    ada.presence.typing(&general(), false);
    net.pass(100).await;
    assert_eq!(watcher.hears(), ["Ada types", "Ada rests"]);
}

#[tokio::test(start_paused = true)]
async fn who_types_privately_is_told_to_the_other_user_on_all_nodes_and_to_nobody_else() {
    let mut net = Net::of(2);
    let [ada, tab] = [0, 1].map(|node| net.nodes[node].ada());
    let [bob, phone] = [0, 1].map(|node| net.nodes[node].enter("b", Some("Bob"), &[room("rust")]));
    let eve = net.nodes[1].enter("e", Some("Eve"), &[general()]);
    net.pass(3000).await;
    for client in [&ada, &tab, &bob, &phone, &eve] {
        client.hears();
    }
    let (bob_id, _) = user("Bob").unwrap();
    let nothing = Vec::<String>::new();
    ada.presence.typing_privately(bob_id, true);
    // Too soon to be told again.
    ada.presence.typing_privately(bob_id, true);
    net.pass(500).await;
    ada.presence.typing_privately(bob_id, false);
    ada.presence.typing_privately(bob_id, false);
    net.pass(600).await;
    for client in [&bob, &phone] {
        assert_eq!(client.hears(), ["Ada types privately", "Ada rests privately"]);
    }
    for client in [&ada, &tab, &eve] {
        assert_eq!(client.hears(), nothing);
    }
    ada.presence.typing_privately(bob_id, true);
    net.pass(500).await;
    assert_eq!(phone.hears(), ["Ada types privately"]);
    for _ in 0..100 {
        ada.presence.typing_privately(bob_id, false);
        ada.presence.typing_privately(bob_id, true);
    }
    net.pass(100).await;
    let told = phone.hears().len();
    assert!((2..=6).contains(&told), "{told} in less than a second");
    // Without a name, nobody types to anybody.
    tab.presence.rename(None);
    net.pass(2000).await;
    bob.hears();
    tab.presence.typing_privately(bob_id, true);
    assert_eq!(bob.hears(), nothing);
}
