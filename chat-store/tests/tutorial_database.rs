//! A `chat.db` of the Socket.IO tutorial keeps its history and its offsets.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use chat_core::{Audience, Feed, Message, NewMessage, Offset, RoomId, UserId};
use chat_store::{Appended, MessageStore, SqliteStore, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

/// As in step 7 of the tutorial.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_offset TEXT UNIQUE,
    content TEXT
);";

async fn run_sql(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn file_with(sql: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    run_sql(&path, sql).await;
    (folder, path)
}

fn new(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().unwrap())
}

fn keyed(key: &str, content: &str) -> NewMessage {
    new(content).with_client_offset(key.parse().unwrap())
}

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

async fn read_all(store: &SqliteStore) -> Vec<Message> {
    store.read_after(None, Offset::ZERO, 1000).await.unwrap().messages
}

#[tokio::test]
async fn its_history_is_the_beginning_of_the_log() {
    let rows = "INSERT INTO messages (client_offset, content) VALUES
            ('aB3-0', 'hello'), (NULL, 'before step 8'), (NULL, 'before step 8'), (NULL, NULL),
            ('', ''), ('5', 42), ('x', 1.5), ('blob', x'68c3a9'), ('bad', x'68ff');
        INSERT OR IGNORE INTO messages (client_offset, content) VALUES ('aB3-0', 'hello');
        INSERT INTO messages (client_offset, content) VALUES (printf('%.1000c', 'k'), 'long key'),
            ('last', printf('%.100000c', 'x'));
        DELETE FROM messages WHERE id = 3";
    let (_folder, path) = file_with(&format!("{TABLE}{rows}")).await;
    let store = SqliteStore::open(&path).await.unwrap();

    let messages = read_all(&store).await;
    let long = "x".repeat(100_000);
    // The tutorial's retry used up number 10.
    let expected: [(u64, &str); 10] = [
        (1, "hello"),
        (2, "before step 8"),
        (4, ""),
        (5, ""),
        (6, "42"),
        (7, "1.5"),
        (8, "hé"),
        (9, "h\u{fffd}"),
        (11, "long key"),
        (12, &long),
    ];
    assert_eq!(messages.len(), expected.len());
    for (message, (number, content)) in messages.iter().zip(expected) {
        assert_eq!((message.offset, message.content.as_str()), (offset(number), content));
        assert_eq!(message.audience, RoomId::general().into());
        assert_eq!((&message.from, message.at), (&None, None));
    }
    assert_eq!(messages[8].client_offset.as_ref().unwrap().as_str(), "k".repeat(1000));
    assert_eq!(store.tail().await.unwrap(), offset(12));
}

#[tokio::test]
async fn its_keys_are_known_and_numbers_go_on_after_its_last() {
    let rows = "INSERT INTO messages (id, client_offset, content) VALUES (7, 'aB3-0', 'hello')";
    let (_folder, path) = file_with(&format!("{TABLE}{rows}")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let batch =
        [keyed("aB3-0", "hello"), keyed("aB3-0", "bye"), keyed("aB3-1", "new"), new("no key")];
    let expected = [
        Appended::Duplicate(offset(7)),
        Appended::Conflict(offset(7)),
        Appended::New(offset(8)),
        Appended::New(offset(9)),
    ];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
}

#[tokio::test]
async fn a_number_is_not_used_again_after_the_newest_messages_were_deleted() {
    let (_folder, path) = file_with(TABLE).await;
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&vec![new("a"); 5]).await.unwrap();
    run_sql(&path, "DELETE FROM messages WHERE id > 3").await;
    assert_eq!(store.tail().await.unwrap(), offset(5));
    assert_eq!(store.append(&[new("b")]).await.unwrap(), [Appended::New(offset(6))]);

    run_sql(&path, "DELETE FROM messages").await;
    assert_eq!(store.tail().await.unwrap(), offset(6));
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.tail().await.unwrap(), offset(6));
    assert_eq!(store.append(&[new("c")]).await.unwrap(), [Appended::New(offset(7))]);
}

#[tokio::test]
async fn the_tutorial_can_still_write_to_the_file() {
    let (_folder, path) = file_with(TABLE).await;
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[keyed("k1", "ours")]).await.unwrap();
    let sql = "INSERT INTO messages (content, client_offset) VALUES ('theirs', 'k2')";
    run_sql(&path, &format!("{TABLE}{sql}")).await;
    let messages = read_all(&store).await;
    assert_eq!(messages[1].offset, offset(2));
    assert_eq!(messages[1].content.as_str(), "theirs");
    assert_eq!(
        store.append(&[keyed("k2", "theirs"), new("ours")]).await.unwrap(),
        [Appended::Duplicate(offset(2)), Appended::New(offset(3))]
    );
}

#[tokio::test]
async fn the_query_of_the_tutorial_still_reads_the_file() {
    let rows = "INSERT INTO messages (content) VALUES ('theirs')";
    let (_folder, path) = file_with(&format!("{TABLE}{rows}")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let audience = Audience::Private {
        from: UserId::from_stored(1),
        to: UserId::from_stored(2),
        nickname: "Ada".parse().unwrap(),
    };
    let private = NewMessage::new(audience, "private".parse().unwrap());
    store.append(&[new("ours"), private, keyed("k", "last")]).await.unwrap();

    let mut server = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    // As in step 7 of the tutorial. It knows of no rooms and no users.
    let query = sqlx::query_as("SELECT id, content FROM messages WHERE id > ?");
    let read: Vec<(i64, String)> = query.bind(1).fetch_all(&mut server).await.unwrap();
    let expected = [(2, "ours"), (3, "private"), (4, "last")];
    assert_eq!(read, expected.map(|(id, content)| (id, content.to_owned())));
    let general = Feed::Room(RoomId::general());
    let page = store.read_after(Some(&[general]), Offset::ZERO, 9).await.unwrap();
    assert_eq!(page.messages.len(), 3, "all but the private one");
}

#[tokio::test]
async fn a_tutorial_server_in_the_middle_of_a_read_is_waited_for() {
    let rows = "INSERT INTO messages (content) VALUES ('a')";
    let (_folder, path) = file_with(&format!("{TABLE}{rows}")).await;
    let mut server = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let mut reading = server.begin().await.unwrap();
    sqlx::query("SELECT * FROM messages").fetch_all(&mut *reading).await.unwrap();

    let start = Instant::now();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(start.elapsed() >= SqliteStore::BUSY_TIMEOUT);

    reading.rollback().await.unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(read_all(&store).await.len(), 1);
}

#[tokio::test]
async fn a_table_of_another_kind_is_refused_and_the_file_left_alone() {
    for sql in [
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, client_offset TEXT UNIQUE, content TEXT)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT, content TEXT)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE,
            content TEXT, room INTEGER)",
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE,
            content TEXT, receiver TEXT)",
        "CREATE VIEW messages AS SELECT 1 AS id, 2 AS client_offset, 3 AS content",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7",
        "PRAGMA encoding = 'UTF-16'; CREATE TABLE other (id)",
        // Noticed only in the middle of the migrations.
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE,
            content TEXT); CREATE TABLE chat_meta (version)",
    ] {
        let (_folder, path) = file_with(sql).await;
        let before = schema(&path).await;
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{sql}: {error:?}");
        assert!(!error.is_retryable());
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        assert_eq!(schema(&path).await, before, "{sql}");
    }
}

/// All that a migration would change.
async fn schema(path: &Path) -> Vec<(String, i32, i32)> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query_as(
        "SELECT coalesce(group_concat(sql), ''), user_version, application_id
         FROM pragma_user_version, pragma_application_id LEFT JOIN sqlite_schema ON true",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (_folder, path) = file_with("").await;
    SqliteStore::open(&path).await.unwrap().close().await;
    run_sql(&path, "PRAGMA user_version = 1000").await;
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    let expected = "was made by a newer version of this program; install that version";
    assert_eq!(error.to_string(), format!("{} {expected}", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
