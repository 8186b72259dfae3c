//! Every store of this crate passes the suite.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::sync::Arc;

use chat_store::testkit::{Backend, async_trait};
use chat_store::{MemoryStore, MessageStore};

struct Memory;

#[async_trait]
impl Backend for Memory {
    async fn open(&self) -> Arc<dyn MessageStore> {
        Arc::new(MemoryStore::new())
    }
}

chat_store::conformance!(memory, Memory);

#[cfg(feature = "sqlite")]
struct Sqlite(tempfile::TempDir);

#[cfg(feature = "sqlite")]
impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
}

#[cfg(feature = "sqlite")]
#[async_trait]
impl Backend for Sqlite {
    async fn open(&self) -> Arc<dyn MessageStore> {
        let path = self.0.path().join("chat.db");
        Arc::new(chat_store::SqliteStore::open(path).await.expect("the file opens"))
    }
}

#[cfg(feature = "sqlite")]
chat_store::conformance!(sqlite, Sqlite::new(), persistent, shared);
