//! Messages become visible in the order of their offsets.

use std::sync::Arc;

use chat_core::Offset;
use tokio::task::JoinSet;

use crate::Appended::New;
use crate::MessageStore;
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, assert_dense, message, read_all};

const WRITERS: usize = 6;
const BATCHES: usize = 30;
const TOTAL: usize = WRITERS * BATCHES * 2;

/// Writers of `TOTAL` messages, in batches of 1, 2 and 3.
fn write_much(store: &Arc<dyn MessageStore>) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        writers.spawn(async move {
            for number in 0..BATCHES {
                let one = message(&format!("{writer} {number}"));
                store.append(&vec![one; 1 + number % 3]).await.unwrap();
            }
        });
    }
    writers
}

/// Reads from the beginning, again and again, while others write.
pub async fn nothing_appears_below_an_offset_that_was_seen(backend: &dyn Backend) {
    let store = backend.open().await;
    let writers = write_much(&store);
    loop {
        let messages = read_all(&*store).await;
        assert_dense(&messages);
        if messages.len() == TOTAL {
            break;
        }
    }
    writers.join_all().await;
}

/// What the tail names can be read, and everything below it.
pub async fn nothing_appears_below_a_tail_that_was_seen(backend: &dyn Backend) {
    let store = backend.open().await;
    let writers = write_much(&store);
    let mut seen = Offset::ZERO;
    while seen.as_u64() < TOTAL as u64 {
        let tail = store.tail().await.unwrap();
        assert!(tail >= seen, "the tail went back");
        seen = tail;
        let messages = read_all(&*store).await;
        assert_dense(&messages);
        assert!(messages.len() as u64 >= tail.as_u64(), "the tail was ahead of the log");
    }
    writers.join_all().await;
}

/// By its answers as by what is read.
pub async fn a_batch_has_no_other_messages_in_between(backend: &dyn Backend) {
    const SIZE: usize = 5;
    let store = backend.open().await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for number in 0..20 {
                let one = message(&format!("{writer} {number}"));
                let appended = store.append(&vec![one; SIZE]).await.unwrap();
                let first = appended[0].offset().expect("an offset");
                let expected: Vec<_> = (0..SIZE as u64).map(|i| New(first.plus(i))).collect();
                assert_eq!(appended, expected);
            }
        });
    }
    writers.join_all().await;
    let messages = read_all(&*store).await;
    assert_dense(&messages);
    for batch in messages.chunks(SIZE) {
        assert!(batch.iter().all(|message| message.content == batch[0].content), "torn apart");
    }
}

/// A commit is visible to every call that begins after it.
pub async fn what_was_acknowledged_can_be_read(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for _ in 0..BATCHES {
                let offset = append_one(&*store, &message("a")).await.offset();
                let offset = offset.expect("an offset");
                let page = store.read_after(None, offset.previous(), 1).await.unwrap();
                assert_eq!(page.messages[0].offset, offset);
                assert!(store.tail().await.unwrap() >= offset);
            }
        });
    }
    writers.join_all().await;
}
