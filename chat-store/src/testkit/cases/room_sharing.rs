//! Several stores, in one process or many, keep the same rooms.

use std::sync::Arc;

use chat_core::Role;
use tokio::task::JoinSet;

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, change, change_at_once, code, create, invite, key, made, redeem, remove, set_role,
};
use crate::{AccessNumber, Store};

const STORES: usize = 3;

async fn open(backend: &dyn SessionBackend) -> Vec<Arc<dyn Store>> {
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(backend.open_store().await);
    }
    stores
}

/// All of them know it then.
pub async fn of_creations_at_several_stores_one_makes_the_room(backend: &dyn SessionBackend) {
    let stores = open(backend).await;
    for round in 0..10 {
        let names = [format!("Room {round}"), format!("room {round}"), format!("ROOM  {round}")];
        let requests = names.iter().zip(0..).map(|(name, owner)| create(name, Some(owner)));
        let changes = change_at_once(&stores, requests.collect()).await;
        assert_eq!(made(&changes), 1, "{changes:?}");
        let found = stores[0].find_room(&key(&names[0])).await.unwrap().unwrap();
        for store in &stores {
            let there = store.find_room(&key(&names[0])).await.unwrap();
            assert_eq!(there.as_ref(), Some(&found));
        }
    }
}

/// A user who tries everywhere uses it once.
pub async fn an_invitation_is_used_up_once_over_several_stores(backend: &dyn SessionBackend) {
    let stores = open(backend).await;
    change(&*stores[0], create("lobby", None)).await;
    for round in 0..5 {
        let number = u8::try_from(round).unwrap();
        change(&*stores[0], invite("lobby", number, 2)).await;
        let users = (0..12).map(|user| redeem(number, 100 * round + user / 3)).collect();
        let changes = change_at_once(&stores, users).await;
        assert_eq!(made(&changes), 2, "{changes:?}");
        assert_eq!(stores[1].find_invitation(code(number)).await.unwrap().unwrap().uses_left, 0);
    }
    assert_eq!(stores[2].find_room(&key("lobby")).await.unwrap().unwrap().members, 10);
}

/// The room has an owner afterwards.
pub async fn of_owners_that_leave_at_several_stores_one_stays(backend: &dyn SessionBackend) {
    let stores = open(backend).await;
    for round in 0..10 {
        let name = format!("room {round}");
        change(&*stores[0], create(&name, Some(0))).await;
        for number in 1..STORES as i64 {
            change(&*stores[0], add(&name, number)).await;
            change(&*stores[0], set_role(&name, number, Role::Owner)).await;
        }
        let leave = (0..STORES as i64).map(|number| remove(&name, number)).collect();
        let changes = change_at_once(&stores, leave).await;
        assert_eq!(made(&changes), STORES - 1, "{changes:?}");
        let room = stores[1].find_room(&key(&name)).await.unwrap().unwrap();
        assert_eq!((room.owners, room.members), (1, 1));
    }
}

/// So whoever polls the log misses nothing.
pub async fn no_change_appears_below_a_number_that_was_seen(backend: &dyn SessionBackend) {
    const CHANGES: u64 = 40;
    let stores = open(backend).await;
    change(&*stores[0], create("lobby", None)).await;
    let mut writers = JoinSet::new();
    for (store, first) in stores.iter().zip(0..) {
        let store = Arc::clone(store);
        writers.spawn(async move {
            for number in 0..CHANGES as i64 {
                change(&*store, add("lobby", 1000 * first + number)).await;
            }
        });
    }
    let mut seen = AccessNumber::ZERO;
    while seen.as_u64() < 1 + STORES as u64 * CHANGES {
        let tail = stores[0].access_tail().await.unwrap();
        for store in &stores {
            let changes = store.access_changes_after(seen, 1000).await.unwrap();
            for change in changes {
                assert_eq!(change.number, seen.next(), "in order, without gaps");
                seen = change.number;
            }
            assert!(seen >= tail, "{tail} was there");
        }
    }
    writers.join_all().await;
}
