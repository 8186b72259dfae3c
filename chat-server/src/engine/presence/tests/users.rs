//! One node: who comes, goes, breaks and comes back.

use super::*;

const NOTHING: [&str; 0] = [];

#[tokio::test(start_paused = true)]
async fn those_in_a_room_are_told_who_joins_and_leaves_and_nobody_of_itself() {
    let node = Node::new(1);
    let ada = node.ada();
    let bob = node.enter("b", None, &[general(), room("rust")]);
    bob.presence.join(&general());
    ada.presence.join(&room("rust"));
    ada.presence.leave(&room("go"));
    assert_eq!(ada.hears(), ["somebody joined general: 2"]);
    assert_eq!(bob.hears(), ["Ada joined rust: 2"]);
    bob.presence.leave(&general());
    assert_eq!(node.presence.count(&room("rust")), 2);
    bob.presence.end(true);
    assert_eq!(ada.hears(), ["somebody left general: 1", "somebody left rust: 1"]);
    assert_eq!(bob.hears(), NOTHING);
    ada.presence.end(true);
    assert!(node.presence.lock().rooms.is_empty(), "nothing is kept of rooms without users");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_see_a_room_is_seen_there_and_told_nothing() {
    let node = Node::new(1);
    let ada = node.ada();
    let ephemeral = Arc::new(EphemeralEvents::new(Arc::new(Notify::new())));
    let rooms = [general(), room("rust")];
    let presence = node.presence.enter("b", None, (&rooms, &rooms[..1]), Arc::clone(&ephemeral));
    let bob = Client { presence, ephemeral };
    assert_eq!(ada.hears(), ["somebody joined general: 2"]);
    let goes_through = |client| {
        let carl = node.enter(client, Some("Carl"), &rooms);
        carl.presence.typing(&general(), true);
        carl.presence.end(true);
    };
    goes_through("c");
    assert_eq!(bob.hears(), ["Carl joined rust: 2", "Carl left rust: 1"]);
    bob.presence.see(&general(), true);
    goes_through("d");
    assert_eq!(
        bob.hears().len(),
        6,
        "joining, leaving and typing, and what comes of the other room"
    );
    bob.presence.see(&general(), false);
    drop(bob);
    pass(6000).await;
    assert!(node.presence.lock().unseen.is_empty(), "nothing is kept of who is gone");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_several_tabs_is_there_once() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    let tabs = ["1", "2", "3"].map(|client| node.enter(client, Some("Ada"), &[general()]));
    assert_eq!(node.count(), 2);
    assert_eq!(node.names(&general()), BTreeSet::from(["Ada".into()]));
    for tab in &tabs[1..] {
        tab.presence.end(true);
    }
    assert_eq!(watcher.hears(), ["Ada joined general: 2"]);
    tabs[0].presence.leave(&general());
    assert_eq!(watcher.hears(), ["Ada left general: 1"]);
    assert_eq!(tabs[0].hears(), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_counts_until_its_grace_is_over() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    let ada = node.ada();
    watcher.hears();
    ada.presence.end(false);
    pass(3000).await;
    drop(ada);
    pass(1900).await;
    assert_eq!((node.count(), watcher.hears()), (2, vec![]));
    pass(200).await;
    assert_eq!((node.count(), watcher.hears()), (1, vec!["Ada left general: 1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn coming_back_within_the_grace_is_neither_leaving_nor_joining() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    let mut ada = node.ada();
    let mut bob = node.enter("b", None, &[general()]);
    watcher.hears();
    for _ in 0..5 {
        drop(ada);
        drop(bob);
        pass(4900).await;
        ada = node.ada();
        bob = node.enter("b", None, &[general()]);
    }
    pass(10_000).await;
    assert_eq!((node.count(), watcher.hears()), (3, vec![]));
    bob.presence.leave(&general());
    assert_eq!(watcher.hears(), ["somebody left general: 2"], "at once, the grace is no longer on");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_connection_of_a_client_that_ends_later_has_no_grace() {
    let node = Node::new(1);
    let earlier = node.ada();
    let later = node.ada();
    drop(earlier);
    later.presence.leave(&general());
    assert_eq!(node.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn ending_on_purpose_ends_the_grace_too_and_an_ended_connection_does_nothing() {
    let node = Node::new(1);
    let ada = node.ada();
    ada.presence.end(false);
    ada.presence.join(&room("rust"));
    ada.presence.rename(None);
    ada.presence.typing(&general(), true);
    assert_eq!((node.count(), node.presence.count(&room("rust"))), (1, 0));
    ada.presence.end(true);
    ada.presence.end(true);
    ada.presence.join(&general());
    assert_eq!(node.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_identity_leaves_and_joins_in_all_rooms() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general(), room("rust")]);
    let ada = node.enter("a", None, &[general(), room("rust")]);
    watcher.hears();
    ada.presence.rename(user("Ada"));
    assert_eq!(
        watcher.hears(),
        [
            "somebody left general: 1",
            "Ada joined general: 2",
            "somebody left rust: 1",
            "Ada joined rust: 2"
        ]
    );
    ada.presence.rename(user("Ada"));
    assert_eq!((watcher.hears(), ada.hears()), (vec![], vec![]));
    let (id, _) = user("Ada").unwrap();
    ada.presence.rename(Some((id, "ADA".parse().unwrap())));
    assert_eq!(node.names(&general()), BTreeSet::from(["ADA".into()]));
    assert_eq!(watcher.hears(), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_user_with_another_nickname_leaves_under_the_old_one_and_joins_under_the_new_one() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    let ada = node.enter("a", Some("Ada"), &[general()]);
    watcher.hears();
    let (id, _) = user("Ada").unwrap();
    ada.presence.rename(Some((id, "Grace".parse().unwrap())));
    assert_eq!(watcher.hears(), ["Ada left general: 1", "Grace joined general: 2"]);
    assert_eq!(ada.hears(), NOTHING);
    assert_eq!(node.names(&general()), BTreeSet::from(["Grace".into()]));
    ada.presence.end(true);
    assert_eq!(watcher.hears(), ["Grace left general: 1"]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_as_somebody_else_is_not_counted_twice() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    drop(node.enter("a", None, &[general()]));
    let _ada = node.ada();
    assert_eq!(
        watcher.hears(),
        ["somebody joined general: 2", "somebody left general: 1", "Ada joined general: 2"]
    );
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_more_than_a_hundred_users_come_and_go_untold() {
    let node = Node::new(1);
    let watcher = node.enter("w", None, &[general()]);
    let enter = |n: usize| node.enter(&format!("client {n}"), None, &[general()]);
    let mut crowd: Vec<_> = (2..=99).map(enter).collect();
    watcher.hears();
    crowd.push(enter(100));
    crowd.push(enter(101));
    assert_eq!(watcher.hears(), ["somebody joined general: 100"]);
    crowd.pop().unwrap().presence.end(true);
    assert_eq!((node.count(), watcher.hears()), (100, vec![]));
    crowd.pop().unwrap().presence.end(true);
    assert_eq!(watcher.hears(), ["somebody left general: 99"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_thousand_names_are_listed_in_their_order() {
    let node = Node::new(1);
    let name = |n: usize| format!("{:04}", (n * 7919) % 1500);
    let crowd = (0..1500).map(|n| node.enter(&name(n), Some(&name(n)), &[general()]));
    let _crowd: Vec<_> = crowd.collect();
    let users = node.users(&general());
    assert_eq!(users.users, 1500);
    let names: Vec<_> = users.nicknames.into_iter().map(String::from).collect();
    assert_eq!(names, (0..1000).map(|n| format!("{n:04}")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_share_one_list_until_it_changes() {
    let node = Node::new(1);
    let ada = node.ada();
    let list = || node.presence.users(&general()).unwrap();
    let first = list();
    assert!(Arc::ptr_eq(&first, &list()));
    // Another connection of hers, and one that goes, change nothing.
    drop(node.ada());
    assert!(Arc::ptr_eq(&first, &list()));

    let bob = node.enter("b", Some("Bob"), &[general()]);
    assert_eq!(node.names(&general()), ["Ada", "Bob"].map(String::from).into());
    let (user, _) = user("Bob").unwrap();
    bob.presence.rename(Some((user, "Bobby".parse().unwrap())));
    assert_eq!(node.names(&general()), ["Ada", "Bobby"].map(String::from).into());
    bob.presence.end(true);
    ada.presence.leave(&general());
    assert_eq!(node.names(&general()), [].into());
    assert_eq!(node.users(&general()).users, 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_is_present_as_long_as_it_is_in_any_room_on_any_node() {
    let mut net = Net::of(2);
    let is_present = |net: &Net| {
        net.nodes
            .iter()
            .map(|node| node.presence.is_present(user("Bob").unwrap().0))
            .collect::<Vec<_>>()
    };
    let watcher = net.nodes[0].ada();
    net.pass(2000).await;
    assert_eq!(is_present(&net), [false, false]);
    let bob = net.nodes[1].enter("b", Some("Bob"), &[general(), room("rust")]);
    let tab = net.nodes[0].enter("tab", Some("Bob"), &[general()]);
    net.pass(2000).await;
    assert_eq!(is_present(&net), [true, true]);
    tab.presence.end(true);
    bob.presence.leave(&general());
    net.pass(2000).await;
    assert_eq!(is_present(&net), [true, true]);
    bob.presence.rename(None);
    net.pass(2000).await;
    assert_eq!(is_present(&net), [false, false]);
    bob.presence.rename(user("Bob"));
    net.pass(2000).await;
    assert_eq!(is_present(&net), [true, true]);
    bob.presence.end(true);
    net.pass(2000).await;
    assert_eq!(is_present(&net), [false, false]);
    drop(watcher);
}
