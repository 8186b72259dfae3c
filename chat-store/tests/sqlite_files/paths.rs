use std::error::Error;

use chat_store::{MessageStore, SqliteStore, StoreError};

use crate::{new, read_all};

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("chat.db");
    for path in [missing.as_path(), folder.path()] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(!error.is_retryable());
        let expected = "cannot be opened; check that its folder exists and its permissions";
        assert_eq!(error.to_string(), format!("{} {expected}", path.display()));
        assert!(error.source().unwrap().to_string().contains("unable to open database file"));
    }
    let error = SqliteStore::open(folder.path().join("with\0nul")).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "Buy milk. ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.txt is not an SQLite database; "), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_file_is_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&vec![new(&"x".repeat(2000)); 100]).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    // All but the first pages, which hold the schema and where pages are.
    bytes[64 * 4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let error = store.read_after(None, chat_core::Offset::ZERO, 100).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("chat.db is damaged; "), "{error}");

    // It is not to be opened again, so nothing is confirmed that would be in it.
    let error = store.append(&[new("after")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("chat.db is damaged; "), "{error}");
}

#[tokio::test]
async fn a_url_takes_the_path_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["chat.db", "50% off?#top", "file:chat.db", "ünï.db", ":memory:"] {
        let path = folder.path().join(name);
        for slashes in ["", "//"] {
            let url = format!("sqlite:{slashes}{}", path.display());
            let store = chat_store::open(&url).await.unwrap();
            store.append(&[new("a")]).await.unwrap();
            store.close().await;
        }
        assert!(path.is_file(), "{name}");
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(read_all(&store).await.len(), 2, "{name}");
    }
}

/// As an earlier version has made them.
#[tokio::test]
async fn a_file_with_parameters_in_its_name_is_opened_when_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["50% off?mode=ro#top", "file:chat.db?mode=memory", "chat.db?mode=rwc"] {
        let path = folder.path().join(name);
        SqliteStore::open(&path).await.unwrap().close().await;
        for slashes in ["", "//"] {
            let url = format!("sqlite:{slashes}{}", path.display());
            let store = chat_store::open(&url).await.unwrap();
            store.append(&[new("a")]).await.unwrap();
            store.close().await;
        }
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(read_all(&store).await.len(), 2, "{name}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let modes = |path: &std::path::Path| {
        ["", "-wal", "-shm"].map(|suffix| {
            let path = format!("{}{suffix}", path.display());
            metadata(path).unwrap().permissions().mode() & 0o777
        })
    };
    let path = folder.path().join("chat.db");
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("linked.db", &link).unwrap();
    for path in [&path, &link] {
        let store = SqliteStore::open(path).await.unwrap();
        store.append(&[new("a")]).await.unwrap();
        let file = path.canonicalize().unwrap();
        assert_eq!(modes(&file), [0o600; 3]);
        store.close().await;
    }
    set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[new("b")]).await.unwrap();
    assert_eq!(modes(&path), [0o640; 3]);
    store.close().await;
}

/// A reader that looks at an old state keeps the log from beginning anew.
#[tokio::test]
async fn a_write_ahead_log_that_has_grown_beside_a_reader_is_cut_off_again() {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection};

    const LIMIT: u64 = 32 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let size = || std::fs::metadata(folder.path().join("chat.db-wal")).unwrap().len();
    let store = SqliteStore::open(&path).await.unwrap();
    let batch = vec![new(&"x".repeat(60_000)); 40];

    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let mut reading = other.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM messages").execute(&mut *reading).await.unwrap();
    while size() <= LIMIT {
        store.append(&batch).await.unwrap();
    }
    reading.rollback().await.unwrap();
    // The first moves it into the file, the second begins anew.
    for _ in 0..2 {
        store.append(&batch).await.unwrap();
    }
    assert!(size() <= LIMIT, "{} bytes", size());
    store.close().await;
}

#[tokio::test]
async fn closing_leaves_one_file_that_can_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[new("a")]).await.unwrap();
    store.tail().await.unwrap();
    store.close().await;
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["chat.db"]);
}
