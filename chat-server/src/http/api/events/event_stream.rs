use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_core::event::{HISTORY_GONE, HistoryGone};
use chat_core::{Author, Offset, RoomId};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::frame::{heartbeat, write_event};
use crate::engine::delivery::{Following, Next, ReadPosition, Subscription};
use crate::engine::log::{Entry, Log};
use crate::http::told::Told;

/// The size in bytes at which a chunk is handed over.
const CHUNK: usize = 32 * 1024;

/// A reader that takes nothing for this long keeps no messages in memory: they are read again for it.
const STALL: Duration = Duration::from_secs(1);

/// How long to wait before retrying a store that has failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// What writes the events of one stream: a subscription to the log, as connections have one.
pub(super) struct EventStream {
    log: Arc<Log>,
    subscription: Subscription,
    position: Arc<ReadPosition>,
    wake: Arc<Notify>,
    /// Whose messages have their keys.
    author: Author,
    heartbeat: Duration,
    sender: mpsc::Sender<Bytes>,
}

/// The client has gone.
struct Gone;

impl EventStream {
    /// Creates the stream of what follows in rooms after an offset, with a heartbeat whenever it was quiet for that long.
    pub(super) fn new(
        log: &Arc<Log>,
        rooms: Vec<RoomId>,
        after: Offset,
        author: Author,
        heartbeat: Duration,
        sender: mpsc::Sender<Bytes>,
    ) -> Self {
        let rooms = rooms.into_iter().map(|room| (room, after.into())).collect();
        // There is nothing to save: the client knows its position.
        let position = Arc::new(ReadPosition::new(Following::new(rooms, None), after, true));
        let wake = Arc::new(Notify::new());
        let (log, reader) = (Arc::clone(log), log.reader());
        let subscription = Subscription::new(log.clone(), reader, Arc::clone(&position), &wake);
        Self { log, subscription, position, wake, author, heartbeat, sender }
    }

    /// Writes until the client has gone, or something ends the stream.
    pub(super) async fn run(mut self, end: impl Future<Output = ()>) {
        let gone = self.sender.clone();
        tokio::select! {
            // Nobody is left to be told.
            _ = self.write() => {}
            () = gone.closed() => {}
            () = end => {}
        }
    }

    async fn write(&mut self) -> Result<(), Gone> {
        // Also tells a client that has no position yet where it begins.
        self.beat().await?;
        loop {
            match self.subscription.read().await {
                Ok(_) if self.subscription.has_next() => self.hand_over().await?,
                Ok(_) => {
                    if timeout(self.heartbeat, self.wake.notified()).await.is_err() {
                        self.beat().await?;
                    }
                }
                // The log has already reported it.
                Err(_) => sleep(STORE_PAUSE).await,
            }
        }
    }

    /// Hands over what was read, as fast as the client takes it.
    async fn hand_over(&mut self) -> Result<(), Gone> {
        while self.subscription.has_next() {
            let mut chunk = Vec::new();
            while self.subscription.has_next() && chunk.len() < CHUNK {
                let Self { log, subscription, author, .. } = self;
                let write = |next: Next<'_>, _| match next {
                    Next::Message(entry) => write_entry(&mut chunk, log, *author, entry),
                    Next::Gone(upto) => write_gone(&mut chunk, log, upto),
                };
                let Ok(()) = subscription.hand_over(write);
            }
            self.send(chunk).await?;
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), Gone> {
        self.send(heartbeat(&self.log.position(self.position.cursor()))).await
    }

    async fn send(&mut self, chunk: Vec<u8>) -> Result<(), Gone> {
        let room = match timeout(STALL, self.sender.reserve()).await {
            Ok(room) => room,
            Err(_) => {
                self.subscription.let_go();
                self.sender.reserve().await
            }
        };
        room.map_err(|_| Gone)?.send(chunk.into());
        Ok(())
    }
}

/// Writes a message of the log as an event, with its key if this author wrote it.
fn write_entry(
    chunk: &mut Vec<u8>,
    log: &Log,
    author: Author,
    entry: &Entry,
) -> Result<(), Infallible> {
    let id = entry.position(log.epoch());
    let told = Told::of(&entry.message, Some(author));
    if let Err(error) = write_event(chunk, &id, told.kind(), &told) {
        tracing::error!("a message cannot be serialised: {error}");
    }
    Ok(())
}

/// Writes that everything up to an offset was deleted.
fn write_gone(chunk: &mut Vec<u8>, log: &Log, upto: Offset) -> Result<(), Infallible> {
    let HistoryGone(horizon, position) = HistoryGone::upto(log.position(upto));
    if let Err(error) = write_event(chunk, &position, HISTORY_GONE, &horizon) {
        tracing::error!("a horizon cannot be serialised: {error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chat_core::AuthorId;

    use super::*;
    use crate::engine::log::tests::{memory_log, new_message, offset, room};

    fn stream(log: &Arc<Log>, heartbeat: Duration) -> (EventStream, mpsc::Receiver<Bytes>) {
        let (sender, receiver) = mpsc::channel(1);
        let author = Author::anonymous(AuthorId::from_stored(-1));
        let rooms = vec![room("a")];
        (EventStream::new(log, rooms, Offset::ZERO, author, heartbeat, sender), receiver)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_keeps_no_messages_in_memory() {
        let (_store, log) = memory_log().await;
        for number in 0..10 {
            log.append(new_message("a", &format!("{number}{}", "x".repeat(CHUNK)))).await;
        }
        let (mut stream, mut receiver) = stream(&log, 60 * STALL);
        assert!(timeout(STALL / 2, stream.write()).await.is_err());
        assert!(stream.subscription.has_next(), "it may still take them");
        assert!(receiver.recv().await.unwrap().starts_with(b": heartbeat"));
        assert!(timeout(2 * STALL, stream.write()).await.is_err());
        assert!(!stream.subscription.has_next());
        assert!(stream.position.cursor() < offset(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_beats_and_ends_with_its_client() {
        let (_store, log) = memory_log().await;
        let (stream, mut receiver) = stream(&log, STALL);
        let writing = tokio::spawn(stream.run(std::future::pending()));
        for _ in 0..3 {
            assert!(receiver.recv().await.unwrap().starts_with(b": heartbeat"));
        }
        log.append(new_message("a", "hi")).await;
        let text = String::from_utf8(receiver.recv().await.unwrap().into()).unwrap();
        assert!(text.contains("\"content\":\"hi\"") && text.ends_with("\n\n"), "{text}");
        drop(receiver);
        writing.await.unwrap();
    }
}
