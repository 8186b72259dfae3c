use chat_core::search::TOKENS_VERSION;
use chat_store::{Document, IndexBatch, IndexChange, IndexSearch, MemoryStore, MessageStore};
use tokio::time::timeout;

use super::*;
use crate::engine::log::tests::{log_on, new_message, offset};

fn retention() -> Retention {
    Retention::default()
}

/// A log with a hundred messages of ten bytes, and what deletes from it.
async fn begin(retention: Retention) -> (Arc<MemoryStore>, Arc<Log>, CancellationToken) {
    let store = Arc::new(MemoryStore::new());
    let log = log_on(store.clone()).await;
    for number in 1..=100 {
        log.append(new_message("a", &format!("{number:010}"))).await;
    }
    let closing = CancellationToken::new();
    let retainer = Retainer {
        log: log.clone(),
        index: Some(store.clone()),
        sessions: store.clone(),
        retention,
    };
    tokio::spawn(retainer.run(closing.clone()));
    (store, log, closing)
}

async fn reaches(store: &MemoryStore, horizon: u64) {
    let reached = async {
        while store.horizon().await.unwrap() != offset(horizon) {
            sleep(LOOK / 4).await;
        }
    };
    let reached = timeout(30 * LOOK, reached).await;
    assert!(reached.is_ok(), "it is at {}", store.horizon().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_newest_messages_are_kept() {
    let (store, log, _closing) = begin(Retention { messages: Some(30), ..retention() }).await;
    reaches(&store, 70).await;
    assert_eq!(log.horizon(), offset(70));
    for _ in 0..10 {
        log.append(new_message("b", "more")).await;
    }
    reaches(&store, 80).await;
}

#[tokio::test(start_paused = true)]
async fn what_fits_is_kept() {
    let (store, log, _closing) = begin(Retention { bytes: Some(255), ..retention() }).await;
    reaches(&store, 75).await;
    log.append(new_message("b", &"x".repeat(45))).await;
    reaches(&store, 79).await;
    for _ in 0..2000 {
        log.append(new_message("b", "x")).await;
    }
    reaches(&store, 2101 - 255).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_young_is_kept() {
    let age = Duration::from_secs(3600);
    let (store, log, _closing) = begin(Retention { age: Some(age), ..retention() }).await;
    let old = Timestamp::now().minus(age + age);
    sleep(5 * LOOK).await;
    assert_eq!(store.horizon().await.unwrap(), Offset::ZERO);
    drop((store, log));

    let store = Arc::new(MemoryStore::new());
    let messages = ["one", "two"].map(|text| new_message("a", text).with_at(old));
    store.append(&messages).await.unwrap();
    store.append(&[new_message("a", "three")]).await.unwrap();
    let log = log_on(store.clone()).await;
    let retainer = Retainer {
        log,
        index: None,
        sessions: store.clone(),
        retention: Retention { age: Some(age), ..retention() },
    };
    let _running = tokio::spawn(retainer.run(CancellationToken::new()));
    reaches(&store, 2).await;
}

#[tokio::test(start_paused = true)]
async fn words_are_forgotten_too() {
    let store = Arc::new(MemoryStore::new());
    let log = log_on(store.clone()).await;
    let mut changes = Vec::new();
    for _ in 0..10 {
        log.append(new_message("a", "word")).await;
    }
    for message in store.read_after(None, Offset::ZERO, 10).await.unwrap().messages {
        changes.extend(Document::of(&message).map(IndexChange::Put));
    }
    let (after, upto) = (Offset::ZERO, offset(10));
    store.apply(&IndexBatch { version: TOKENS_VERSION, after, upto, changes }).await.unwrap();
    let retention = Retention { messages: Some(2), ..retention() };
    let retainer = Retainer { log, index: Some(store.clone()), sessions: store.clone(), retention };
    let _running = tokio::spawn(retainer.run(CancellationToken::new()));
    reaches(&store, 8).await;
    sleep(LOOK).await;
    let found = store.search(&IndexSearch::all(20)).await.unwrap();
    assert_eq!(found, [offset(10), offset(9)]);
}

/// The other one goes on when it has gone.
#[tokio::test(start_paused = true)]
async fn one_of_all_nodes_deletes() {
    let few = Retention { messages: Some(30), ..retention() };
    let (store, log, closing) = begin(few).await;
    reaches(&store, 70).await;
    let fewer = Retention { messages: Some(10), ..retention() };
    let sessions = store.clone();
    let other = Retainer { log, index: None, sessions, retention: fewer };
    let _running = tokio::spawn(other.run(CancellationToken::new()));
    sleep(60 * LOOK).await;
    assert_eq!(store.horizon().await.unwrap(), offset(70));
    closing.cancel();
    reaches(&store, 90).await;
}
