//! Several stores, in one process or many, on the same log.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Appended::New;
use crate::MessageStore;
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, assert_dense, keyed, message, offset, read_all};

const STORES: usize = 3;

async fn open_all(backend: &dyn Backend) -> Vec<Arc<dyn MessageStore>> {
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(backend.open().await);
    }
    stores
}

/// And on its epoch and its tail.
pub async fn stores_that_share_a_log_agree_on_its_numbers(backend: &dyn Backend) {
    let stores = open_all(backend).await;
    for number in 1..=30 {
        let appended = append_one(&*stores[number % STORES], &message("a")).await;
        assert_eq!(appended, New(offset(number)));
        for store in &stores {
            assert_eq!(store.epoch(), stores[0].epoch());
            assert_eq!(store.tail().await.unwrap(), offset(number));
        }
    }
    for store in &stores {
        assert_dense(&read_all(&**store).await);
    }
}

/// A client that reconnects to another node while the first one still works on its message.
pub async fn a_key_is_stored_once_by_several_stores(backend: &dyn Backend) {
    let stores = open_all(backend).await;
    for round in 1..=15 {
        let start = Arc::new(Barrier::new(STORES));
        let mut tries = JoinSet::new();
        for store in &stores {
            let (store, start) = (Arc::clone(store), Arc::clone(&start));
            tries.spawn(async move {
                start.wait().await;
                append_one(&*store, &keyed(&format!("k{round}"), "a")).await
            });
        }
        let appended = tries.join_all().await;
        assert!(appended.iter().all(|one| one.offset() == Some(offset(round))));
        assert_eq!(appended.iter().filter(|one| matches!(one, New(_))).count(), 1);
    }
}

/// The order is one for all who read.
pub async fn nothing_appears_below_an_offset_that_another_store_saw(backend: &dyn Backend) {
    const EACH: usize = 40;
    let stores = open_all(backend).await;
    let mut writers = JoinSet::new();
    for store in &stores {
        let store = Arc::clone(store);
        writers.spawn(async move {
            for number in 0..EACH {
                store.append(&vec![message("a"); 1 + number % 3]).await.unwrap();
            }
        });
    }
    while !writers.is_empty() {
        let mut longest = 0;
        for store in stores.iter().chain(&stores) {
            let messages = read_all(&**store).await;
            assert_dense(&messages);
            assert!(messages.len() >= longest, "another store had seen more");
            longest = messages.len();
        }
        while let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
    }
}
