//! A file of an earlier version is brought up to date and keeps what is in it.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::Path;

use chat_core::{Author, AuthorId, Feed, NewMessage, Offset, RoomId, Timestamp, UserId};
use chat_store::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, MessageStore, NewCredential,
    NicknameClaim, NicknameStore, OwnerKey, SessionKey, SessionRecord, SessionStore, SqliteStore,
    StoreError, UserStore,
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
    new.with_from("ada".parse().unwrap()).with_client_offset("k".parse().unwrap())
}

#[tokio::test]
async fn the_version_of_a_file_is_told_without_changing_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let url = format!("sqlite:{}", path.display());
    assert!(chat_store::schema_version(&url).await.is_err(), "there is none");
    assert!(!path.exists());
    run_sql(&path, &VERSION_2.join(";\n")).await;
    let found = chat_store::schema_version(&url).await.unwrap();
    assert_eq!((found.stored, version(&path).await), (2, 2));
    chat_store::open(&url).await.unwrap().close().await;
    let found = chat_store::schema_version(&url).await.unwrap();
    assert_eq!(found.stored, found.known);
    run_sql(&path, "PRAGMA user_version = 1000").await;
    let newer = chat_store::schema_version(&url).await;
    assert!(matches!(newer, Err(StoreError::Newer { .. })), "{newer:?}");
}

#[tokio::test]
async fn a_file_of_version_2_keeps_its_log_and_takes_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    run_sql(&path, &VERSION_2.join(";\n")).await;
    let expires_at = Timestamp::from_millis(10);
    let record = SessionRecord::new(SessionKey([1; 32]), "here", expires_at);
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
        assert_eq!(version(&path).await, 16);
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
    assert_eq!(store.save_sessions(&[found.with_version(1, 0)]).await.unwrap(), []);
    store.close().await;
}

/// The user with a number, under a name.
fn by(user: i64, name: &str, key: &str, content: &str) -> NewMessage {
    let new = NewMessage::new(RoomId::general(), content.parse().unwrap());
    let session = AuthorId::from_stored(-user);
    let new = new.with_author(Author::user(AuthorId::from_stored(user), session));
    new.with_from(name.parse().unwrap()).with_client_offset(key.parse().unwrap())
}

#[tokio::test]
async fn what_users_sent_to_an_earlier_version_is_recognised_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    run_sql(&path, &VERSION_2.join(";\n")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let [one, two, three, four] = [1, 2, 3, 4].map(|number| Offset::new(number).unwrap());
    let batch = [
        by(1, "ADA", "k", "hello"),
        by(2, "bob", "k", "hello"),
        by(1, "ada", "k", "other"),
        by(1, "ada", "l", "hello"),
    ];
    let expected =
        [Appended::Duplicate(one), Appended::New(two), Appended::New(three), Appended::New(four)];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
    // From now on it is known whose they are.
    let renamed = [by(2, "robert", "k", "hello"), by(1, "ada", "l", "hello")];
    let expected = [Appended::Duplicate(two), Appended::Duplicate(four)];
    assert_eq!(store.append(&renamed).await.unwrap(), expected);

    // A process of the earlier version that still runs knows no authors.
    let sql = "INSERT INTO messages (id, client_offset, content, room, sender, at)
        VALUES (5, 'm', 'hello', 'general', 'ada', 5)";
    run_sql(&path, sql).await;
    let retry = store.append(&[by(1, "ada", "m", "hello")]).await.unwrap();
    assert_eq!(retry, [Appended::Duplicate(four.next())]);
    let page = store.read_after(None, four, 9).await.unwrap();
    assert_eq!(page.messages[0].author, None);
    store.close().await;
}

#[tokio::test]
async fn a_log_in_which_no_user_has_a_plain_key_is_not_looked_through_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let of_nobody = "UPDATE messages SET sender = NULL";
    run_sql(&path, &[&VERSION_2.join(";\n"), of_nobody].join(";\n")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let appended = store.append(&[by(1, "ada", "k", "hello")]).await.unwrap();
    assert_eq!(appended, [Appended::New(Offset::FIRST.next())]);
    store.close().await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let marks = "SELECT count(*) FROM chat_meta WHERE name = 'plain_keys_upto'";
    let marks: i64 = sqlx::query_scalar(marks).fetch_one(&mut connection).await.unwrap();
    assert_eq!(marks, 0);
}

#[tokio::test]
async fn names_of_version_6_stay_and_are_not_imitated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let names = "INSERT INTO nicknames VALUES
            ('ada', 'Ada', unhex(replace(hex(zeroblob(32)), '00', '01')), 1, 100),
            ('аdа', 'Аdа', unhex(replace(hex(zeroblob(32)), '00', '02')), 2, 100);
        PRAGMA user_version = 6";
    let version_6 = [
        &VERSION_2.join(";\n"),
        include_str!("../migrations/sqlite/0003_sessions.sql"),
        include_str!("../migrations/sqlite/0004_session_versions.sql"),
        include_str!("../migrations/sqlite/0005_people.sql"),
        include_str!("../migrations/sqlite/0006_room_messages.sql"),
        names,
    ];
    run_sql(&path, &version_6.join(";\n")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let claim = |name: &str, owner| {
        let (owner, id) = (OwnerKey([owner; 32]), UserId::from_stored(9));
        let [now, expires_at] = [50, 100].map(Timestamp::from_millis);
        NicknameClaim::new(name.parse().unwrap(), owner, id, now, expires_at)
    };
    for (name, owner) in [("Ada", 1), ("Аdа", 2)] {
        let claimed = store.claim_nickname(&claim(name, owner)).await.unwrap();
        assert_eq!(claimed, Claimed::Yes(UserId::from_stored(owner.into())));
    }
    for name in ["ada", "аdа", "adа"] {
        let claimed = store.claim_nickname(&claim(name, 3)).await.unwrap();
        assert_eq!(claimed, Claimed::Taken, "{name}");
    }
    store.close().await;
}

/// How a process of version 8 stores a message and claims a name.
const WRITE_8: [&str; 2] = [
    "INSERT INTO messages
        (id, client_offset, content, room, sender, at, sender_id, receiver_id, receiver, author)
     VALUES (2, char(1) || '0000000000000001:k', 'hello', 'general', 'Ada', 5, NULL, NULL, NULL, 1)",
    "INSERT INTO nicknames (key, nickname, owner, person, expires_at, skeleton)
     VALUES ('bob', 'Bob', unhex(replace(hex(zeroblob(32)), '00', '02')), 20, 100, 'bob')
     ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at",
];

#[tokio::test]
async fn users_of_version_8_keep_who_they_are_and_a_process_of_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    // Of two names of one owner, with a user each, the later one counts for what is new.
    let names = "INSERT INTO nicknames VALUES
            ('ada', 'Ada', unhex(replace(hex(zeroblob(32)), '00', '01')), 10, 100, 'ada'),
            ('ida', 'Ida', unhex(replace(hex(zeroblob(32)), '00', '01')), 11, 200, 'ida');
        PRAGMA user_version = 8";
    let version_8 = [
        &VERSION_2.join(";\n"),
        include_str!("../migrations/sqlite/0003_sessions.sql"),
        include_str!("../migrations/sqlite/0004_session_versions.sql"),
        include_str!("../migrations/sqlite/0005_people.sql"),
        include_str!("../migrations/sqlite/0006_room_messages.sql"),
        include_str!("../migrations/sqlite/0007_authors.sql"),
        include_str!("../migrations/sqlite/0008_skeletons.sql"),
        names,
    ];
    run_sql(&path, &version_8.join(";\n")).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let now = Timestamp::from_millis(50);
    let user = UserId::from_stored;
    let ada = CredentialOwner::new(user(11), OwnerKey([1; 32]));
    let found = store.find_credential(CredentialKey([1; 32]), now).await.unwrap();
    assert_eq!(found, Credential::OfNicknames(ada));
    let claim = |name: &str, number| {
        let expires_at = Timestamp::from_millis(300);
        let name = name.parse().unwrap();
        NicknameClaim::new(name, OwnerKey([1; 32]), user(number), now, expires_at)
    };
    for (name, number) in [("Ada", 10), ("Ida", 11), ("Eda", 11)] {
        let claimed = store.claim_nickname(&claim(name, 11)).await.unwrap();
        assert_eq!(claimed, Claimed::Yes(user(number)), "{name}");
    }
    store.keep_credential(&NewCredential::new(CredentialKey([1; 32]), now), ada).await.unwrap();

    for _ in 0..2 {
        run_sql(&path, WRITE_8[1]).await;
    }
    run_sql(&path, WRITE_8[0]).await;
    let found = store.find_credential(CredentialKey([2; 32]), now).await.unwrap();
    let bob = CredentialOwner::new(user(20), OwnerKey([2; 32]));
    assert_eq!(found, Credential::OfNicknames(bob));
    let retry = by(1, "Ada", "k", "hello").with_user(user(11));
    let two = Offset::FIRST.next();
    assert_eq!(store.append(&[retry]).await.unwrap(), [Appended::Duplicate(two)]);
    let page = store.read_after(None, Offset::FIRST, 9).await.unwrap();
    assert_eq!((page.messages.len(), page.messages[0].user), (1, None));
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
