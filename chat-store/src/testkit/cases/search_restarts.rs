//! Search indexes that are opened again, or several times.

use std::sync::Arc;

use chat_core::search::TOKENS_VERSION;
use tokio::task::JoinSet;

use super::search::{apply, found, open, texts};
use crate::IndexAdvanced;
use crate::testkit::SessionBackend;
use crate::testkit::samples::{message, offset};

/// With its position.
pub async fn an_index_is_kept_over_restarts(backend: &dyn SessionBackend) {
    for start in 0..3 {
        let store = backend.open_store().await;
        let index = Arc::clone(&store).search_index().expect("the store has an index");
        assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), offset(start));
        apply(&*index, &texts(start, [message("word")])).await;
        assert_eq!(found(&*index, "word ").await.len(), start + 1);
        store.close().await;
    }
}

/// The others are told where the index is then.
pub async fn of_several_that_apply_a_batch_one_does(backend: &dyn SessionBackend) {
    let indexes = [open(backend).await, open(backend).await];
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for index in &indexes {
            let (index, batch) = (Arc::clone(index), texts(round, [message("word")]));
            tasks.spawn(async move { index.apply(&batch).await.expect("a batch") });
        }
        let advanced = tasks.join_all().await;
        let done = advanced.iter().filter(|it| **it == IndexAdvanced::Done).count();
        let elsewhere = IndexAdvanced::Elsewhere(offset(round + 1));
        assert!(done == 1 && advanced.contains(&elsewhere), "{advanced:?}");
        for index in &indexes {
            assert_eq!(found(&**index, "word ").await.len(), round + 1);
        }
    }
}
