use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use super::farewell::Farewell;
use super::frames::{put_text_frame, text_frame};
use super::msgpack::put_translated;
use super::websocket::Websocket;
use crate::engine::delivery::{NotTaken, Taken};

/// A direct writer to a client with a websocket, bypassing socketioxide and Engine.IO, whose frames and heartbeats
/// still go their own way.
///
/// Pushed frames are collected until they are [flushed](Self::flush), and are sent in one write. They keep their
/// order.
#[derive(Debug)]
pub(crate) struct DirectWriter {
    websocket: Arc<Websocket>,
    owner: u64,
}

impl DirectWriter {
    /// Gives the direct writer to the connection that the client is about to be told of. None if something may still
    /// be on its way through Engine.IO that has to come first.
    pub(crate) fn of(websocket: &Arc<Websocket>) -> Option<Self> {
        static OWNERS: AtomicU64 = AtomicU64::new(1);
        if !websocket.link.is_only_websocket {
            return None;
        }
        let owner = OWNERS.fetch_add(1, Ordering::Relaxed);
        websocket.multiplexer().as_mut()?.claim(owner);
        Some(Self { websocket: Arc::clone(websocket), owner })
    }

    #[cfg(test)]
    pub(super) fn websocket(&self) -> &Arc<Websocket> {
        &self.websocket
    }

    /// Adds whole frames, if there is room.
    pub(crate) fn push(&self, frames: &[u8]) -> Taken {
        if self.websocket.link.encoding.is_msgpack() {
            return self.put(|direct_writer| put_translated(frames, direct_writer));
        }
        self.put(|direct_writer| direct_writer.extend_from_slice(frames))
    }

    /// Adds one text message made of these parts, if there is room.
    pub(crate) fn push_text(&self, parts: &[&[u8]]) -> Taken {
        if self.websocket.link.encoding.is_msgpack() {
            return self.push(&text_frame(parts));
        }
        self.put(|direct_writer| put_text_frame(direct_writer, parts))
    }

    fn put(&self, put: impl FnOnce(&mut bytes::BytesMut)) -> Taken {
        self.websocket.multiplexer().as_mut().ok_or(NotTaken::Gone)?.push(self.owner, put)
    }

    /// Writes what was pushed. [`NotTaken::Full`] when some of it waits until the client has read, or until Engine.IO has had
    /// its turn; [`NotTaken::Gone`] if the connection is closed, and some of it is left.
    pub(crate) fn flush(&self) -> Taken {
        let written = self.websocket.poll_multiplexer(|multiplexer, context| {
            if multiplexer.is_clear() {
                return Poll::Ready(Ok(true));
            }
            multiplexer.poll_direct(context).map_ok(|()| multiplexer.is_clear())
        });
        match written {
            Poll::Ready(Ok(true)) => Ok(()),
            // What a closed connection has not taken by now it never takes: nobody may wait for that.
            Poll::Ready(Ok(false)) | Poll::Pending if self.websocket.link.is_closed() => {
                Err(NotTaken::Gone)
            }
            Poll::Ready(Ok(false)) | Poll::Pending => Err(NotTaken::Full),
            Poll::Ready(Err(_)) => {
                // Engine.IO finds out by itself when it reads or writes; this is sooner.
                self.websocket.link.close(Farewell::Unavailable);
                Err(NotTaken::Gone)
            }
        }
    }

    /// Waits until there may be room again. May return early.
    pub(crate) async fn room(&self) {
        if self.flush() == Err(NotTaken::Full) {
            self.websocket.link.outgoing.drained().await;
        }
    }
}
