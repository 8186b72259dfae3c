//! What happens around the file: other processes, crashes, full disks, wrong paths.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "sqlite_files/backups.rs"]
mod backups;
#[path = "sqlite_files/child.rs"]
mod child;
#[path = "sqlite_files/deleted.rs"]
mod deleted;
#[cfg(target_os = "linux")]
#[path = "sqlite_files/disks.rs"]
mod disks;
#[cfg(unix)]
#[path = "sqlite_files/moved.rs"]
mod moved;
#[path = "sqlite_files/paths.rs"]
mod paths;
#[path = "sqlite_files/processes.rs"]
mod processes;
#[path = "sqlite_files/trimmed.rs"]
mod trimmed;

use chat_core::{Message, NewMessage, Offset, RoomId, Timestamp};
use chat_store::{MessageStore, SessionKey, SessionRecord};

fn new(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().unwrap())
}

fn keyed(key: &str, content: &str) -> NewMessage {
    new(content).with_client_offset(key.parse().unwrap())
}

/// A session that never expires. Its key begins with its name.
fn session(name: &str, state: &str) -> SessionRecord {
    let mut key = [0; 32];
    key[..name.len()].copy_from_slice(name.as_bytes());
    let expires_at = Timestamp::from_millis(i64::MAX);
    SessionRecord::new(SessionKey(key), state, expires_at)
}

async fn read_all(store: &dyn MessageStore) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let after = messages.last().map_or(Offset::ZERO, |message| message.offset);
        let page = store.read_after(None, after, 1000).await.unwrap();
        messages.extend(page.messages);
        if !page.more {
            return messages;
        }
    }
}

/// Checks that these messages have the offsets from 1 on, without gaps.
fn assert_dense(messages: &[Message]) {
    for (message, number) in messages.iter().zip(1..) {
        assert_eq!(message.offset.as_u64(), number, "a gap");
    }
}
