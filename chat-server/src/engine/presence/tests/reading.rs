//! Who has read a room.

use chat_core::Offset;

use super::*;

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_read_is_told_to_the_others_in_the_room_on_all_nodes() {
    let mut net = Net::of(2);
    let [watcher, other] =
        [0, 1].map(|node| net.nodes[node].enter("w", None, &[general(), room("rust")]));
    let ada = net.nodes[0].ada();
    let tab = net.nodes[1].ada();
    let elsewhere = net.nodes[1].enter("e", None, &[room("rust")]);
    net.pass(3000).await;
    for client in [&watcher, &other, &ada, &tab, &elsewhere] {
        client.hears();
    }
    ada.presence.read(&general(), offset(7));
    net.pass(500).await;
    for client in [&watcher, &other, &tab] {
        assert_eq!(client.hears(), ["Ada read general: 7"]);
    }
    for client in [&ada, &elsewhere] {
        assert_eq!(client.hears(), Vec::<String>::new());
    }
    // Not of a room that she is not in.
    ada.presence.read(&room("rust"), offset(7));
    net.pass(500).await;
    assert_eq!((watcher.hears(), other.hears()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_room_of_very_many_and_one_that_is_told_too_much_are_not_told() {
    let node = Node::telling(1, true, Rate::new(1, Duration::from_secs(1)));
    let watcher = node.enter("w", None, &[general()]);
    let ada = node.ada();
    pass(5000).await;
    watcher.hears();
    for number in 1..=50 {
        ada.presence.read(&general(), offset(number));
    }
    let told = watcher.hears().len();
    assert!((1..=4).contains(&told), "{told}");
    let crowd: Vec<_> =
        (0..100).map(|n| node.enter(&format!("c {n}"), None, &[general()])).collect();
    pass(60_000).await;
    watcher.hears();
    ada.presence.read(&general(), offset(99));
    assert_eq!(watcher.hears(), Vec::<String>::new());
    drop(crowd);
}

#[tokio::test(start_paused = true)]
async fn a_users_other_connections_are_told_of_private_messages_and_in_large_rooms_on_all_nodes() {
    let mut net = Net::of(2);
    let ada = net.nodes[0].ada();
    let tab = net.nodes[0].enter("tab", Some("Ada"), &[room("rust")]);
    let phone = net.nodes[1].enter("phone", Some("Ada"), &[general()]);
    let bob = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    let crowd: Vec<_> =
        (0..100).map(|n| net.nodes[0].enter(&format!("c {n}"), None, &[general()])).collect();
    net.pass(60_000).await;
    for client in [&ada, &tab, &phone, &bob] {
        client.hears();
    }
    let other = user("Bob").unwrap().0;
    ada.presence.read_privately(other, offset(5));
    net.pass(500).await;
    let private = |offset| format!("Ada read the messages with {other:?}: {offset}");
    for client in [&tab, &phone] {
        assert_eq!(client.hears(), [private(5)]);
    }
    ada.presence.read(&general(), offset(7));
    net.pass(500).await;
    assert_eq!(phone.hears(), ["Ada read general: 7"]);
    // One that has become somebody else's hears no more.
    tab.presence.rename(user("Carl"));
    net.pass(2000).await;
    tab.hears();
    ada.presence.read_privately(other, offset(6));
    net.pass(500).await;
    for client in [&ada, &bob, &tab] {
        assert_eq!(client.hears(), Vec::<String>::new());
    }
    assert_eq!(phone.hears(), [private(6)]);
    drop(crowd);
}
