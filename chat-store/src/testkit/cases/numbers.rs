//! Offsets are dense, from 1 on.

use chat_core::Offset;

use crate::Appended::{Duplicate, New};
use crate::testkit::Backend;
use crate::testkit::samples::{
    append_one, assert_dense, contents, in_room, keyed, message, offset, read_all,
};

/// Dense from 1.
pub async fn the_first_offset_is_1_and_each_message_gets_the_next(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(store.tail().await.unwrap(), Offset::ZERO);
    for number in 1..=20 {
        assert_eq!(append_one(&*store, &message("a")).await, New(offset(number)));
        assert_eq!(store.tail().await.unwrap(), offset(number));
    }
    assert_dense(&read_all(&*store).await);
}

/// One log, whatever the room.
pub async fn numbers_go_on_over_all_rooms(backend: &dyn Backend) {
    let store = backend.open().await;
    for number in 1..=9 {
        let new = in_room(&format!("room {}", number % 3), "a");
        assert_eq!(append_one(&*store, &new).await, New(offset(number)));
    }
}

/// No holes from retries, alone or within a batch.
pub async fn a_duplicate_uses_no_number(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &keyed("k1", "a")).await;
    for _ in 0..3 {
        assert_eq!(append_one(&*store, &keyed("k1", "a")).await, Duplicate(offset(1)));
    }
    let batch = [keyed("k2", "b"), keyed("k1", "a"), keyed("k3", "c"), keyed("k2", "b")];
    let appended = store.append(&batch).await.unwrap();
    let (one, two, three) = (offset(1), offset(2), offset(3));
    assert_eq!(appended, [New(two), Duplicate(one), New(three), Duplicate(two)]);
    assert_eq!(append_one(&*store, &message("d")).await, New(offset(4)));
    assert_dense(&read_all(&*store).await);
}

/// First come, first numbered.
pub async fn a_batch_keeps_its_order(backend: &dyn Backend) {
    let store = backend.open().await;
    let texts: Vec<String> = (0..300).map(|number| (number * 7919 % 300).to_string()).collect();
    let batch: Vec<_> = texts.iter().map(|text| message(text)).collect();
    let appended = store.append(&batch).await.unwrap();
    assert_eq!(appended, (1..=300).map(|number| New(offset(number))).collect::<Vec<_>>());
    assert_eq!(contents(&read_all(&*store).await), texts);
}

/// Also in a log that is not empty.
pub async fn an_empty_batch_does_nothing(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(store.append(&[]).await.unwrap(), []);
    append_one(&*store, &message("a")).await;
    assert_eq!(store.append(&[]).await.unwrap(), []);
    assert_eq!(store.tail().await.unwrap(), offset(1));
}

/// The caller bounds its batches, not the store.
pub async fn ten_thousand_messages_fit_into_one_batch(backend: &dyn Backend) {
    let store = backend.open().await;
    let new = |number: usize| keyed(&format!("k{number}"), &format!("text {number}"));
    let batch: Vec<_> = (1..=10_000).map(new).collect();
    let appended = store.append(&batch).await.unwrap();
    assert!(appended.iter().zip(1..).all(|(one, number)| *one == New(offset(number))));
    let again = store.append(&batch).await.unwrap();
    assert!(again.iter().zip(1..).all(|(one, number)| *one == Duplicate(offset(number))));
    let messages = read_all(&*store).await;
    assert_dense(&messages);
    assert_eq!(messages.len(), batch.len());
    assert!(messages.iter().zip(&batch).all(|(message, new)| new.is_retry_of(message)));
}
