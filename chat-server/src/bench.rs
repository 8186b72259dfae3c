//! Internals of this crate that `benches/` measures and `fuzz/` feeds, behind the feature `bench`.
//!
//! They are private and depend on each other, so a benchmark cannot include their files as `benches/frame_filter.rs`
//! does. Without the feature none of this is in the crate, and with it none of it is in the documentation. It is not
//! part of the public API and may change at any time.

use std::borrow::Cow;
use std::sync::Arc;

use chat_core::{Epoch, Message, Offset, RoomId};
use chat_store::{MemoryStore, StoreError};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::engine::delivery::{Following, Next, ReadOutcome, ReadPosition, Subscription};
use crate::engine::limits::Limits;
use crate::engine::log::{self, Log, Position, READ_LIMIT};
use crate::socketio::socket::frame_of;

pub use crate::socketio::socket::read_auth;
pub use crate::socketio::transport::fuzzing::{ReadBody, ReadWebsocket, WriteWebsocket};

/// Maximum number of messages per read.
pub const PAGE: usize = READ_LIMIT;

/// A message whose frame is not created yet.
#[derive(Debug)]
pub struct Entry(log::Entry);

impl Entry {
    /// Wraps a message from the store.
    pub fn new(message: Message) -> Self {
        Self(message.into())
    }

    /// Returns the frame that all connections share; creates it the first time.
    pub fn frame(&self, epoch: &Epoch) -> Option<Cow<'_, [u8]>> {
        self.0.encoded(None, &Position { epoch, rewinds: 0 }, frame_of)
    }
}

/// The log of an otherwise idle node.
#[expect(missing_debug_implementations, reason = "a benchmark shows times, not this")]
pub struct Node(Arc<Log>);

impl Node {
    /// Starts a node with an empty log, within a runtime.
    ///
    /// # Errors
    /// None that a store in memory could have.
    pub async fn start() -> Result<Self, StoreError> {
        let store = Arc::new(MemoryStore::new());
        Log::start(store, Limits::default().recent_bytes, 0, Box::new(|_, _| {})).await.map(Self)
    }

    /// Returns the end of the log.
    pub fn tail(&self) -> Offset {
        self.0.tail()
    }

    /// Takes the next committed message: keeps it, and wakes its readers.
    pub fn committed(&self, message: Message) {
        self.0.appended(message.offset.previous(), vec![message]);
    }

    /// Returns a reader of these rooms that has everything up to `cursor`.
    pub fn reader(&self, rooms: &[RoomId], cursor: Offset) -> Reader {
        let rooms = rooms.iter().map(|room| (room.clone(), Offset::ZERO.into())).collect();
        let position = Arc::new(ReadPosition::new(Following::new(rooms, None), cursor, true));
        let (log, wake) = (Arc::clone(&self.0), Arc::default());
        let subscription = Subscription::new(log, self.0.reader(), position, &wake);
        Reader { subscription, wake }
    }
}

/// The part of a connection that reads the log.
#[expect(missing_debug_implementations, reason = "a benchmark shows times, not this")]
pub struct Reader {
    subscription: Subscription,
    wake: Arc<Notify>,
}

impl Reader {
    /// Returns whether it was woken since the last call.
    pub fn is_woken(&self) -> bool {
        self.wake.notified().now_or_never().is_some()
    }

    /// Hands over everything there is, as a delivery task does between two waits, and returns how many messages that
    /// were. Only from memory: it does not wait for the store.
    pub fn step(&mut self, mut sink: impl FnMut(Offset)) -> usize {
        let mut count = 0;
        while let Some(Ok(ReadOutcome::Messages)) = self.subscription.read().now_or_never() {
            while self.subscription.has_next() {
                let taken: Result<(), ()> = self.subscription.hand_over(|next, _| {
                    if let Next::Message(entry) = next {
                        sink(entry.offset());
                    }
                    Ok(())
                });
                count += usize::from(taken.is_ok());
            }
        }
        count
    }
}
