//! A client offset names one message.

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::Appended::{Conflict, Duplicate, Missing, New};
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, from, keyed, message, offset, read_all, room};

/// However often, and whatever came in between.
pub async fn a_retry_gets_the_first_offset(backend: &dyn Backend) {
    let store = backend.open().await;
    let new = keyed("k", "a");
    assert_eq!(append_one(&*store, &new).await, New(offset(1)));
    for number in 2..10 {
        append_one(&*store, &message("something else")).await;
        assert_eq!(append_one(&*store, &new).await, Duplicate(offset(1)));
        assert_eq!(store.tail().await.unwrap(), offset(number));
    }
}

/// A client that gives up waiting and sends again while its first try is still under way.
pub async fn a_retry_concurrent_with_itself_is_stored_once(backend: &dyn Backend) {
    const TRIES: usize = 8;
    let store = backend.open().await;
    for round in 1..=20 {
        let start = Arc::new(Barrier::new(TRIES));
        let tries: Vec<_> = (0..TRIES)
            .map(|_| {
                let (store, start) = (Arc::clone(&store), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    append_one(&*store, &keyed(&format!("k{round}"), "a")).await
                })
            })
            .collect();
        let mut new = 0;
        for one in tries {
            let appended = one.await.unwrap();
            assert_eq!(appended.offset(), Some(offset(round)));
            new += usize::from(matches!(appended, New(_)));
        }
        assert_eq!(new, 1);
    }
    assert_eq!(read_all(&*store).await.len(), 20);
}

/// Equal texts are not a retry.
pub async fn a_message_without_a_key_is_stored_each_time(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = [message("a"), message("a")];
    assert_eq!(store.append(&batch).await.unwrap(), [New(offset(1)), New(offset(2))]);
    assert_eq!(store.append(&batch).await.unwrap(), [New(offset(3)), New(offset(4))]);
}

/// A writer that groups commits meets a retry in the same batch as the first try.
pub async fn a_key_twice_in_one_batch_is_stored_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = [keyed("k", "a"), message("between"), keyed("k", "a"), keyed("k", "b")];
    let appended = store.append(&batch).await.unwrap();
    let one = offset(1);
    assert_eq!(appended, [New(one), New(offset(2)), Duplicate(one), Conflict(one)]);

    // What the log has under the key counts, not what comes first in the batch.
    let appended = store.append(&[keyed("k", "b"), keyed("k", "a")]).await.unwrap();
    assert_eq!(appended, [Conflict(one), Duplicate(one)]);
    assert_eq!(read_all(&*store).await.len(), 2);
}

/// Never swallowed as a duplicate.
pub async fn a_key_with_another_content_room_or_author_is_refused(backend: &dyn Backend) {
    let store = backend.open().await;
    let new = from("ada", keyed("k", "a"));
    append_one(&*store, &new).await;
    let mut elsewhere = new.clone();
    elsewhere.audience = room("another room").into();
    for other in [from("ada", keyed("k", "b")), elsewhere, from("bob", keyed("k", "a"))] {
        assert_eq!(append_one(&*store, &other).await, Conflict(offset(1)));
    }
    assert_eq!(append_one(&*store, &new).await, Duplicate(offset(1)));
    assert_eq!(read_all(&*store).await.len(), 1);
}

/// A client may retry before it said again who it is.
pub async fn an_author_who_was_or_is_unknown_does_not_matter(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &from("ada", keyed("known", "a"))).await;
    append_one(&*store, &keyed("unknown", "a")).await;
    assert_eq!(append_one(&*store, &keyed("known", "a")).await, Duplicate(offset(1)));
    let now_known = from("ada", keyed("unknown", "a"));
    assert_eq!(append_one(&*store, &now_known).await, Duplicate(offset(2)));
}

/// A message that may not be stored any more can still be a retry, also of what is stored at the same time.
pub async fn what_is_only_a_retry_is_recognised_and_never_stored(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&[keyed("k1", "a")]).await.unwrap();
    let one = offset(1);
    for (again, expected) in [
        (keyed("k1", "a"), Duplicate(one)),
        (keyed("k1", "b"), Conflict(one)),
        (keyed("k2", "a"), Missing),
        (message("a"), Missing),
    ] {
        assert_eq!(append_one(&*store, &again.as_only_retry()).await, expected);
    }
    let again = keyed("k2", "a").as_only_retry();
    let batch = [again.clone(), keyed("k2", "a"), again, message("b")];
    let (two, three) = (offset(2), offset(3));
    let appended = store.append(&batch).await.unwrap();
    assert_eq!(appended, [Missing, New(two), Duplicate(two), New(three)]);
    assert_eq!(read_all(&*store).await.len(), 3);
}

/// Each message of a batch has its own answer.
pub async fn new_messages_duplicates_and_conflicts_mix_in_one_batch(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&[keyed("k1", "a"), keyed("k2", "b")]).await.unwrap();
    let batch = [
        message("no key"),
        keyed("k2", "b"),
        keyed("k3", "c"),
        keyed("k1", "not a"),
        message("no key"),
        keyed("k3", "c"),
        keyed("k4", "d"),
    ];
    let appended = store.append(&batch).await.unwrap();
    let [one, two, three, four, five, six] = [1, 2, 3, 4, 5, 6].map(offset);
    let expected = [
        New(three),
        Duplicate(two),
        New(four),
        Conflict(one),
        New(five),
        Duplicate(four),
        New(six),
    ];
    assert_eq!(appended, expected);
}

/// No folding of case, no normalisation, no trimming.
pub async fn keys_are_compared_byte_for_byte(backend: &dyn Backend) {
    let keys = ["k", "K", "k ", " k", "1", "01", "1.0", "é", "e\u{301}", "%", "_", "null", "k'"];
    let store = backend.open().await;
    for (key, number) in keys.iter().zip(1..) {
        assert_eq!(append_one(&*store, &keyed(key, "a")).await, New(offset(number)), "{key:?}");
    }
    for (key, number) in keys.iter().zip(1..) {
        let again = append_one(&*store, &keyed(key, "a")).await;
        assert_eq!(again, Duplicate(offset(number)), "{key:?}");
    }
}
