//! The index and the log, when one of them is ahead, and nodes that take over from each other.

use std::time::Duration;

use chat_core::search::TOKENS_VERSION;
use chat_core::{NewMessage, RoomId};
use chat_store::testkit::async_trait;
use chat_store::{IndexAdvanced, IndexBatch, IndexChange, MemoryStore, MessageStore, Trimmed};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;
use crate::engine::log::tests::{log_on, memory_log, new_message, offset, room};

fn everywhere() -> SearchScope {
    SearchScope::Everything
}

async fn found(search: &Search, query: &str) -> Vec<u64> {
    let query = query.parse().unwrap();
    let found = search.find(&query, Vec::new(), everywhere(), None, 20).await.unwrap();
    found.messages.iter().map(|(message, _)| message.offset.as_u64()).collect()
}

/// Waits until the index is up to an offset; time is paused, so this takes none.
async fn indexed(index: &dyn SearchIndex, upto: u64) {
    let reaches = async {
        while index.position(TOKENS_VERSION).await.unwrap() < offset(upto) {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), reaches).await.unwrap();
}

fn node(log: &Arc<Log>, index: &Arc<dyn SearchIndex>) -> JoinHandle<()> {
    tokio::spawn(Indexer::new(Arc::clone(log), Arc::clone(index)).run())
}

#[tokio::test(start_paused = true)]
async fn what_an_index_does_not_know_yet_is_not_shown() {
    let (store, log) = memory_log().await;
    let index: Arc<dyn SearchIndex> = store;
    let indexer = node(&log, &index);
    for text in ["red one", "red two", "red three", "red four"] {
        log.append(new_message("a", text)).await;
    }
    indexed(&*index, 4).await;
    indexer.abort();
    let search = Search::new(Arc::clone(&log), Arc::clone(&index));
    assert_eq!(found(&search, "red").await, [4, 3, 2, 1]);

    log.append(NewMessage::edit(room("a"), offset(2), "blue".parse().unwrap())).await;
    log.append(NewMessage::deletion(room("a"), offset(4))).await;
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), offset(4), "it knows of neither");
    assert_eq!(found(&search, "red").await, [3, 1]);
    // A page is filled with what is further back.
    let query = "red".parse().unwrap();
    let page = search.find(&query, Vec::new(), everywhere(), None, 2).await.unwrap();
    assert_eq!(page.messages.len(), 2);
    let elsewhere = SearchScope::Feeds(vec![Feed::Room(RoomId::general())]);
    let page = search.find(&query, Vec::new(), elsewhere, None, 2).await.unwrap();
    assert_eq!((page.messages.len(), page.before), (0, None));

    let indexer = node(&log, &index);
    indexed(&*index, 6).await;
    assert_eq!(found(&search, "blue").await, [2]);
    indexer.abort();
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_ahead_of_the_log_is_made_anew() {
    let (store, log) = memory_log().await;
    let index: Arc<dyn SearchIndex> = store;
    let lost = Message::from_new(offset(1), new_message("a", "what was lost"));
    let changes = vec![IndexChange::Put(Document::of(&lost).unwrap())];
    let batch =
        IndexBatch { version: TOKENS_VERSION, after: Offset::ZERO, upto: offset(9), changes };
    assert_eq!(index.apply(&batch).await.unwrap(), IndexAdvanced::Done);
    log.append(new_message("a", "what is there")).await;
    let indexer = node(&log, &index);
    let search = Search::new(Arc::clone(&log), Arc::clone(&index));
    let is_anew = async {
        while found(&search, "there").await != [1] {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), is_anew).await.unwrap();
    let all = index.search(&IndexSearch::all(9)).await.unwrap();
    assert_eq!(all, [offset(1)]);
    indexer.abort();
}

/// Counts the batches that a node applies.
struct Counted {
    store: Arc<MemoryStore>,
    turns: Semaphore,
}

#[async_trait]
impl SearchIndex for Counted {
    async fn position(&self, version: u32) -> Result<Offset, StoreError> {
        self.store.position(version).await
    }

    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError> {
        let advanced = self.store.apply(batch).await?;
        if advanced == IndexAdvanced::Done {
            self.turns.add_permits(1);
        }
        Ok(advanced)
    }

    async fn forget_upto(&self, upto: Offset) -> Result<Trimmed, StoreError> {
        self.store.forget_upto(upto).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.store.clear().await
    }

    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError> {
        self.store.search(search).await
    }
}

#[tokio::test(start_paused = true)]
async fn one_node_indexes_and_another_goes_on_when_it_is_gone() {
    let store = Arc::new(MemoryStore::new());
    let counted = |store: &Arc<MemoryStore>| {
        Arc::new(Counted { store: Arc::clone(store), turns: Semaphore::new(0) })
    };
    let (one, other) = (counted(&store), counted(&store));
    let messages: Arc<dyn MessageStore> = store.clone();
    let log = log_on(messages).await;
    let nodes = [&one, &other].map(|index| {
        let index: Arc<dyn SearchIndex> = Arc::<Counted>::clone(index);
        node(&log, &index)
    });
    for number in 1..=10 {
        log.append(new_message("a", "word")).await;
        indexed(&*store, number).await;
    }
    let counts = [&one, &other].map(|index| index.turns.available_permits());
    assert_eq!(counts.iter().sum::<usize>(), 10, "each batch once");
    assert!(counts.contains(&10) || counts.contains(&9), "{counts:?}");
    let [busy, idle] = if counts[0] > counts[1] { [0, 1] } else { [1, 0] };
    nodes[busy].abort();
    log.append(new_message("a", "word")).await;
    indexed(&*store, 11).await;
    assert!([&one, &other][idle].turns.available_permits() > counts[idle]);
    nodes[idle].abort();
    let search = Search::new(log, store);
    assert_eq!(found(&search, "word").await.len(), 11);
}
