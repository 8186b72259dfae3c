//! Copies that are made while the log is used, and put in its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chat_core::{Message, Timestamp};
use chat_store::{MessageStore, SessionStore, SqliteStore, StoreError};
use tempfile::TempDir;

use crate::{assert_dense, new, read_all, session};

fn quiet(_: u64, _: u64) {}

/// A folder with the path of a log, and that of a backup.
fn folder() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["chat.db", "backup.db"].map(|name| folder.path().join(name));
    let [log, backup] = paths;
    (folder, log, backup)
}

fn names(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Makes a log with these messages, and closes it.
async fn log_of(path: &Path, contents: &[&str]) {
    let store = SqliteStore::open(path).await.unwrap();
    for content in contents {
        store.append(&[new(content)]).await.unwrap();
    }
    store.close().await;
}

async fn contents(path: &Path) -> Vec<String> {
    let store = SqliteStore::open(path).await.unwrap();
    let messages = read_all(&store).await;
    store.close().await;
    messages.iter().map(|one| one.content.as_str().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_has_all_that_was_acked_before_and_no_part_of_a_batch() {
    let (folder, log, backup) = folder();
    let store = Arc::new(SqliteStore::open(&log).await.unwrap());
    let batch: Vec<_> =
        (0..10).map(|number| new(&format!("{number} {}", "x".repeat(5000)))).collect();
    for _ in 0..100 {
        store.append(&batch).await.unwrap();
    }
    let before = store.tail().await.unwrap();
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            loop {
                store.append(&batch).await.unwrap();
            }
        }
    });
    let mut told = Vec::new();
    SqliteStore::back_up(&log, &backup, |bytes, all| told.push((bytes, all))).await.unwrap();
    assert!(store.tail().await.unwrap() > before, "the log is written meanwhile");
    writing.abort();
    store.close().await;
    assert!(told.is_sorted() && told.last().is_some_and(|(bytes, all)| bytes == all && *all > 0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(names(&folder).iter().filter(|name| name.contains("backup")).count(), 1);
    let copy = SqliteStore::open(&backup).await.unwrap();
    let messages = read_all(&copy).await;
    assert_dense(&messages);
    assert!(messages.len() as u64 >= before.as_u64() && messages.len() % 10 == 0);
    copy.close().await;
}

#[tokio::test]
async fn a_backup_never_replaces_a_file_and_needs_a_log() {
    let (folder, log, backup) = folder();
    let missing = SqliteStore::back_up(&log, &backup, quiet).await;
    assert!(matches!(missing, Err(StoreError::Open { .. })), "{missing:?}");
    fs::write(&backup, "something").unwrap();
    log_of(&log, &["a"]).await;
    let refused = SqliteStore::back_up(&log, &backup, quiet).await.unwrap_err().to_string();
    assert!(refused.ends_with("backup.db cannot be opened; choose another name"), "{refused}");
    assert_eq!(fs::read(&backup).unwrap(), b"something");
    let other = folder.path().join("other.db");
    let refused = SqliteStore::back_up(&backup, &other, quiet).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(names(&folder), ["backup.db", "chat.db"]);
}

#[tokio::test]
async fn a_restored_log_is_another_one_and_the_file_before_is_kept() {
    let (folder, log, backup) = folder();
    log_of(&log, &["a", "b"]).await;
    SqliteStore::back_up(&log, &backup, quiet).await.unwrap();
    log_of(&log, &["c"]).await;
    for name in ["chat.db-search", "chat.db-search-wal"] {
        fs::write(folder.path().join(name), "an index").unwrap();
    }
    let before = SqliteStore::open(&log).await.unwrap();
    let used = SqliteStore::restore(&log, &backup, quiet).await;
    assert!(matches!(used, Err(StoreError::Locked { .. })), "{used:?}");
    before.append(&[new("d")]).await.expect("it is as it was");
    before.close().await;
    let kept = SqliteStore::restore(&log, &backup, quiet).await.unwrap().unwrap();
    assert_eq!(contents(&kept).await, ["a", "b", "c", "d"]);
    let restored = SqliteStore::open(&log).await.unwrap();
    assert_ne!(restored.epoch(), before.epoch());
    let messages: Vec<Message> = read_all(&restored).await;
    assert_eq!(messages.len(), 2);
    restored.append(&[new("instead")]).await.unwrap();
    restored.close().await;
    assert_eq!(contents(&log).await, ["a", "b", "instead"]);
    let kept = kept.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names(&folder), ["backup.db", "chat.db", &kept]);
}

#[tokio::test]
async fn a_log_that_is_gone_or_damaged_is_restored_too() {
    let (_folder, log, backup) = folder();
    log_of(&log, &["a"]).await;
    SqliteStore::back_up(&log, &backup, quiet).await.unwrap();
    fs::remove_file(&log).unwrap();
    assert_eq!(SqliteStore::restore(&log, &backup, quiet).await.unwrap(), None);
    assert_eq!(contents(&log).await, ["a"]);
    fs::write(&log, "no database, though as long as the header of one: ".repeat(9)).unwrap();
    let kept = SqliteStore::restore(&log, &backup, quiet).await.unwrap().unwrap();
    assert_eq!(contents(&log).await, ["a"]);
    assert!(fs::read(kept).unwrap().starts_with(b"no database"));
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let (folder, log, backup) = folder();
    log_of(&log, &[&"x".repeat(60_000), &"y".repeat(60_000)]).await;
    SqliteStore::back_up(&log, &backup, quiet).await.unwrap();
    let whole = fs::read(&backup).unwrap();
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 20_000].fill(0);
    for damaged in [&whole[..whole.len() / 2], &torn, b"nothing of the kind"] {
        fs::write(&backup, damaged).unwrap();
        let refused = SqliteStore::restore(&log, &backup, quiet).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    }
    assert_eq!(names(&folder), ["backup.db", "chat.db"]);
    assert_eq!(contents(&log).await.len(), 2);
}

#[tokio::test]
async fn with_a_new_epoch_cursors_of_consumers_stay_and_sessions_of_clients_do_not() {
    let (_folder, log, _) = folder();
    let store = SqliteStore::open(&log).await.unwrap();
    let before = store.epoch().clone();
    let cursor = |epoch: &str| format!(r#"{{"epoch":"{epoch}","cursor":7,"owner":null}}"#);
    let client = format!(r#"{{"log":"{before}","epoch":"{before}"}}"#);
    let records = [
        session("cursor", &cursor(before.as_str())),
        session("another log's", &cursor("a")),
        session("client", &client),
    ];
    store.save_sessions(&records).await.unwrap();
    let used = SqliteStore::renew_epoch(&log).await;
    assert!(matches!(used, Err(StoreError::Locked { .. })), "{used:?}");
    store.close().await;
    SqliteStore::renew_epoch(&log).await.unwrap();
    let store = SqliteStore::open(&log).await.unwrap();
    let after = store.epoch().clone();
    assert_ne!(after, before);
    let expected = [cursor(after.as_str()), cursor("a"), client];
    for (record, expected) in records.iter().zip(expected) {
        let kept = store.session(record.key, Timestamp::now()).await.unwrap().unwrap();
        assert_eq!(kept.state, expected);
    }
    store.close().await;
}
