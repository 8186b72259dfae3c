//! Tables that are made, kept and refused.

use std::time::Duration;

use std::sync::Arc;

use chat_core::{Audience, Author, AuthorId, Feed, NewMessage, Offset, RoomId, Timestamp, UserId};
use chat_store::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, MessageStore, NewCredential,
    NicknameClaim, NicknameStore, OwnerKey, PostgresStore, SessionKey, SessionRecord, SessionStore,
    StoreError, UserStore,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{SERVER, append, database, keyed, refusal};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn nodes_that_start_at_once_make_one_log_and_race_with_one_key() {
    const NODES: usize = 8;
    let url = SERVER.create_database().await;
    let start = Arc::new(Barrier::new(NODES));
    let mut nodes = JoinSet::new();
    for _ in 0..NODES {
        let (url, start) = (url.clone(), Arc::clone(&start));
        nodes.spawn(async move {
            start.wait().await;
            let store = PostgresStore::connect(&url).await.unwrap();
            start.wait().await;
            (append(&store, "k").await.unwrap(), store.epoch().clone())
        });
    }
    let (appended, epochs): (Vec<_>, Vec<_>) = nodes.join_all().await.into_iter().unzip();
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
    assert!(appended.iter().all(|one| one.offset() == Some(Offset::FIRST)));
    assert_eq!(appended.iter().filter(|one| matches!(one, Appended::New(_))).count(), 1);
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn with_a_new_epoch_cursors_of_consumers_stay() {
    let url = SERVER.create_database().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    append(&store, "k").await.unwrap();
    let before = store.epoch().clone();
    let cursor = |epoch: &str| format!(r#"{{"epoch":"{epoch}","cursor":7,"owner":null}}"#);
    let client = format!("{{\"log\":\"{before}\"}}\0");
    let states = [cursor(before.as_str()), cursor("a"), client.clone()];
    let records = [1, 2, 3].into_iter().zip(&states).map(|(number, state)| {
        let never = Timestamp::from_millis(i64::MAX);
        SessionRecord::new(SessionKey([number; 32]), state.clone(), never)
    });
    let records: Vec<_> = records.collect();
    store.save_sessions(&records).await.unwrap();
    store.close().await;
    PostgresStore::renew_epoch(&url).await.unwrap();
    let store = PostgresStore::connect(&url).await.unwrap();
    let after = store.epoch().clone();
    assert_ne!(after, before);
    assert_eq!(append(&store, "k").await.unwrap(), Appended::Duplicate(Offset::FIRST));
    let expected = [cursor(after.as_str()), cursor("a"), client];
    for (record, expected) in records.iter().zip(expected) {
        let kept = store.session(record.key, Timestamp::now()).await.unwrap().unwrap();
        assert_eq!(kept.state, expected);
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_database_that_has_lost_the_end_of_the_log_is_not_used_until_it_is_opened_again() {
    const CUT_OFF: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();";
    // Of the three messages, the last one is lost; then it is another one; then the log has another identity.
    const LOSE: &str =
        "DELETE FROM chat_messages WHERE id = 3; UPDATE chat_log SET last_deleted = 0;";
    const REPLACE: &str = "UPDATE chat_messages SET at = at + 1 WHERE id = 3;";
    const RENEW: &str = "UPDATE chat_log SET epoch = 'another';";
    for (harm, is_harmful) in [("", false), (LOSE, true), (REPLACE, true), (RENEW, true)] {
        let url = SERVER.create_database().await;
        let store = PostgresStore::connect(&url).await.unwrap();
        for key in ["1", "2", "3"] {
            append(&store, key).await.unwrap();
        }
        SERVER.execute(database(&url), &format!("{harm}{CUT_OFF}")).await;
        // The first calls notice that the connections are gone.
        let is_refused = loop {
            match store.append(&[keyed("4")]).await {
                Ok(_) => break false,
                Err(StoreError::OtherLog { .. }) => break true,
                Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}"),
            }
        };
        assert_eq!(is_refused, is_harmful, "{harm}");
        let read = store.read_after(None, Offset::ZERO, 9).await;
        assert_eq!(
            matches!(read, Err(StoreError::OtherLog { .. })),
            is_harmful,
            "{harm}: {read:?}"
        );
        let again = PostgresStore::connect(&url).await.unwrap();
        append(&again, "5").await.unwrap();
    }
}

/// What version 3 made, with a message in it.
const VERSION_3: [&str; 4] = [
    include_str!("../../migrations/postgres/0001_log.sql"),
    include_str!("../../migrations/postgres/0002_sessions.sql"),
    include_str!("../../migrations/postgres/0003_session_versions.sql"),
    "INSERT INTO chat_messages VALUES (1, 'k', 'a', 'general', NULL, 5);
    UPDATE chat_log SET version = 3",
];

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_database_of_version_3_keeps_its_log_and_takes_private_messages() {
    let url = SERVER.create_database().await;
    SERVER.execute(database(&url), &VERSION_3.join(";\n")).await;
    let store = PostgresStore::connect(&url).await.unwrap();
    assert_eq!(append(&store, "k").await.unwrap(), Appended::Duplicate(Offset::FIRST));
    let [from, to] = [1, 2].map(UserId::from_stored);
    let audience = Audience::Private { from, to, nickname: "Ada".parse().unwrap() };
    let private = NewMessage::new(audience, "private".parse().unwrap());
    let appended = store.append(&[private]).await.unwrap();
    assert_eq!(appended, [Appended::New(Offset::FIRST.next())]);
    for (feed, number) in [(Feed::Room(RoomId::general()), 1), (Feed::User(to), 2)] {
        let page = store.read_before(&feed, None, 9).await.unwrap();
        assert_eq!((page.messages.len(), page.messages[0].offset.as_u64()), (1, number));
    }
}

/// What version 4 made, with two names that look alike.
const VERSION_4: [&str; 5] = [
    VERSION_3[0],
    VERSION_3[1],
    VERSION_3[2],
    include_str!("../../migrations/postgres/0004_people.sql"),
    "INSERT INTO chat_nicknames VALUES
        ('ada', 'Ada', decode(repeat('01', 32), 'hex'), 1, 100),
        ('аdа', 'Аdа', decode(repeat('02', 32), 'hex'), 2, 100);
    UPDATE chat_log SET version = 4",
];

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn names_of_version_4_stay_and_are_not_imitated() {
    let url = SERVER.create_database().await;
    SERVER.execute(database(&url), &VERSION_4.join(";\n")).await;
    let store = PostgresStore::connect(&url).await.unwrap();
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
}

/// A batch as nodes of version 4 send it: a message of Ada.
const APPEND_4: &str = "SELECT * FROM chat_append(ARRAY['k4'], ARRAY['general'], ARRAY['Ada'],
    ARRAY['a'::bytea], ARRAY[5::bigint], ARRAY[NULL::bigint], ARRAY[NULL::bigint], ARRAY[NULL])";

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn nodes_of_version_4_go_on_and_what_users_sent_to_them_is_recognised_by_their_names() {
    let url = SERVER.create_database().await;
    let version_4 = include_str!("../../migrations/postgres/0004_people.sql");
    let named = "UPDATE chat_messages SET sender = 'Ada'; UPDATE chat_log SET version = 4";
    let setup = [&VERSION_3.join(";\n"), version_4, named].join(";\n");
    SERVER.execute(database(&url), &setup).await;
    let store = PostgresStore::connect(&url).await.unwrap();
    SERVER.execute(database(&url), APPEND_4).await;

    let by = |user: i64, name: &str, key| {
        let [user, session] = [user, -user].map(AuthorId::from_stored);
        let new = keyed(key).with_author(Author::user(user, session));
        new.with_from(name.parse().unwrap())
    };
    let [one, two, three, four] = [1, 2, 3, 4].map(|number| Offset::new(number).unwrap());
    let batch = [by(1, "ADA", "k"), by(2, "Bob", "k"), by(1, "Ada", "k4"), by(1, "Ada", "new")];
    let expected = [
        Appended::Duplicate(one),
        Appended::New(three),
        Appended::Duplicate(two),
        Appended::New(four),
    ];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
    let renamed = [by(2, "Robert", "k"), by(1, "Ada", "new")];
    let expected = [Appended::Duplicate(three), Appended::Duplicate(four)];
    assert_eq!(store.append(&renamed).await.unwrap(), expected);
}

/// A message of Ada, and her claim to a name, as nodes of version 6 send them.
const CALLS_6: &str = "SELECT * FROM chat_append(ARRAY[chr(1) || '0000000000000001:k6'],
        ARRAY['general'], ARRAY['Ada'], ARRAY['a'::bytea], ARRAY[5::bigint], ARRAY[NULL::bigint],
        ARRAY[NULL::bigint], ARRAY[NULL], ARRAY[1::bigint], ARRAY[0::smallint], NULL);
    SELECT chat_claim_nickname(
        'ada', 'Ada', decode(repeat('01', 32), 'hex'), 10, 300, 'ada', 50, 1)";

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn users_of_version_6_keep_who_they_are_and_nodes_of_it_go_on() {
    let url = SERVER.create_database().await;
    let version_6 = [
        &VERSION_3.join(";\n"),
        include_str!("../../migrations/postgres/0004_people.sql"),
        include_str!("../../migrations/postgres/0005_authors.sql"),
        include_str!("../../migrations/postgres/0006_skeletons.sql"),
        "UPDATE chat_log SET version = 6",
        CALLS_6,
    ];
    SERVER.execute(database(&url), &version_6.join(";\n")).await;
    let store = PostgresStore::connect(&url).await.unwrap();
    SERVER.execute(database(&url), CALLS_6).await;
    let (now, key) = (Timestamp::from_millis(50), CredentialKey([1; 32]));
    let ada = CredentialOwner::new(UserId::from_stored(10), OwnerKey([1; 32]));
    let found = store.find_credential(key, now).await.unwrap();
    assert_eq!(found, Credential::OfNicknames(ada));
    store.keep_credential(&NewCredential::new(key, now), ada).await.unwrap();
    assert_eq!(store.find_credential(key, now).await.unwrap(), Credential::Kept(ada));

    let author = Author::user(AuthorId::from_stored(1), AuthorId::from_stored(-1));
    let retry = keyed("k6").with_author(author).with_user(ada.user);
    let two = Offset::FIRST.next();
    let new = keyed("k7").with_author(author).with_user(ada.user);
    let expected = [Appended::Duplicate(two), Appended::New(two.next())];
    assert_eq!(store.append(&[retry, new]).await.unwrap(), expected);
    SERVER.execute(database(&url), CALLS_6).await;
    let page = store.read_after(None, Offset::FIRST, 9).await.unwrap();
    let users: Vec<_> = page.messages.iter().map(|message| message.user).collect();
    assert_eq!(users, [None, Some(ada.user)]);
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn tables_of_a_newer_version_are_refused() {
    let url = SERVER.create_database().await;
    PostgresStore::connect(&url).await.unwrap().close().await;
    SERVER.execute(database(&url), "UPDATE chat_log SET version = 99").await;
    assert!(matches!(refusal(&url).await, StoreError::Newer { .. }));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_database_with_a_table_in_the_way_of_ours_is_refused_and_left_alone() {
    let url = SERVER.create_database().await;
    SERVER.execute(database(&url), "CREATE TABLE chat_sessions (name text)").await;
    for _ in 0..2 {
        assert!(matches!(refusal(&url).await, StoreError::Corrupt { .. }));
    }
    SERVER.execute(database(&url), "DROP TABLE chat_sessions").await;
    PostgresStore::connect(&url).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn each_schema_has_a_log_of_its_own() {
    let url = SERVER.create_database().await;
    SERVER.execute(database(&url), "CREATE SCHEMA one; CREATE SCHEMA two").await;
    for schema in ["one", "two"] {
        let url = format!("{url}?options=-c%20search_path%3D{schema}");
        let store = PostgresStore::connect(&url).await.unwrap();
        assert_eq!(append(&store, "k").await.unwrap(), Appended::New(Offset::FIRST));
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn numbers_of_deleted_messages_are_not_used_again() {
    let url = SERVER.create_database().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    let mut last = Offset::ZERO;
    for delete in [
        "DELETE FROM chat_messages WHERE id > 1",
        "DELETE FROM chat_messages",
        "DELETE FROM chat_messages",
        "TRUNCATE chat_messages",
        "TRUNCATE chat_messages",
    ] {
        for key in ["a", "b"] {
            let key = format!("{key} {last}");
            last = last.next();
            assert_eq!(append(&store, &key).await.unwrap(), Appended::New(last));
        }
        SERVER.execute(database(&url), delete).await;
        assert_eq!(store.tail().await.unwrap(), last);
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_commit_is_durable_also_when_the_database_would_not_wait_for_it() {
    let url = SERVER.create_database().await;
    let name = database(&url);
    let set = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    SERVER.execute(name, &set).await;
    let store = PostgresStore::connect(&url).await.unwrap();
    let check = "CREATE FUNCTION check_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('synchronous_commit') <> 'on' THEN RAISE 'not durable'; END IF;
            RETURN NULL; END $$;
        CREATE TRIGGER check_commit AFTER INSERT ON chat_messages EXECUTE FUNCTION check_commit()";
    SERVER.execute(name, check).await;
    append(&store, "k").await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn the_size_of_the_tables_is_known_after_a_moment() {
    let url = SERVER.create_database().await;
    // A table of somebody else's, and one of another schema.
    SERVER
        .execute(database(&url), "CREATE TABLE chatter AS SELECT generate_series(1, 100000)")
        .await;
    SERVER
        .execute(
            database(&url),
            "CREATE SCHEMA other; CREATE TABLE other.chat_messages AS SELECT generate_series(1, 100000)",
        )
        .await;
    let store = PostgresStore::connect(&url).await.unwrap();
    assert_eq!(store.disk(), None, "nobody waits for the database");
    let known = async {
        loop {
            tokio::task::yield_now().await;
            if let Some(disk) = store.disk() {
                return disk;
            }
        }
    };
    let disk = tokio::time::timeout(Duration::from_secs(10), known).await.unwrap();
    assert!((100_000..2_000_000).contains(&disk.used), "{disk:?}");
    assert!((1..disk.used).contains(&disk.search), "{disk:?}");
    assert_eq!(disk.free, None);
    store.close().await;
}
