//! A room is told no more than it can hear, and the latest of it.

use super::*;

/// Ten a second, and ten at once.
fn node() -> Node {
    Node::telling(1, true, Rate::new(10, Duration::from_secs(1)))
}

fn come_and_go(client: &Client, times: usize) {
    for _ in 0..times {
        client.presence.join(&general());
        client.presence.leave(&general());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_joins_and_leaves_all_the_time_is_told_of_at_a_rate() {
    let node = node();
    let (ada, eve) = (node.ada(), node.enter("e", Some("Eve"), &[]));
    let mut heard = Vec::new();
    for _ in 0..1000 {
        come_and_go(&eve, 1);
        pass(1).await;
        heard.extend(ada.hears());
    }
    assert!((10..=21).contains(&heard.len()), "{heard:?}");
    eve.presence.join(&general());
    pass(2000).await;
    heard.extend(ada.hears());
    assert_eq!(heard.last().unwrap(), "Eve joined general: 2", "the latest");
    assert!(node.presence.lock().paced.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_others_know_already_is_not_told() {
    let node = node();
    let (ada, eve) = (node.ada(), node.enter("e", Some("Eve"), &[]));
    come_and_go(&eve, 5);
    assert_eq!(ada.hears().len(), 10);
    come_and_go(&eve, 5);
    pass(5000).await;
    assert_eq!(ada.hears(), [""; 0], "she is gone, as was told");
}

#[tokio::test(start_paused = true)]
async fn each_has_a_turn_in_the_order_of_the_changes() {
    let node = node();
    let (ada, eve) = (node.ada(), node.enter("e", Some("Eve"), &[]));
    come_and_go(&eve, 5);
    ada.hears();
    eve.presence.join(&general());
    let names = ["Bob", "Cleo", "Dora"];
    let _others: Vec<_> =
        names.iter().map(|name| node.enter(name, Some(name), &[general()])).collect();
    for _ in 0..1000 {
        eve.presence.leave(&general());
        eve.presence.join(&general());
        pass(1).await;
    }
    let heard = ada.hears();
    let turn = |name: &str| heard.iter().position(|said| said.starts_with(name)).unwrap();
    assert_eq!((turn("Bob"), turn("Cleo"), turn("Dora")), (1, 2, 3), "{heard:?}");
    assert_eq!(heard[0], "Eve joined general: 5");
}

#[tokio::test(start_paused = true)]
async fn those_who_type_share_what_a_room_is_told() {
    let node = node();
    let ada = node.ada();
    let names: Vec<_> = (0..8).map(|number| format!("TypingState {number}")).collect();
    let typing_states: Vec<_> =
        names.iter().map(|name| node.enter(name, Some(name), &[general()])).collect();
    pass(2000).await;
    assert_eq!(ada.hears().len(), 8);
    let mut heard = Vec::new();
    for _ in 0..100 {
        for entry in &typing_states {
            entry.presence.typing(&general(), true);
            entry.presence.typing(&general(), false);
        }
        pass(10).await;
        heard.extend(ada.hears());
    }
    assert!((10..=21).contains(&heard.len()), "{heard:?}");
    pass(5000).await;
    heard.extend(ada.hears());
    for name in &names {
        let last = heard.iter().rfind(|said| said.starts_with(name));
        assert!(last.is_none_or(|said| said.ends_with("rests")), "{name}: {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_and_goes_takes_little_memory() {
    let node = node();
    let ada = node.ada();
    for number in 0..5000 {
        node.enter(&number.to_string(), None, &[general()]).presence.end(true);
    }
    let waiting = |node: &Node| {
        let state = node.presence.lock();
        state.rooms[&general()].pace.as_ref().unwrap().waiting()
    };
    assert!(waiting(&node) <= 256);
    pass(2000).await;
    assert_eq!((waiting(&node), ada.hears().len()), (0, 10));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_in_an_empty_room_and_nothing_is_counted() {
    let node = node();
    let eve = node.enter("e", Some("Eve"), &[]);
    come_and_go(&eve, 100);
    let ada = node.ada();
    eve.presence.join(&general());
    assert_eq!(ada.hears(), ["Eve joined general: 2"]);
}
