use std::collections::BTreeMap;

use chat_core::Offset;

use crate::{Document, IndexAdvanced, IndexBatch, IndexChange, IndexSearch};

/// All documents, of one version.
#[derive(Default)]
pub(super) struct Index {
    version: u32,
    position: Offset,
    documents: BTreeMap<Offset, Document>,
}

impl Index {
    pub(super) fn position(&self, version: u32) -> Offset {
        if self.version == version { self.position } else { Offset::ZERO }
    }

    pub(super) fn apply(&mut self, batch: &IndexBatch) -> IndexAdvanced {
        let position = self.position(batch.version);
        if position != batch.after {
            return IndexAdvanced::Elsewhere(position);
        }
        if position == Offset::ZERO {
            self.documents.clear();
        }
        for change in batch.changes.iter().cloned() {
            match change {
                IndexChange::Put(document) => {
                    self.documents.insert(document.offset, document);
                }
                IndexChange::Remove(offset) => {
                    self.documents.remove(&offset);
                }
            }
        }
        (self.version, self.position) = (batch.version, batch.upto);
        IndexAdvanced::Done
    }

    pub(super) fn forget_upto(&mut self, upto: Offset) {
        self.documents = self.documents.split_off(&upto.next());
    }

    pub(super) fn search(&self, search: &IndexSearch) -> Vec<Offset> {
        let newest = self.documents.values().rev();
        let found = newest.filter(|document| search.matches(document));
        found.map(|document| document.offset).take(search.limit).collect()
    }
}
