use std::collections::BTreeMap;
use std::time::Instant;

use chat_core::{Message, Offset, Timestamp};
use chat_store::{Appended, MessageStore, SessionStore, SqliteStore, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::task::JoinSet;

use crate::{assert_dense, child, keyed, new, read_all, session};

fn by_offset(messages: &[Message]) -> BTreeMap<u64, String> {
    messages.iter().map(|one| (one.offset.as_u64(), one.content.as_str().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_both_create_the_file_write_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut children: Vec<_> =
        ["a", "b", "c"].iter().map(|name| child::start(&path, name, 100)).collect();
    let store = SqliteStore::open(&path).await.unwrap();
    while store.tail().await.unwrap() < Offset::new(300).unwrap() {
        assert_dense(&read_all(&store).await);
    }
    let mut acknowledged = BTreeMap::new();
    for child in &mut children {
        acknowledged.extend(child.by_ref());
        assert!(child.wait());
    }
    let messages = read_all(&store).await;
    assert_dense(&messages);
    assert_eq!(by_offset(&messages), acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut acknowledged = BTreeMap::new();
    for round in 0..5 {
        let mut child = child::start(&path, &format!("round {round}"), usize::MAX);
        acknowledged.extend(child.by_ref().take(40 + round));
        child.kill();
        acknowledged.extend(child.by_ref());
        assert!(!child.wait());
    }
    let store = SqliteStore::open(&path).await.unwrap();
    let messages = read_all(&store).await;
    assert_dense(&messages);
    let there = by_offset(&messages);
    let now = Timestamp::now();
    for (offset, content) in &acknowledged {
        assert_eq!(there.get(offset), Some(content));
        let record = session(content, content);
        assert_eq!(store.session(record.key, now).await.unwrap(), Some(record));
    }
    // At most the one message that was under way in each process.
    assert!(there.len() <= acknowledged.len() + 5);
    // The two sessions of a batch are both there or both not.
    for round in 0..5 {
        let latest = session(&format!("round {round}"), "");
        let latest = store.session(latest.key, now).await.unwrap().unwrap().state;
        let number: usize =
            latest.split_once(&format!("round {round} ")).unwrap().1.parse().unwrap();
        for (number, is_there) in [(number, true), (number + 1, false)] {
            let own = session(&format!("round {round} {number}"), "");
            assert_eq!(store.session(own.key, now).await.unwrap().is_some(), is_there);
        }
    }
    // A retry tells which it was.
    for message in messages {
        let key = message.client_offset.as_ref().unwrap().as_str();
        let again = store.append(&[keyed(key, message.content.as_str())]).await.unwrap();
        assert_eq!(again, [Appended::Duplicate(message.offset)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_open_a_new_file_at_once_agree_on_its_epoch() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut stores = JoinSet::new();
        for _ in 0..6 {
            let path = folder.path().join("chat.db");
            stores.spawn(async move { SqliteStore::open(path).await.unwrap() });
        }
        let stores = stores.join_all().await;
        assert!(stores.iter().all(|store| store.epoch() == stores[0].epoch()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_waited_for_and_then_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[new("before")]).await.unwrap();
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let start = Instant::now();
    let batch = [new("locked out")];
    let (append, open) = tokio::join!(store.append(&batch), SqliteStore::open(&path));
    for error in [append.unwrap_err(), open.unwrap_err()] {
        assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        assert!(error.is_retryable());
    }
    assert!(start.elapsed() >= SqliteStore::BUSY_TIMEOUT);
    // Readers do not wait.
    assert_eq!(read_all(&store).await.len(), 1);

    lock.rollback().await.unwrap();
    assert_eq!(store.append(&batch).await.unwrap()[0].offset().unwrap().as_u64(), 2);
    store.close().await;
}
