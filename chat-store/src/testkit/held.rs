use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{Epoch, NewMessage, Offset, RoomId};

use super::Gate;
use crate::{Appended, MessageStore, Page, StoreError};

/// A store whose calls a test can hold and let go, to try the order of events that a race rarely
/// brings.
///
/// ```
/// use std::sync::Arc;
///
/// use chat_core::{NewMessage, Offset, RoomId};
/// use chat_store::testkit::HeldStore;
/// use chat_store::{MemoryStore, MessageStore};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
/// store.appends.close();
///
/// let hello = NewMessage::new(RoomId::general(), "hello".parse()?);
/// let writer = Arc::clone(&store);
/// let append = tokio::spawn(async move { writer.append(&[hello]).await });
/// store.appends.waiting(1).await;
/// assert_eq!(store.tail().await?, Offset::ZERO);
///
/// store.appends.open();
/// append.await??;
/// assert_eq!(store.tail().await?, Offset::FIRST);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct HeldStore {
    store: Arc<dyn MessageStore>,
    /// Appends before anything is stored.
    pub appends: Gate,
    /// Appends after the commit, before the caller learns of it.
    pub answers: Gate,
    /// Reads of pages, before anything is read.
    pub reads: Gate,
    /// Questions for the tail, before it is read.
    pub tails: Gate,
}

impl HeldStore {
    /// `store` behind open gates.
    pub fn new(store: Arc<dyn MessageStore>) -> Self {
        let [appends, answers, reads, tails] = std::array::from_fn(|_| Gate::new());
        Self { store, appends, answers, reads, tails }
    }
}

impl fmt::Debug for HeldStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for HeldStore {
    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        self.appends.pass().await;
        let appended = self.store.append(batch).await;
        self.answers.pass().await;
        appended
    }

    async fn read_after(
        &self,
        rooms: Option<&[RoomId]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reads.pass().await;
        self.store.read_after(rooms, after, limit).await
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        self.tails.pass().await;
        self.store.tail().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
