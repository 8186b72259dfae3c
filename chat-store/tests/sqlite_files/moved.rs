//! Files that are deleted, moved away or replaced while a store has them open.

use std::fs;
use std::path::{Path, PathBuf};

use chat_core::{Nickname, NicknameKey, Offset, Timestamp, UserId};
use chat_store::{
    MessageStore, NicknameClaim, NicknameStore, OwnerKey, SessionKey, SessionStore, SqliteStore,
    StoreError,
};
use tempfile::TempDir;

use crate::{keyed, new, read_all, session};

const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// A store with a message, in a folder of its own.
async fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
    store.append(&[keyed("before", "before")]).await.unwrap();
    store.tail().await.unwrap();
    (folder, store)
}

fn file(folder: &Path, suffix: &str) -> PathBuf {
    folder.join(format!("chat.db{suffix}"))
}

fn claim() -> NicknameClaim {
    let (now, expires_at) = (Timestamp::from_millis(0), Timestamp::from_millis(1));
    let (owner, user) = (OwnerKey([1; 32]), UserId::from_random([1; 8]));
    NicknameClaim::new("Ada".parse().unwrap(), owner, user, now, expires_at)
}

/// Every call fails, says which file it is, and that it passes.
async fn assert_refuses(store: &SqliteStore, missing: &Path) {
    let nickname: Nickname = "Ada".parse().unwrap();
    let key: NicknameKey = nickname.key();
    let now = Timestamp::from_millis(0);
    let errors = [
        store.append(&[keyed("after", "after")]).await.map(|_| ()),
        store.try_commit().await.map(|_| ()),
        store.read_after(None, Offset::ZERO, 9).await.map(|_| ()),
        store.tail().await.map(|_| ()),
        store.save_sessions(&[session("s", "")]).await.map(|_| ()),
        store.session(SessionKey([0; 32]), now).await.map(|_| ()),
        store.sweep_sessions(now).await.map(|_| ()),
        store.claim_nickname(&claim()).await.map(|_| ()),
        store.find_nickname(&key).await.map(|_| ()),
    ];
    for (call, error) in errors.into_iter().enumerate() {
        let Err(error) = error else { panic!("call {call}") };
        assert!(matches!(error, StoreError::Moved { .. }), "{error:?}");
        assert!(error.is_retryable());
        let text = error.to_string();
        let place = missing.display();
        assert!(text.starts_with(&format!("{place} was deleted, moved or replaced")), "{text}");
    }
}

#[tokio::test]
async fn nothing_is_confirmed_while_a_file_is_away_and_all_goes_on_when_it_is_back() {
    for suffix in SUFFIXES {
        let (folder, store) = store().await;
        let (path, away) = (file(folder.path(), suffix), folder.path().join("away"));
        fs::rename(&path, &away).unwrap();
        assert_refuses(&store, &path).await;
        fs::rename(&away, &path).unwrap();
        let appended = store.append(&[keyed("after", "after")]).await.unwrap();
        assert_eq!(appended[0].offset(), Offset::new(2).ok(), "nothing was stored meanwhile");
        assert_eq!(read_all(&store).await.len(), 2);
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_that_took_the_place_of_another_is_neither_read_nor_written() {
    let (folder, store) = store().await;
    let (path, away) = (file(folder.path(), ""), folder.path().join("away"));
    let other = SqliteStore::open(folder.path().join("other.db")).await.unwrap();
    other.append(&[new("of another chat")]).await.unwrap();
    other.close().await;
    fs::rename(&path, &away).unwrap();
    fs::rename(folder.path().join("other.db"), &path).unwrap();
    let before = fs::read(&path).unwrap();
    assert_refuses(&store, &path).await;
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::rename(&away, &path).unwrap();
    assert_eq!(read_all(&store).await[0].content.as_str(), "before");
    store.close().await;
}

/// As by `> chat.db`. SQLite only writes to its log, and so does not notice.
#[tokio::test]
async fn nothing_is_confirmed_in_a_file_that_was_emptied() {
    let (folder, store) = store().await;
    let path = file(folder.path(), "");
    fs::write(&path, "").unwrap();
    assert_refuses(&store, &path).await;
}

#[tokio::test]
async fn what_was_confirmed_is_there_after_a_restart_when_only_its_write_ahead_log_was_deleted() {
    for suffix in ["-wal", "-shm"] {
        let (folder, store) = store().await;
        fs::remove_file(file(folder.path(), suffix)).unwrap();
        assert_refuses(&store, &file(folder.path(), suffix)).await;
        store.close().await;
        let store = SqliteStore::open(file(folder.path(), "")).await.unwrap();
        assert_eq!(read_all(&store).await.len(), 1);
        store.close().await;
    }
}

/// SQLite looks before it deletes them by their names.
#[tokio::test]
async fn closing_leaves_alone_what_belongs_to_the_file_that_took_the_place() {
    let (folder, store) = store().await;
    for suffix in SUFFIXES {
        fs::remove_file(file(folder.path(), suffix)).unwrap();
    }
    let other = SqliteStore::open(file(folder.path(), "")).await.unwrap();
    other.append(&[new("of another chat")]).await.unwrap();
    store.close().await;
    assert!(file(folder.path(), "-wal").exists());
    other.append(&[new("and another")]).await.unwrap();
    other.close().await;
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_counts_as_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("first.db", &link).unwrap();
    let store = SqliteStore::open(&link).await.unwrap();
    store.append(&[new("a")]).await.unwrap();
    SqliteStore::open(folder.path().join("second.db")).await.unwrap().close().await;
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("second.db", &link).unwrap();
    assert_refuses(&store, &link).await;
}
