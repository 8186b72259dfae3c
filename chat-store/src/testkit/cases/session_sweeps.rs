//! Expired sessions are deleted, and no others.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session};

/// Those that expire at that very moment are among them.
pub async fn a_sweep_deletes_what_has_expired_and_nothing_else(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 0);
    let batch: Vec<_> =
        (1..=100).map(|millis| session(&millis.to_string(), "here", millis)).collect();
    store.save_sessions(&batch).await.unwrap();

    assert_eq!(store.sweep_sessions(at(0)).await.unwrap(), 0);
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 50);
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 0, "they are gone");
    for record in batch {
        let millis = record.expires_at.as_millis();
        let found = find(&*store, &millis.to_string(), 0).await;
        assert_eq!(found, Some(record).filter(|_| millis > 50));
    }
    assert_eq!(store.sweep_sessions(at(1000)).await.unwrap(), 50);
}

/// The expiry that was saved last counts, whichever came before.
pub async fn a_session_that_was_prolonged_is_not_swept(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let prolonged = session("prolonged", "here", 100);
    let batch = [session("prolonged", "", 10), session("ended", "", 100)];
    store.save_sessions(&batch).await.unwrap();
    store.save_sessions(&[prolonged.clone(), session("ended", "", 10)]).await.unwrap();
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 1);
    assert_eq!(find(&*store, "prolonged", 50).await, Some(prolonged));
}

/// However many each of them deletes.
pub async fn sweeps_that_follow_each_other_delete_all_that_has_expired(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    let batch: Vec<_> =
        (0..10_001).map(|number| session(&number.to_string(), "", number % 7)).collect();
    store.save_sessions(&batch).await.unwrap();
    save_one(&*store, &session("stays", "here", 100)).await;
    let mut deleted = 0;
    while deleted < 10_001 {
        let count = store.sweep_sessions(at(50)).await.unwrap();
        assert!(count > 0, "there are {} left", 10_001 - deleted);
        deleted += count;
    }
    assert_eq!(deleted, 10_001);
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 0);
    assert_eq!(find(&*store, "stays", 50).await.unwrap().state, "here");
}

/// What the nodes of a server do that all have the same clock.
pub async fn concurrent_sweeps_count_each_session_once(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let batch: Vec<_> = (0..500).map(|number| session(&number.to_string(), "", 10)).collect();
    store.save_sessions(&batch).await.unwrap();
    let mut sweeps = JoinSet::new();
    for _ in 0..6 {
        let store = Arc::clone(&store);
        sweeps.spawn(async move { store.sweep_sessions(at(50)).await.unwrap() });
    }
    assert_eq!(sweeps.join_all().await.iter().sum::<usize>(), 500);
}
