//! The log without a socket: what readers see, whatever happens between the writer, the store and them.

mod follower;
mod outages;
mod positions;
mod readers;
mod recent;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use chat_core::{ClientOffset, Feed, Message, NewMessage, Offset, RoomId};
use chat_store::{MemoryStore, MessageStore, StoreError};
use tokio::sync::Notify;

use super::{Entry, Log, Outcome, Reader, ReaderId};

pub(crate) fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

pub(crate) fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

pub(crate) fn new_message(room_name: &str, content: &str) -> NewMessage {
    NewMessage::new(room(room_name), content.parse().unwrap())
}

pub(crate) fn message(number: u64, room_name: &str) -> Message {
    Message::from_new(offset(number), new_message(room_name, &format!("m{number}")))
}

pub(crate) async fn log_on(store: Arc<dyn MessageStore>) -> Arc<Log> {
    log_with(store, 1 << 20, 0).await
}

/// A log that keeps so many bytes of messages in memory, and has read the last so many when it starts.
pub(crate) async fn log_with(
    store: Arc<dyn MessageStore>,
    recent_bytes: usize,
    recent_at_start: u64,
) -> Arc<Log> {
    Log::start(store, recent_bytes, recent_at_start, Box::new(|_, _| {})).await.unwrap()
}

pub(crate) async fn memory_log() -> (Arc<MemoryStore>, Arc<Log>) {
    let store = Arc::new(MemoryStore::new());
    let log = log_on(Arc::<MemoryStore>::clone(&store)).await;
    (store, log)
}

impl Log {
    /// Submits a message and waits for its fate.
    pub(crate) async fn append(&self, message: NewMessage) -> Outcome {
        self.append_for(None, message).await
    }

    /// The same for a reader that does not want the message back.
    pub(crate) async fn append_from(&self, origin: ReaderId, message: NewMessage) -> Outcome {
        self.append_for(Some(origin), message).await
    }

    async fn append_for(&self, origin: Option<ReaderId>, message: NewMessage) -> Outcome {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.submit(self.reader(), message, origin, move |outcome| sender.send(outcome).unwrap());
        receiver.await.unwrap()
    }

    /// What a new reader of these feeds finds after a cursor.
    async fn read(
        &self,
        feeds: &[Feed],
        cursor: Offset,
    ) -> Result<(Vec<Arc<Entry>>, Offset), StoreError> {
        let reader = Reader::new(self.reader(), &Arc::new(Notify::new()));
        self.attach(&reader, feeds);
        let read = self.read_after(&reader, feeds, cursor).await;
        self.detach(&reader, feeds);
        read.map(|read| (read.entries, read.upto))
    }

    pub(crate) fn readers_of(&self, room: &RoomId) -> usize {
        self.recent.readers_of(&room.clone().into())
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Waits until this node has seen `number`.
    pub(crate) async fn seen(&self, number: u64) {
        let seen = async {
            while self.tail() < offset(number) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the log gets there");
    }
}

pub(crate) fn keyed(room_name: &str, content: &str, key: &str) -> NewMessage {
    let key: ClientOffset = key.parse().unwrap();
    new_message(room_name, content).with_client_offset(key)
}
