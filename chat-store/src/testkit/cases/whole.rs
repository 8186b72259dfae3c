//! All or nothing, whatever happens to the caller.

use chat_core::{Feed, Offset, RoomId};

use crate::Appended::{Duplicate, New};
use crate::StoreError;
use crate::testkit::Backend;
use crate::testkit::dropping::{POLLS, poll_at_most};
use crate::testkit::samples::{append_one, assert_dense, keyed, message, offset, read_all};

/// Dropped at every await point.
pub async fn an_append_that_is_dropped_has_happened_as_a_whole_or_not_at_all(
    backend: &dyn Backend,
) {
    let store = backend.open().await;
    for (polls, round) in (0..=POLLS).cycle().zip(0..100) {
        let batch: Vec<_> = (0..3)
            .map(|number| keyed(&format!("{round} {number}"), "with a key"))
            .chain((0..3).map(|_| message(&format!("{round}"))))
            .collect();
        let finished = poll_at_most(polls, store.append(&batch)).await;

        let again = store.append(&batch[..3]).await.unwrap();
        let first = again[0].offset().expect("an offset");
        let (as_new, as_duplicate): (Vec<_>, Vec<_>) =
            (0..3).map(|i| (New(first.plus(i)), Duplicate(first.plus(i)))).unzip();
        let happened = again == as_duplicate;
        assert!(happened || (again == as_new && !finished), "half: {again:?}");
        let rest = read_all(&*store).await;
        let rest = rest.iter().filter(|message| message.content.as_str() == round.to_string());
        assert_eq!(rest.count(), if happened { 3 } else { 0 }, "half");
    }
    assert_dense(&read_all(&*store).await);
    assert_eq!(store.tail().await.unwrap(), offset(read_all(&*store).await.len()));
}

/// More of them than a store may have connections.
pub async fn reads_that_are_dropped_leave_the_store_usable(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&vec![message(&"x".repeat(1000)); 500]).await.unwrap();
    let general = Feed::Room(RoomId::general());
    for polls in (0..=POLLS).cycle().take(100) {
        poll_at_most(polls, store.read_after(None, Offset::ZERO, 500)).await;
        poll_at_most(polls, store.read_before(&general, None, 500)).await;
        poll_at_most(polls, store.tail()).await;
    }
    assert_eq!(read_all(&*store).await.len(), 500);
    assert_eq!(append_one(&*store, &message("a")).await, New(offset(501)));
}

/// Between messages, and even if dropped in the middle. A store may be unable to try.
pub async fn a_commit_that_is_tried_leaves_nothing_behind(backend: &dyn Backend) {
    let store = backend.open().await;
    for (polls, number) in (0..=POLLS).cycle().zip(1..=30) {
        let can_try = store.try_commit().await.unwrap();
        assert_eq!(store.try_commit().await.unwrap(), can_try);
        poll_at_most(polls, store.try_commit()).await;
        assert_eq!(append_one(&*store, &message("a")).await, New(offset(number)));
    }
    assert_dense(&read_all(&*store).await);
    assert_eq!(read_all(&*store).await.len(), 30);
    store.close().await;
    assert!(matches!(store.try_commit().await, Ok(false) | Err(StoreError::Closed)));
}

/// Every call, even the harmless ones, and closing again.
pub async fn a_closed_store_says_so(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &message("a")).await;
    let epoch = store.epoch().clone();
    store.close().await;
    store.close().await;
    assert_eq!(*store.epoch(), epoch);
    assert!(matches!(store.append(&[message("b")]).await, Err(StoreError::Closed)));
    assert!(matches!(store.append(&[]).await, Err(StoreError::Closed)));
    assert!(matches!(store.read_after(None, Offset::ZERO, 1).await, Err(StoreError::Closed)));
    assert!(matches!(store.read_after(Some(&[]), Offset::ZERO, 1).await, Err(StoreError::Closed)));
    let general = Feed::Room(RoomId::general());
    assert!(matches!(store.read_before(&general, None, 1).await, Err(StoreError::Closed)));
    assert!(matches!(store.tail().await, Err(StoreError::Closed)));
    assert!(!StoreError::Closed.is_retryable());
}
