use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::Offset;

use super::MemoryStore;
use crate::{
    Document, IndexAdvanced, IndexBatch, IndexChange, IndexSearch, SearchIndex, StoreError,
};

/// All documents, of one version.
#[derive(Default)]
pub(super) struct Index {
    version: u32,
    position: Offset,
    documents: BTreeMap<Offset, Document>,
}

impl Index {
    fn position(&self, version: u32) -> Offset {
        if self.version == version { self.position } else { Offset::ZERO }
    }
}

#[async_trait]
impl SearchIndex for MemoryStore {
    async fn position(&self, version: u32) -> Result<Offset, StoreError> {
        Ok(self.contents()?.index.position(version))
    }

    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError> {
        let mut contents = self.contents()?;
        let index = &mut contents.index;
        let position = index.position(batch.version);
        if position != batch.after {
            return Ok(IndexAdvanced::Elsewhere(position));
        }
        if position == Offset::ZERO {
            index.documents.clear();
        }
        for change in batch.changes.iter().cloned() {
            match change {
                IndexChange::Put(document) => {
                    index.documents.insert(document.offset, document);
                }
                IndexChange::Remove(offset) => {
                    index.documents.remove(&offset);
                }
            }
        }
        (index.version, index.position) = (batch.version, batch.upto);
        Ok(IndexAdvanced::Done)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.contents()?.index = Index::default();
        Ok(())
    }

    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError> {
        let contents = self.contents()?;
        let newest = contents.index.documents.values().rev();
        let found = newest.filter(|document| search.matches(document));
        Ok(found.map(|document| document.offset).take(search.limit).collect())
    }
}
