//! Several nodes with one store, none of which hears of the others.

use super::*;

/// Two nodes, on one store each of whose saves can be held. The first has the session.
async fn two_nodes() -> (Arc<MemoryStore>, [Arc<HeldStore>; 2], [Sessions; 2], i64) {
    let store = Arc::new(MemoryStore::new());
    let held = [(); 2].map(|()| Arc::new(HeldStore::new(Arc::<MemoryStore>::clone(&store))));
    let nodes = held.each_ref().map(|held| Sessions::on(Arc::<HeldStore>::clone(held)));
    let owner = nodes[0].begin("one");
    nodes[0].saved().await;
    (store, held, nodes, owner)
}

/// The moment this many milliseconds after the first connection was opened.
fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(OPENED.as_millis() + millis)
}

#[tokio::test]
async fn a_node_that_is_not_told_overwrites_nothing_and_lets_go_when_it_saves() {
    let (store, _, [old, new], owner) = two_nodes().await;
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.registry.update(KEY, taken, "two".into());
    new.saved().await;
    assert_eq!(old.known(), Some(Some("one".into())), "it was not told");

    old.registry.renew();
    old.saved().await;
    assert_eq!(old.known(), None);
    assert!(!old.has_owner(owner));
    assert_eq!(stored(&*store, Duration::ZERO).await.as_deref(), Some("two"));
    assert!(new.has_owner(taken));
}

#[tokio::test]
async fn a_save_that_is_still_on_its_way_is_too_late_when_the_session_is_taken() {
    let (store, held, [old, new], owner) = two_nodes().await;
    held[0].saves.close();
    old.registry.update(KEY, owner, "late".into());
    old.writer.wake();
    held[0].saves.waiting(1).await;
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.saved().await;
    held[0].saves.open();
    old.saved().await;
    assert_eq!(stored(&*store, Duration::ZERO).await.as_deref(), Some("one"));
    assert_eq!(found(&*store).await.generation, taken);
    assert!(!old.has_owner(owner));
}

#[tokio::test]
async fn of_two_nodes_that_take_one_session_at_once_the_later_connection_keeps_it() {
    for (opened, first_to_save) in [([3, 4], 0), ([3, 4], 1), ([4, 3], 0), ([4, 3], 1)] {
        let (store, _, [gone, one], _) = two_nodes().await;
        gone.close().await;
        let other = Sessions::on(Arc::<MemoryStore>::clone(&store));
        let seen = found(&*store).await;
        let nodes = [one, other];
        let owners: Vec<i64> = nodes
            .iter()
            .zip(opened)
            .map(|(node, opened)| node.take_over(seen.clone(), later(opened), 1).unwrap().0)
            .collect();
        nodes[first_to_save].saved().await;
        nodes[1 - first_to_save].saved().await;
        for _ in 0..2 {
            for node in &nodes {
                node.registry.renew();
                node.saved().await;
            }
        }
        let winner = usize::from(opened[1] > opened[0]);
        assert_eq!(found(&*store).await.generation, owners[winner]);
        assert!(nodes[winner].has_owner(owners[winner]), "{opened:?} {first_to_save}");
        assert!(!nodes[1 - winner].has_owner(owners[1 - winner]), "{opened:?} {first_to_save}");
    }
}

#[tokio::test]
async fn of_two_nodes_that_take_one_session_in_one_millisecond_one_keeps_it() {
    for _ in 0..20 {
        let (store, _, nodes, _) = two_nodes().await;
        let seen = found(&*store).await;
        let owners = nodes.each_ref().map(|node| {
            node.take_over(seen.clone(), later(5), 7).expect("no later connection has it").0
        });
        for node in nodes.iter().cycle().take(6) {
            node.registry.renew();
            node.saved().await;
        }
        let mut kept = nodes.iter().zip(owners).map(|(node, owner)| node.has_owner(owner));
        assert_ne!(kept.next(), kept.next());
    }
}

#[tokio::test]
async fn a_session_that_came_back_while_a_save_was_refused_stays() {
    let (store, held, [old, new], _) = two_nodes().await;
    let (elsewhere, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.saved().await;
    held[0].saves.close();
    old.registry.renew();
    old.writer.wake();
    held[0].saves.waiting(1).await;
    let (back, _) = old.take_over(found(&*store).await, later(9), 2).unwrap();
    assert!(back > elsewhere);
    held[0].saves.open();
    old.saved().await;
    assert_eq!(found(&*store).await.generation, back);
    assert!(old.has_owner(back));
}

#[tokio::test]
async fn a_session_that_ended_at_another_node_is_not_renewed() {
    let (store, _, [old, new], owner) = two_nodes().await;
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.registry.release(KEY, taken, true);
    new.saved().await;
    old.registry.renew();
    old.saved().await;
    assert_eq!(stored(&*store, Duration::ZERO).await, None);
    assert!(!old.has_owner(owner));
}

#[tokio::test]
async fn an_owner_has_a_higher_generation_than_the_one_before_whatever_the_clock_says() {
    let (store, _, [old, new], owner) = two_nodes().await;
    let (taken, _) = new.take_over(found(&*store).await, later(-500), 1).unwrap();
    assert!(taken > owner);
    new.saved().await;
    old.registry.renew();
    old.saved().await;
    assert!(!old.has_owner(owner));
}

/// Waits until a node does not know the session any more.
async fn forgets(node: &Sessions) {
    let forgets = async {
        while node.known().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgets).await.expect("it lets go");
}

#[tokio::test]
async fn a_node_that_is_told_lets_go_when_the_store_says_so_too() {
    let (store, _, [old, new], owner) = two_nodes().await;
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.saved().await;
    assert!(old.known().is_some());
    old.hears(taken);
    forgets(&old).await;
    assert!(!old.has_owner(owner));
    assert!(new.has_owner(taken));
}

#[tokio::test]
async fn a_node_that_is_told_lets_go_also_when_the_session_has_ended_meanwhile() {
    let (store, _, [old, new], _) = two_nodes().await;
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.registry.release(KEY, taken, true);
    new.saved().await;
    old.hears(taken);
    forgets(&old).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_true_takes_a_session_from_nobody_and_costs_a_lookup_now_and_then() {
    let (store, held, [node, _], owner) = two_nodes().await;
    node.registry.update(KEY, owner, "two".into());
    held[0].lookups.close();
    held[0].lookups.let_through(15);
    for number in 0..1000 {
        node.hears(i64::MAX - number);
        node.hears(i64::MIN + number);
        node.hears(owner);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let more = tokio::time::timeout(Duration::ZERO, held[0].lookups.waiting(1)).await;
    assert!(more.is_err(), "more than 15 lookups in a second");
    node.saved().await;
    assert_eq!(
        stored(&*store, Duration::ZERO).await.as_deref(),
        Some("two"),
        "nothing was dropped"
    );
    assert!(node.has_owner(owner));
}

#[tokio::test]
async fn others_are_told_once_they_can_see_it() {
    let (store, held, [_, new], _) = two_nodes().await;
    let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
    new.writer.on_taken(Box::new(move |key, generation| told.send((key, generation)).unwrap()));
    held[1].saves.close();
    let (taken, _) = new.take_over(found(&*store).await, later(5), 1).unwrap();
    new.registry.tell_of(KEY, taken);
    new.writer.wake();
    held[1].saves.waiting(1).await;
    assert!(tells.try_recv().is_err());
    held[1].saves.open();
    assert_eq!(tells.recv().await, Some((KEY, taken)));
    assert_eq!(found(&*store).await.generation, taken);
    new.saved().await;
    assert!(tells.try_recv().is_err(), "once");
}
