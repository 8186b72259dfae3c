//! Batches of sessions: all or nothing, whatever happens to the caller.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::testkit::SessionBackend;
use crate::testkit::dropping::{POLLS, poll_at_most};
use crate::testkit::samples::{at, find, save_one, session, session_key};
use crate::{SessionRecord, SessionStore, StoreError};

/// `count` sessions with one state.
fn batch(count: usize, state: &str) -> Vec<SessionRecord> {
    (0..count).map(|number| session(&number.to_string(), state, 100)).collect()
}

/// Checks that all of [`batch`] have one state, and returns it.
async fn common_state(store: &dyn SessionStore, count: usize) -> String {
    let mut states = Vec::new();
    for number in 0..count {
        states.push(find(store, &number.to_string(), 0).await.expect("a session").state);
    }
    states.dedup();
    assert_eq!(states.len(), 1, "torn apart");
    states.remove(0)
}

/// In one call, next to those that are there.
pub async fn a_batch_of_sessions_is_saved(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    store.save_sessions(&batch(10, "ten")).await.unwrap();
    store.save_sessions(&batch(5_000, "more")).await.unwrap();
    assert_eq!(find(&*store, "0", 0).await.unwrap().state, "more");
    assert_eq!(find(&*store, "4999", 0).await.unwrap().state, "more");
    let mut swept = 0;
    loop {
        match store.sweep_sessions(at(100)).await.unwrap() {
            0 => break,
            count => swept += count,
        }
    }
    assert_eq!(swept, 5_000, "each of them once");
}

/// Nothing is found or swept afterwards.
pub async fn an_empty_batch_of_sessions_does_nothing(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    store.save_sessions(&[]).await.unwrap();
    assert_eq!(store.sweep_sessions(at(i64::MAX)).await.unwrap(), 0);
}

/// New keys and known ones.
pub async fn of_two_records_with_one_key_in_a_batch_the_later_counts(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for round in 0..2 {
        let last = session("ada", &format!("last of {round}"), 60);
        let batch = [
            session("ada", "first", 100),
            session("bob", "his", 100),
            session("ada", "second", 10),
            session("bob", "ended", 0),
            last.clone(),
        ];
        store.save_sessions(&batch).await.unwrap();
        assert_eq!(find(&*store, "ada", 50).await, Some(last));
        assert_eq!(find(&*store, "bob", 50).await, None);
    }
    assert_eq!(store.sweep_sessions(at(100)).await.unwrap(), 2);
}

/// Batches of the same sessions are saved one after the other, and of different sessions all stay.
pub async fn concurrent_saves_are_all_saved_and_do_not_mix(backend: &dyn SessionBackend) {
    const WRITERS: usize = 6;
    let store = backend.open_store().await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for round in 0..15 {
                let state = format!("{writer} {round}");
                let own = session(&state, &state, 100);
                store.save_sessions(&batch(5, &state)).await.unwrap();
                save_one(&*store, &own).await;
                assert_eq!(find(&*store, &state, 0).await, Some(own));
            }
        });
    }
    writers.join_all().await;
    let state = common_state(&*store, 5).await;
    assert!(state.ends_with(" 14"), "{state:?} is nobody's last");
    assert_eq!(store.sweep_sessions(at(100)).await.unwrap(), 5 + WRITERS * 15);
}

/// Dropped at every await point. A dropped save never happens after a later one.
pub async fn a_save_that_is_dropped_has_happened_as_a_whole_or_not_at_all(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    store.save_sessions(&batch(4, "before")).await.unwrap();
    let mut before = "before".to_owned();
    for (polls, round) in (0..=POLLS).cycle().zip(0..100) {
        let state = format!("round {round}");
        let finished = poll_at_most(polls, store.save_sessions(&batch(4, &state))).await;
        // A save that was dropped and happens nevertheless does so before this one.
        save_one(&*store, &session("later", "", 100)).await;
        let after = common_state(&*store, 4).await;
        assert!(after == state || (after == before && !finished), "{after:?} after {state:?}");
        before = after;
    }
}

/// More of them than a store may have connections.
pub async fn lookups_and_sweeps_that_are_dropped_leave_the_store_usable(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    store.save_sessions(&batch(4, "here")).await.unwrap();
    for polls in (0..=POLLS).cycle().take(100) {
        save_one(&*store, &session("expired", "", 50)).await;
        poll_at_most(polls, store.session(session_key("0"), at(0))).await;
        poll_at_most(polls, store.sweep_sessions(at(50))).await;
    }
    assert!(store.sweep_sessions(at(50)).await.unwrap() <= 1);
    assert_eq!(common_state(&*store, 4).await, "here");
}

/// Every call, even the harmless ones.
pub async fn a_closed_store_says_so_of_sessions(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    store.save_sessions(&batch(1, "here")).await.unwrap();
    store.close().await;
    let closed = |result| matches!(result, Err(StoreError::Closed));
    assert!(closed(store.save_sessions(&batch(1, "late")).await.map(drop)));
    assert!(closed(store.save_sessions(&[]).await.map(drop)));
    assert!(closed(store.session(session_key("0"), at(0)).await.map(drop)));
    assert!(closed(store.sweep_sessions(at(100)).await.map(drop)));
}
