//! What the suite does not know of the file: what is left when a program ends in the middle of writing.

#![allow(clippy::unwrap_used)]

use std::fs;

use chat_core::{NewMessage, Offset, RoomId};
use chat_store::{Appended, MessageStore, StoreError};
use own_backends::JournalStore;
use tempfile::TempDir;

fn message(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().unwrap())
}

async fn contents(store: &JournalStore) -> Vec<String> {
    let page = store.read_after(None, Offset::ZERO, 100).await.unwrap();
    page.messages.into_iter().map(|message| message.content.into()).collect()
}

#[tokio::test]
async fn a_batch_that_was_not_written_to_its_end_is_not_there_and_uses_no_number() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    store.append(&[message("one"), message("two")]).await.unwrap();
    store.close().await;
    let before = fs::read(&path).unwrap();
    let store = JournalStore::open(&path).unwrap();
    store.append(&[message("three"), message("four")]).await.unwrap();
    store.close().await;
    let after = fs::read(&path).unwrap();

    for end in before.len()..after.len() {
        fs::write(&path, &after[..end]).unwrap();
        let store = JournalStore::open(&path).unwrap();
        assert_eq!(contents(&store).await, ["one", "two"], "cut off at {end}");
        store.close().await;
    }
    let store = JournalStore::open(&path).unwrap();
    let third = store.append(&[message("another")]).await.unwrap();
    assert_eq!(third, [Appended::New(Offset::new(3).unwrap())]);
    store.close().await;
    let store = JournalStore::open(&path).unwrap();
    assert_eq!(contents(&store).await, ["one", "two", "another"]);
}

#[tokio::test]
async fn damage_before_the_end_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    store.append(&[message("one")]).await.unwrap();
    store.append(&[message("two")]).await.unwrap();
    store.close().await;
    let damaged = fs::read_to_string(&path).unwrap().replacen("\"one\"", "\"one", 1);
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(JournalStore::open(&path).err(), Some(StoreError::Corrupt { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
}

#[test]
fn a_file_that_is_no_journal_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diary");
    fs::write(&path, "Dear diary,\ntoday").unwrap();
    assert!(matches!(JournalStore::open(&path).err(), Some(StoreError::Corrupt { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "Dear diary,\ntoday");
}

#[tokio::test]
async fn a_second_process_is_told_that_the_file_is_in_use() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    let second = JournalStore::open(&path).err();
    assert!(matches!(second, Some(StoreError::Locked { .. })), "{second:?}");
    store.close().await;
    JournalStore::open(&path).unwrap();
}
