//! A file of an earlier version is brought up to date and keeps what is in it.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::Path;

use chat_core::{Feed, NewMessage, Offset, RoomId, Timestamp};
use chat_store::{
    Appended, MessageStore, SessionKey, SessionRecord, SessionStore, SqliteStore, StoreError,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// What version 2 made, with a message in it.
const VERSION_2: [&str; 3] = [
    include_str!("../migrations/sqlite/0001_tutorial.sql"),
    include_str!("../migrations/sqlite/0002_rooms.sql"),
    "INSERT INTO messages (client_offset, content, room, sender, at)
        VALUES ('k', 'hello', 'general', 'ada', 5);
    UPDATE chat_meta SET value = '0123456789abcdef' WHERE name = 'epoch';
    PRAGMA application_id = 0x63686174; PRAGMA user_version = 2; PRAGMA journal_mode = WAL",
];

async fn run_sql(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn version(path: &Path) -> i32 {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap()
}

fn message() -> NewMessage {
    let new = NewMessage::new(RoomId::general(), "hello".parse().unwrap());
    NewMessage { from: "ada".parse().ok(), ..new.with_client_offset("k".parse().unwrap()) }
}

#[tokio::test]
async fn a_file_of_version_2_keeps_its_log_and_takes_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    run_sql(&path, &VERSION_2.join(";\n")).await;
    let record = SessionRecord {
        key: SessionKey([1; 32]),
        generation: 1,
        revision: 0,
        state: "here".into(),
        expires_at: Timestamp::from_millis(10),
    };
    for _ in 0..2 {
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(store.epoch().to_string(), "0123456789abcdef");
        assert_eq!(store.append(&[message()]).await.unwrap(), [Appended::Duplicate(Offset::FIRST)]);
        store.save_sessions(std::slice::from_ref(&record)).await.unwrap();
        let found = store.session(record.key, Timestamp::from_millis(9)).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
        let general = [Feed::Room(RoomId::general())];
        let page = store.read_after(Some(&general), Offset::ZERO, 9).await.unwrap();
        assert_eq!(page.messages.len(), 1, "a room has its earlier messages");
        store.close().await;
        assert_eq!(version(&path).await, 7);
    }
}

#[tokio::test]
async fn sessions_of_version_3_are_older_than_any_that_is_saved_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let session = "INSERT INTO sessions VALUES (zeroblob(32), 'here', 10); PRAGMA user_version = 3";
    let sessions = include_str!("../migrations/sqlite/0003_sessions.sql");
    run_sql(&path, &[&VERSION_2.join(";\n"), sessions, session].join(";\n")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let found = store.session(SessionKey([0; 32]), Timestamp::from_millis(9)).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.generation, found.revision, &*found.state), (0, 0, "here"));
    assert_eq!(store.save_sessions(&[SessionRecord { generation: 1, ..found }]).await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn a_file_with_a_table_in_the_way_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    run_sql(&path, &VERSION_2.join(";\n")).await;
    run_sql(&path, "CREATE TABLE sessions (name)").await;
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(version(&path).await, 2);
}
