//! Several stores, in one process or many, keep the same sessions.

use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session, version};

/// A client that reconnects to another node.
pub async fn a_session_is_found_by_every_store_that_shares_it(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for round in 0..30 {
        let (here, there) = (&*stores[round % 2], &*stores[(round + 1) % 2]);
        let record = session("ada", &format!("round {round}"), 100);
        save_one(here, &record).await;
        assert_eq!(find(there, "ada", 50).await, Some(record));
        save_one(there, &session("bob", "", if round % 3 == 0 { 10 } else { 100 })).await;
        assert_eq!(find(here, "bob", 50).await.is_some(), round % 3 != 0);
    }
}

/// A session is swept once, by whichever store comes first.
pub async fn a_sweep_counts_for_every_store_that_shares_the_sessions(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for round in 0..10 {
        save_one(&*stores[0], &session("expired", "", 10)).await;
        save_one(&*stores[1], &session("stays", "here", 100)).await;
        let (one, other) =
            tokio::join!(stores[0].sweep_sessions(at(50)), stores[1].sweep_sessions(at(50)));
        assert_eq!(one.unwrap() + other.unwrap(), 1, "round {round}");
    }
    assert_eq!(find(&*stores[0], "stays", 50).await.unwrap().state, "here");
}

/// An owner that was not told finds out with its next save, and overwrites nothing.
pub async fn an_owner_that_was_replaced_at_another_store_is_outdated(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for generation in 1..30 {
        let (old, new) = (&*stores[0], &*stores[1]);
        let taken = version("ada", generation + 1, 0);
        save_one(old, &version("ada", generation, 0)).await;
        save_one(new, &taken).await;
        let late = version("ada", generation, 1);
        assert_eq!(old.save_sessions(&[late]).await.unwrap(), [taken.key]);
        assert_eq!(find(old, "ada", 50).await, Some(taken));
    }
}

/// Whichever is first, the record with the higher generation stays, and only the other one can be outdated.
pub async fn of_two_owners_that_save_at_once_the_later_stays(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for round in 0..50 {
        let (lower, higher) = (version("ada", 2 * round, 0), version("ada", 2 * round + 1, 0));
        // They share further sessions, which are newer at the one or at the other.
        let bobs = [version("bob", 2 * round + 1, 0), version("bob", 2 * round, 0)];
        let batches = [[lower.clone(), bobs[0].clone()], [bobs[1].clone(), higher.clone()]];
        let (one, other) = tokio::join!(
            stores[0].save_sessions(&batches[0]),
            stores[1].save_sessions(&batches[1])
        );
        assert!(!one.unwrap().contains(&bobs[0].key), "round {round}");
        assert!(!other.unwrap().contains(&higher.key), "round {round}");
        for store in &stores {
            assert_eq!(find(&**store, "ada", 50).await.as_ref(), Some(&higher));
            assert_eq!(find(&**store, "bob", 50).await.as_ref(), Some(&bobs[0]));
            assert_eq!(store.save_sessions(std::slice::from_ref(&lower)).await.unwrap().len(), 1);
        }
    }
}
