//! What the server says, as an error that tells what to do.

use chat_core::Offset;
use chat_store::{Appended, MessageStore, PostgresStore, StoreError};

use super::{SERVER, append, database, keyed, refusal};

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_database_that_cannot_be_used_is_refused_with_what_to_do() {
    let url = SERVER.create_database().await;
    let make = "CREATE ROLE locked LOGIN PASSWORD 'right'; CREATE ROLE closed NOLOGIN";
    SERVER.execute(database(&url), make).await;
    let as_role = |role: &str| url.replacen("postgres@", &format!("{role}@"), 1);
    for (url, advice) in [
        (as_role("closed"), "check the user and the password in its URL"),
        (as_role("nobody"), "check the user and the password in its URL"),
        (SERVER.url("missing"), "create it with CREATE DATABASE"),
        (as_role("locked"), "GRANT its user CREATE on the schema"),
        (
            format!("{url}?options=-c%20search_path%3Dmissing"),
            "create the schema that its `search_path` names first",
        ),
        (
            format!("{url}?sslmode=require"),
            "give it TLS, or say `sslmode=disable` in its URL if nobody else can listen on the way",
        ),
    ] {
        let error = refusal(&url).await;
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(!error.is_retryable());
        assert!(error.to_string().ends_with(&format!("cannot be opened; {advice}")), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_no_error_shows_the_password() {
    let error = refusal("postgres://ada:secret@127.0.0.1:1/chat").await;
    assert_eq!(error.to_string(), "the database chat at 127.0.0.1:1 is not available");
    assert!(error.is_retryable());
    assert!(!format!("{error:?}").contains("secret"));
    let error = refusal("postgres://ada:secret@[").await;
    assert!(matches!(error, StoreError::Url { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_batch_that_the_server_refuses_stores_nothing_and_can_be_retried() {
    type Check = fn(&StoreError) -> bool;
    let kinds: [(&str, bool, Check); 5] = [
        ("53100", true, |error| matches!(error, StoreError::Full { .. })),
        ("55P03", true, |error| matches!(error, StoreError::Locked { .. })),
        ("53200", true, |error| matches!(error, StoreError::Unavailable { .. })),
        ("25006", false, |error| matches!(error, StoreError::ReadOnly { .. })),
        ("XX001", false, |error| matches!(error, StoreError::Corrupt { .. })),
    ];
    let url = SERVER.create_database().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    append(&store, "before").await.unwrap();
    for (state, retryable, check) in kinds {
        let refuse = format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE 'a test asked for it' USING ERRCODE = '{state}'; END $$;
             CREATE TRIGGER refuse AFTER INSERT ON chat_messages EXECUTE FUNCTION refuse()"
        );
        SERVER.execute(database(&url), &refuse).await;
        for _ in 0..2 {
            let error = store.append(&[keyed("before"), keyed(state)]).await.unwrap_err();
            assert!(check(&error), "{error:?}");
            assert_eq!(error.is_retryable(), retryable);
        }
        SERVER.execute(database(&url), "DROP FUNCTION refuse CASCADE").await;
    }
    assert_eq!(store.tail().await.unwrap(), Offset::FIRST);
    assert_eq!(append(&store, "after").await.unwrap(), Appended::New(Offset::FIRST.next()));
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_log_that_somebody_else_has_locked_is_locked_and_can_be_read() {
    let url = SERVER.create_database().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    append(&store, "k").await.unwrap();
    let lock = "BEGIN; LOCK TABLE chat_log IN SHARE MODE; SELECT pg_sleep(7)";
    let (appended, ()) = tokio::join!(
        async {
            // Until the lock is held, batches are stored.
            loop {
                let appended = append(&store, "k").await;
                if appended.is_err() {
                    assert_eq!(store.tail().await.unwrap(), Offset::FIRST);
                    break appended;
                }
            }
        },
        SERVER.execute(database(&url), lock),
    );
    assert!(matches!(appended, Err(StoreError::Locked { .. })), "{appended:?}");
    assert_eq!(append(&store, "k").await.unwrap(), Appended::Duplicate(Offset::FIRST));
}
