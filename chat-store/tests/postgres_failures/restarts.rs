//! The server goes and comes back.

use std::sync::Arc;
use std::time::Duration;

use chat_core::Offset;
use chat_store::testkit::PostgresServer;
use chat_store::{Appended, MessageStore, PostgresStore, StoreError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::append;

/// Sends keys one after the other, each until it is acknowledged, and returns their offsets.
async fn write(store: Arc<PostgresStore>, writer: usize, keys: usize) -> Vec<(String, Offset)> {
    let mut acknowledged = Vec::new();
    for number in 0..keys {
        let key = format!("{writer} {number}");
        let offset = loop {
            match append(&store, &key).await {
                Ok(Appended::New(offset) | Appended::Duplicate(offset)) => break offset,
                Ok(other) => panic!("{key}: {other:?}"),
                Err(StoreError::Unavailable { .. }) => sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error:?}"),
            }
        };
        acknowledged.push((key, offset));
        // So that the writers are at work through all restarts.
        sleep(Duration::from_millis(4)).await;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn every_acknowledged_message_is_there_once_after_restarts_and_crashes_under_load() {
    let server = PostgresServer::start_with(&[]);
    let url = server.create_database().await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = Arc::new(PostgresStore::connect(&url).await.unwrap());
        writers.spawn(write(store, writer, 400));
    }
    for round in 0..4 {
        sleep(Duration::from_millis(200)).await;
        tokio::task::block_in_place(|| {
            if round % 2 == 0 {
                server.stop()
            } else {
                server.crash()
            }
            server.start_again();
        });
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|(_, offset)| *offset);

    let store = PostgresStore::connect(&url).await.unwrap();
    let mut stored = Vec::new();
    let mut after = Offset::ZERO;
    loop {
        let page = store.read_after(None, after, 1000).await.unwrap();
        for message in page.messages {
            assert_eq!(message.offset, after.next(), "a hole");
            after = message.offset;
            stored.push((message.client_offset.unwrap().as_str().to_owned(), message.offset));
        }
        if !page.more {
            break;
        }
    }
    assert_eq!(stored, acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_quiet_store_does_not_notice_a_restart() {
    let server = PostgresServer::start();
    let store = PostgresStore::connect(&server.create_database().await).await.unwrap();
    append(&store, "before").await.unwrap();
    store.tail().await.unwrap();
    tokio::task::block_in_place(|| {
        server.stop();
        server.start_again();
    });
    // After a second without calls a connection has to prove itself.
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(store.tail().await.unwrap(), Offset::FIRST);
    assert_eq!(append(&store, "after").await.unwrap(), Appended::New(Offset::FIRST.next()));
}
