//! Which positions of clients are in the log.

use std::sync::Arc;

use chat_core::{Message, Offset, RecoveryOffset, Tag};
use chat_store::{MemoryStore, MessageStore};

use super::{log_with, message, new_message, offset};

/// The position of a client that has got this message in the log of `store`.
fn at(store: &MemoryStore, got: &Message) -> RecoveryOffset {
    RecoveryOffset::new(store.epoch().clone(), got.offset).with_tag(Tag::of(got))
}

#[tokio::test]
async fn a_position_is_in_the_log_that_has_its_message_there_in_memory_or_not() {
    for recent_bytes in [0, 1 << 20] {
        let store = Arc::new(MemoryStore::new());
        let log = log_with(Arc::<MemoryStore>::clone(&store), recent_bytes, 0).await;
        for content in ["one", "two"] {
            log.append(new_message("a", content)).await;
        }
        let stored = store.read_after(None, Offset::ZERO, 2).await.unwrap().messages;
        for stored in &stored {
            let position = at(&store, stored);
            assert!(log.has(&position).await.unwrap());
            assert!(log.has(&position.after_rewinds(1)).await.unwrap());
            let mut other = message(7, "a");
            other.offset = stored.offset;
            assert!(!log.has(&at(&store, &other)).await.unwrap());
            let other_log = at(&MemoryStore::new(), stored);
            assert!(!log.has(&other_log).await.unwrap());
        }
        let untagged = |at| RecoveryOffset::new(store.epoch().clone(), offset(at));
        assert!(log.has(&untagged(2)).await.unwrap());
        assert!(!log.has(&untagged(3)).await.unwrap());
        assert!(!log.has(&at(&store, &message(3, "a"))).await.unwrap());
    }
}
