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
    // All but the first pages, which hold the schema.
    bytes[16 * 4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let error = store.read_after(None, chat_core::Offset::ZERO, 100).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("chat.db is damaged; "), "{error}");
}

#[tokio::test]
async fn a_url_takes_the_path_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["chat.db", "50% off?mode=ro#top", "file:chat.db?mode=memory", "ünï.db", ":memory:"]
    {
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
