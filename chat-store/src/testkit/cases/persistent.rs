//! What outlives a store that is closed.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::Appended::{Conflict, Duplicate, New};
use crate::StoreError;
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, from, keyed, message, offset, private, read_all};

/// Its messages, offsets, tail and epoch.
pub async fn a_log_that_is_opened_again_is_the_same_log(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch: Vec<_> = (0..50).map(|n| from("ada", keyed(&format!("k{n}"), "a\0b"))).collect();
    store.append(&batch).await.unwrap();
    store.append(&[private(1, 2, "to one")]).await.unwrap();
    let (before, epoch) = (read_all(&*store).await, store.epoch().clone());
    store.close().await;
    drop(store);

    let store = backend.open().await;
    assert_eq!(*store.epoch(), epoch);
    assert_eq!(store.tail().await.unwrap(), offset(51));
    assert_eq!(read_all(&*store).await, before);
    assert_eq!(append_one(&*store, &message("next")).await, New(offset(52)));
}

/// There is no window after which a retry counts as new.
pub async fn a_key_is_known_after_any_number_of_restarts(backend: &dyn Backend) {
    for start in 0..4 {
        let store = backend.open().await;
        let appended = append_one(&*store, &keyed("k", "a")).await;
        assert_eq!(appended, if start == 0 { New(offset(1)) } else { Duplicate(offset(1)) });
        assert_eq!(append_one(&*store, &keyed("k", "b")).await, Conflict(offset(1)));
        store.close().await;
    }
}

/// An append that is under way when the store is closed is stored or refused, and its answer is true.
pub async fn closing_waits_for_appends_that_were_called_before(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut stored = Vec::new();
            for number in 0.. {
                let new = message(&format!("{writer} {number}"));
                match store.append(std::slice::from_ref(&new)).await {
                    Ok(appended) => {
                        let offset = appended[0].offset().expect("an offset");
                        stored.push((offset, new.content));
                    }
                    Err(StoreError::Closed) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            stored
        });
    }
    while store.tail().await.unwrap() < offset(20) {}
    store.close().await;
    let mut stored = writers.join_all().await.concat();
    stored.sort_unstable_by_key(|(offset, _)| *offset);

    let store = backend.open().await;
    let messages = read_all(&*store).await;
    let messages: Vec<_> = messages.into_iter().map(|one| (one.offset, one.content)).collect();
    assert_eq!(messages, stored);
}
