//! What `benches/` measures of the inside of this crate, behind the feature `bench`.
//!
//! These pieces are private and reach for each other, so a benchmark cannot include their files as
//! `benches/frame_filter.rs` does. With the feature off there is nothing of this in the crate, and with it on
//! nothing in its documentation. It is no part of the interface and may change at any time.

use std::sync::Arc;

use chat_core::{Epoch, Message, Offset, RoomId};
use chat_store::{MemoryStore, StoreError};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::engine::delivery::{Following, Found, ReadPosition, Subscription};
use crate::engine::limits::Limits;
use crate::engine::log::{self, Log, READ_LIMIT};
use crate::socketio::socket::frame_of;

/// How many messages a reader takes at a time.
pub const PAGE: usize = READ_LIMIT;

/// A message whose frame was not made yet.
#[derive(Debug)]
pub struct Entry(log::Entry);

impl Entry {
    /// The message as it comes from the store.
    pub fn new(message: Message) -> Self {
        Self(message.into())
    }

    /// The frame that all connections share, made the first time.
    pub fn frame(&self, epoch: &Epoch) -> Option<&[u8]> {
        self.0.encoded(epoch, None, frame_of)
    }
}

/// The log of a node on which nothing else happens.
#[expect(missing_debug_implementations, reason = "a benchmark shows times, not this")]
pub struct Node(Arc<Log>);

impl Node {
    /// A node with an empty log, within a runtime.
    ///
    /// # Errors
    /// None that a store in memory could have.
    pub async fn start() -> Result<Self, StoreError> {
        let store = Arc::new(MemoryStore::new());
        Log::start(store, Limits::default().recent_bytes, 0, Box::new(|_, _| {})).await.map(Self)
    }

    /// Where the log ends.
    pub fn tail(&self) -> Offset {
        self.0.tail()
    }

    /// Takes a message that was committed as the next: keeps it, and wakes its readers.
    pub fn committed(&self, message: Message) {
        self.0.hint(message.offset.previous(), vec![message]);
    }

    /// A reader of these rooms that has everything up to `cursor`.
    pub fn reader(&self, rooms: &[RoomId], cursor: Offset) -> Reader {
        let rooms = rooms.iter().map(|room| (room.clone(), Offset::ZERO)).collect();
        let place = Arc::new(ReadPosition::new(Following { rooms, person: None }, cursor));
        let (log, wake) = (Arc::clone(&self.0), Arc::default());
        let subscription = Subscription::new(log, self.0.reader(), place, &wake);
        Reader { subscription, wake }
    }
}

/// What a connection has of the log, without the connection.
#[expect(missing_debug_implementations, reason = "a benchmark shows times, not this")]
pub struct Reader {
    subscription: Subscription,
    wake: Arc<Notify>,
}

impl Reader {
    /// Whether it was woken since this was asked last.
    pub fn is_woken(&self) -> bool {
        self.wake.notified().now_or_never().is_some()
    }

    /// Hands over all there is, as a delivery task does between two waits, and says how many messages that were. Only
    /// what is in memory: it does not wait for the store.
    pub fn step(&mut self, mut sink: impl FnMut(Offset)) -> usize {
        let mut count = 0;
        while let Some(Ok(Found::Messages)) = self.subscription.read().now_or_never() {
            while self.subscription.has_next() {
                let taken: Result<(), ()> = self.subscription.hand_over(|entry| {
                    sink(entry.offset());
                    Ok(())
                });
                count += usize::from(taken.is_ok());
            }
        }
        count
    }
}
