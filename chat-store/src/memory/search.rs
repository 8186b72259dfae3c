use async_trait::async_trait;
use chat_core::Offset;

use super::MemoryStore;
use crate::{IndexAdvanced, IndexBatch, IndexSearch, SearchIndex, StoreError, Trimmed};

#[async_trait]
impl SearchIndex for MemoryStore {
    async fn position(&self, version: u32) -> Result<Offset, StoreError> {
        Ok(self.contents()?.index.position(version))
    }

    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError> {
        Ok(self.contents()?.index.apply(batch))
    }

    async fn forget_upto(&self, upto: Offset) -> Result<Trimmed, StoreError> {
        self.contents()?.index.forget_upto(upto);
        Ok(Trimmed::All)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.contents()?.index = Default::default();
        Ok(())
    }

    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError> {
        Ok(self.contents()?.index.search(search))
    }
}
