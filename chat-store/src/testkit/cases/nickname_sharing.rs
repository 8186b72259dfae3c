//! Several stores, in one process or many, keep the same nicknames.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Claimed::{Taken, Yes};
use crate::NicknameClaim;
use crate::testkit::SessionBackend;
use crate::testkit::cases::nicknames::ALIKE;
use crate::testkit::samples::{at, claim, claim_one, find_name, user};

const STORES: usize = 3;

/// A client that reconnects to another node.
pub async fn a_nickname_is_known_to_every_store_that_shares_it(backend: &dyn SessionBackend) {
    let stores = [backend.open_store().await, backend.open_store().await];
    for round in 0..30 {
        let (here, there) = (&*stores[round % 2], &*stores[(round + 1) % 2]);
        let name = format!("Ada {round}");
        assert_eq!(claim_one(here, &claim(&name, 1, 10)).await, Yes(user(10)));
        assert_eq!(find_name(there, &name).await, Some((user(10), name.clone())));
        assert_eq!(claim_one(there, &claim(&name, 2, 20)).await, Taken);
        assert_eq!(claim_one(there, &claim(&name, 1, 30)).await, Yes(user(10)));
    }
}

/// A name that nobody had, and one that has expired.
pub async fn of_claims_at_several_stores_one_gets_the_name(backend: &dyn SessionBackend) {
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(backend.open_store().await);
    }
    for round in 0..30 {
        let expires = round % 2 == 0;
        let name = format!("ada {}", round / 2);
        let start = Arc::new(Barrier::new(STORES));
        let mut claims = JoinSet::new();
        for (store, number) in stores.iter().zip(0..) {
            let (store, start) = (Arc::clone(store), Arc::clone(&start));
            // In the second round for a name others claim it than in the first.
            let owner = number + if expires { 0 } else { 100 };
            let new = claim(&name, owner, 1000 * round + i64::from(owner));
            let new = NicknameClaim { now: at(round), expires_at: at(round + 1), ..new };
            claims.spawn(async move {
                start.wait().await;
                claim_one(&*store, &new).await
            });
        }
        let granted: Vec<_> =
            claims.join_all().await.into_iter().filter(|one| *one != Taken).collect();
        assert_eq!(granted.len(), 1, "round {round}");
        for store in &stores {
            let found = find_name(&**store, &name).await.unwrap();
            assert_eq!(granted[0], Yes(found.0));
            assert_eq!(found.0.as_i64() / 1000, round, "the owner is another user");
        }
    }
}

/// Names that look alike, which nobody had or which have expired.
pub async fn of_claims_to_names_that_look_alike_at_several_stores_one_is_granted(
    backend: &dyn SessionBackend,
) {
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(backend.open_store().await);
    }
    for round in 0..30 {
        let start = Arc::new(Barrier::new(STORES));
        let mut claims = JoinSet::new();
        for ((store, name), owner) in stores.iter().zip(ALIKE).zip(0..) {
            let (store, start) = (Arc::clone(store), Arc::clone(&start));
            let new = claim(name, owner + 10 * (round % 2) as u8, 10 * round + i64::from(owner));
            let new = NicknameClaim { now: at(round), expires_at: at(round + 1), ..new };
            claims.spawn(async move {
                start.wait().await;
                claim_one(&*store, &new).await
            });
        }
        let claims = claims.join_all().await;
        assert_eq!(claims.iter().filter(|one| **one != Taken).count(), 1, "{claims:?}");
    }
}
