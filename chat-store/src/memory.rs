use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chat_core::{ClientOffset, Epoch, Message, NewMessage, Offset, RoomId};

use crate::{Appended, MessageStore, Page, StoreError};

/// A log that lives as long as the process: for tests, for trying things out, and as the shortest
/// example of a [`MessageStore`].
///
/// Not durable: what it acknowledges is gone with the process. Everything else of the contract holds.
pub struct MemoryStore {
    epoch: Epoch,
    // Held for a moment and never across an await, so that every call happens at once or not at all.
    log: Mutex<Log>,
}

/// The message at index `i` has offset `i + 1`.
#[derive(Default)]
struct Log {
    messages: Vec<Message>,
    by_key: HashMap<ClientOffset, Offset>,
    closed: bool,
}

impl MemoryStore {
    /// An empty log with an epoch of its own.
    pub fn new() -> Self {
        // The standard library seeds its hashers from the operating system's randomness.
        let random = RandomState::new().hash_one(());
        Self { epoch: Epoch::from_random(random.to_be_bytes()), log: Mutex::default() }
    }

    fn open_log(&self) -> Result<MutexGuard<'_, Log>, StoreError> {
        // No call leaves the log half changed, so a panic elsewhere does not spoil it.
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.closed { Err(StoreError::Closed) } else { Ok(log) }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let mut log = self.open_log()?;
        Ok(batch.iter().map(|new| log.append(new)).collect())
    }

    async fn read_after(
        &self,
        rooms: Option<&[RoomId]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        Ok(self.open_log()?.read_after(rooms, after, limit))
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        Ok(self.open_log()?.tail())
    }

    async fn close(&self) {
        if let Ok(mut log) = self.open_log() {
            log.closed = true;
        }
    }
}

impl Log {
    fn tail(&self) -> Offset {
        self.messages.last().map_or(Offset::ZERO, |message| message.offset)
    }

    fn append(&mut self, new: &NewMessage) -> Appended {
        let known = new.client_offset.as_ref().and_then(|key| self.by_key.get(key));
        if let Some(stored) = known.and_then(|offset| self.after(offset.previous()).first()) {
            return Appended::when_known(new, stored);
        }
        let offset = self.tail().next();
        self.by_key.extend(new.client_offset.clone().map(|key| (key, offset)));
        self.messages.push(Message::from_new(offset, new.clone()));
        Appended::New(offset)
    }

    fn after(&self, offset: Offset) -> &[Message] {
        let count = usize::try_from(offset.as_u64()).unwrap_or(usize::MAX);
        self.messages.get(count..).unwrap_or_default()
    }

    fn read_after(&self, rooms: Option<&[RoomId]>, after: Offset, limit: usize) -> Page {
        let mut page = Page::default();
        let mut bytes = 0;
        let wanted = |message: &&Message| rooms.is_none_or(|rooms| rooms.contains(&message.room));
        for message in self.after(after).iter().filter(wanted) {
            if page.messages.len() == limit || bytes >= Page::MAX_BYTES {
                page.more = true;
                break;
            }
            bytes += message.content.as_str().len();
            page.messages.push(message.clone());
        }
        page
    }
}
