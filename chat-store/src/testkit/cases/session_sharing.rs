//! Several stores, in one process or many, keep the same sessions.

use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session};

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
