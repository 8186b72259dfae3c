//! How far users have read.

use std::sync::Arc;

use chat_core::{Feed, UserId};
use tokio::task::JoinSet;

use crate::testkit::SessionBackend;
use crate::testkit::samples::{offset, room, user};
use crate::{ReadPosition, ReadPositionStore, StoreError};

fn position(number: i64, feed: Feed, at: usize) -> ReadPosition {
    ReadPosition { user: user(number), feed, offset: offset(at) }
}

fn in_room(number: i64, name: &str, at: usize) -> ReadPosition {
    position(number, Feed::Room(room(name)), at)
}

async fn note(store: &dyn ReadPositionStore, positions: &[ReadPosition]) {
    store.note_read(positions).await.expect("a note");
}

/// A user's positions in the order of their offsets.
async fn of_user(store: &dyn ReadPositionStore, number: i64) -> Vec<ReadPosition> {
    let mut positions = store.read_positions(user(number), 100).await.expect("positions");
    positions.sort_by_key(|position| position.offset);
    positions
}

/// In a room, in one whose name is written differently, and in conversations, whichever user is named first.
pub async fn a_position_comes_back_as_it_was_noted(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(of_user(&*store, 1).await, []);
    let [one, two] = [1, 2].map(user);
    let rooms = [in_room(1, "general", 5), in_room(1, "General", 6), in_room(1, "a:b\\'\"", 7)];
    note(&*store, &rooms).await;
    note(&*store, &[position(1, Feed::Between(two, one), 8)]).await;
    note(&*store, &[position(2, Feed::Between(one, two), 9), in_room(2, "general", 10)]).await;
    note(&*store, &[]).await;
    let mut expected = rooms.to_vec();
    expected.push(position(1, Feed::Between(one, two), 8));
    assert_eq!(of_user(&*store, 1).await, expected);
    assert_eq!(store.read_positions(one, 2).await.unwrap().len(), 2);
    let between = store.readers_of(&Feed::Between(two, one), 9).await.unwrap();
    assert_eq!(between, [(one, offset(8)), (two, offset(9))]);
}

/// In one call too.
pub async fn a_position_never_goes_back(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for (noted, expected) in [(5, 5), (3, 5), (5, 5), (8, 8), (0, 8)] {
        note(&*store, &[in_room(1, "general", noted)]).await;
        assert_eq!(of_user(&*store, 1).await, [in_room(1, "general", expected)]);
    }
    let both = [10, 12, 11].map(|at| in_room(1, "general", at));
    note(&*store, &both).await;
    assert_eq!(of_user(&*store, 1).await, [in_room(1, "general", 12)]);
}

/// Whoever notes last.
pub async fn of_positions_noted_at_once_the_furthest_counts(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let mut notes = JoinSet::new();
    for task in 0..8 {
        let store = Arc::clone(&store);
        notes.spawn(async move {
            for step in 0..10 {
                let at = 1 + (task * 37 + step * 53) % 80;
                let users = (0..5).map(|number| in_room(number, "general", at));
                // Others note the same users in another order.
                let users: Vec<_> =
                    if task % 2 == 0 { users.collect() } else { users.rev().collect() };
                note(&*store, &users).await;
            }
        });
    }
    notes.join_all().await;
    let furthest =
        (0..8).flat_map(|task| (0..10).map(move |step| 1 + (task * 37 + step * 53) % 80));
    let furthest = offset(furthest.max().unwrap_or_default());
    let expected: Vec<_> = (0..5).map(|number| (user(number), furthest)).collect();
    let readers = store.readers_of(&Feed::Room(room("general")), 9).await.unwrap();
    assert_eq!(readers, expected);
}

/// In the order of their ids.
pub async fn the_readers_of_a_room_are_listed(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let positions: Vec<_> = (1..=20).rev().map(|n| in_room(n, "general", n as usize)).collect();
    note(&*store, &positions).await;
    note(&*store, &[in_room(30, "rust", 1)]).await;
    let general = Feed::Room(room("general"));
    let all: Vec<(UserId, _)> = (1..=20).map(|n| (user(n), offset(n as usize))).collect();
    assert_eq!(store.readers_of(&general, 100).await.unwrap(), all);
    assert_eq!(store.readers_of(&general, 3).await.unwrap(), all[..3]);
    assert_eq!(store.readers_of(&Feed::Room(room("nobody")), 3).await.unwrap(), []);
}

/// Each call.
pub async fn a_closed_store_says_so_of_read_positions(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    store.close().await;
    let closed = |error| matches!(error, StoreError::Closed);
    assert!(closed(store.note_read(&[in_room(1, "general", 1)]).await.unwrap_err()));
    assert!(closed(store.read_positions(user(1), 9).await.unwrap_err()));
    assert!(closed(store.readers_of(&Feed::Room(room("general")), 9).await.unwrap_err()));
}

/// The furthest ones.
pub async fn positions_are_kept_over_any_number_of_restarts(backend: &dyn SessionBackend) {
    for start in 1..4 {
        let store = backend.open_store().await;
        note(&*store, &[in_room(1, "general", start), in_room(2, "general", 9)]).await;
        store.close().await;
        let store = backend.open_store().await;
        let readers = store.readers_of(&Feed::Room(room("general")), 9).await.unwrap();
        assert_eq!(readers, [(user(1), offset(start)), (user(2), offset(9))]);
        store.close().await;
    }
}

/// Whichever store it is noted at.
pub async fn a_position_never_goes_back_at_several_stores(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for (step, noted) in [5, 3, 9, 7, 2].into_iter().enumerate() {
        let (here, there) = (&*stores[step % 2], &*stores[(step + 1) % 2]);
        note(here, &[in_room(1, "general", noted)]).await;
        let expected = if step < 2 { 5 } else { 9 };
        assert_eq!(of_user(there, 1).await, [in_room(1, "general", expected)]);
    }
}
