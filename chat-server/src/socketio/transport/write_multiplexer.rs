use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Link;
use super::client_frames::PONG;
use super::frame_filter::{FrameFilter, Part};
use super::frames::{payload, put_close_frame, put_text_frame};
use super::msgpack::ServerFrames;
use super::namespaces::is_root_connect;
use crate::engine::delivery::{NotTaken, Taken};

/// The transport of a websocket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// An Engine.IO ping in its frame.
const PING: &[u8] = b"\x81\x012";

/// Maximum number of bytes that may wait in the direct writer, unless it has only one frame.
const MAX_DIRECT_BYTES: usize = 64 * 1024;

/// The byte stream of a websocket with two writers: Engine.IO, and the *direct writer* for whole frames that bypass
/// Engine.IO. Frames of the direct writer are inserted between those of Engine.IO.
///
/// ```text
///  Engine.IO ───▶ filter ──────────────┐
///                   │ CONNECT replies  ▼
///                   └─────────────▶ ahead ──▶ stream
///  direct writer ───────── at the end of a frame ┘
/// ```
pub(crate) struct WriteMultiplexer {
    stream: Box<dyn Stream>,
    frames: FrameFilter,
    /// Engine.IO's frames, if the client uses MessagePack.
    msgpack: Option<Box<ServerFrames>>,
    /// Written before anything else: frames of the direct writer, or the replacement of bytes that were taken from
    /// Engine.IO.
    ahead: BytesMut,
    /// Something was written that the stream itself may still hold, as TLS does when the client does not read.
    unflushed: bool,
    /// Frames that were not begun yet.
    direct_writer: BytesMut,
    /// The owner of the frames in the direct writer.
    owner: u64,
    /// Whether the client has been told that it is connected.
    open: bool,
    /// Engine.IO could not write. The direct writer waits, so that a heartbeat always gets its turn.
    engine_waits: bool,
    /// What Engine.IO reads before the bytes of the stream.
    before: &'static [u8],
    /// The number of bytes at the start of Engine.IO's output that the client already has.
    known: usize,
    /// Whether Engine.IO is about to flush those.
    is_moving: bool,
    /// Whether the first ping, which the client does not get, is still to come.
    holds_ping: bool,
}

impl WriteMultiplexer {
    pub(crate) fn new(stream: impl Stream) -> Self {
        Self {
            stream: Box::new(stream),
            frames: FrameFilter::default(),
            msgpack: None,
            ahead: BytesMut::new(),
            unflushed: false,
            direct_writer: BytesMut::new(),
            owner: 0,
            open: false,
            engine_waits: false,
            before: &[],
            known: 0,
            is_moving: false,
            holds_ping: false,
        }
    }

    /// Wraps a stream on which a connection begins. Engine.IO sends the first ping at once, but by the protocol it is
    /// due after one ping interval. So it is held back, and the link answers it.
    pub(crate) fn opened(stream: impl Stream) -> Self {
        Self { holds_ping: true, ..Self::new(stream) }
    }

    /// Wraps a stream that the client has moved its polled connection to. Engine.IO sees the move now: it reads
    /// `sent` first, and its answer to that is not written. The frames `ahead` come before all others.
    pub(crate) fn upgraded(
        stream: impl Stream,
        sent: &'static [u8],
        answered: &[u8],
        ahead: BytesMut,
    ) -> Self {
        Self { before: sent, known: answered.len(), is_moving: true, ahead, ..Self::new(stream) }
    }

    /// Returns the stream, and what is still to be written to it: also the end of the websocket if it can come now.
    pub(crate) fn into_end(mut self, link: &Link) -> (Box<dyn Stream>, BytesMut) {
        if self.frames.is_between() {
            self.end(link);
        }
        (self.stream, self.ahead)
    }

    /// Puts the frame that ends the websocket ahead.
    fn end(&mut self, link: &Link) {
        put_close_frame(&mut self.ahead, &link.last_words(&[]));
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        Pin::new(&mut *self.stream)
    }

    /// Gives the direct writer to a connection that the client is about to be told of: nothing is written before
    /// that, and nothing of the previous owner.
    pub(crate) fn claim(&mut self, owner: u64) {
        self.owner = owner;
        self.open = false;
        self.direct_writer = BytesMut::new();
    }

    /// Puts a frame into the direct writer with `put`.
    pub(crate) fn push(&mut self, owner: u64, put: impl FnOnce(&mut BytesMut)) -> Taken {
        if owner != self.owner {
            return Err(NotTaken::Gone);
        }
        if self.direct_writer.len() >= MAX_DIRECT_BYTES {
            return Err(NotTaken::Full);
        }
        put(&mut self.direct_writer);
        Ok(())
    }

    /// Returns whether everything from the direct writer was written.
    pub(crate) fn is_clear(&self) -> bool {
        self.direct_writer.is_empty() && self.ahead.is_empty() && !self.unflushed
    }

    /// Reads what comes before the bytes of the stream, if any of it is left.
    pub(crate) fn read_before(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let (now, later) = self.before.split_at(self.before.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.before = later;
        !now.is_empty()
    }

    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }

    /// Writes as much as possible of the direct writer. If it is not [clear](Self::is_clear) then, it is Engine.IO's
    /// turn first.
    pub(crate) fn poll_direct(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_ahead(context))?;
            let waits = self.engine_waits || !self.open || !self.frames.is_between();
            if waits || self.direct_writer.is_empty() {
                // Engine.IO flushes what it writes, but nothing of it follows here.
                return if self.unflushed {
                    self.poll_stream_flush(context)
                } else {
                    Poll::Ready(Ok(()))
                };
            }
            std::mem::swap(&mut self.ahead, &mut self.direct_writer);
        }
    }

    /// Writes Engine.IO's bytes, or the beginning of them.
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        link: &Link,
    ) -> Poll<io::Result<usize>> {
        if self.known > 0 && !bytes.is_empty() {
            let count = bytes.len().min(self.known);
            self.known -= count;
            return Poll::Ready(Ok(count));
        }
        let mut result = self.poll_write_frames(context, bytes, link);
        // Nothing is flushed after the answer to a client that closes the websocket.
        if self.frames.has_ended()
            && let Poll::Ready(Err(error)) = self.poll_ahead(context)
        {
            result = Poll::Ready(Err(error));
        }
        self.engine_waits = result.is_pending();
        result
    }

    fn poll_write_frames(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        link: &Link,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ahead(context))?;
        if bytes.is_empty() {
            return self.stream().poll_write(context, bytes);
        }
        let mut bytes = bytes;
        if self.holds_ping && self.frames.is_between() {
            if bytes.starts_with(PING) {
                self.holds_ping = false;
                link.incoming.insert(|frames| frames.extend(PONG));
                return Poll::Ready(Ok(PING.len()));
            }
            // One frame at a time, so that each one is seen.
            let frame = payload(bytes).map_or(bytes.len() as u64, |(header, length)| {
                length.saturating_add(header as u64)
            });
            bytes = &bytes[..u64::min(frame, bytes.len() as u64) as usize];
        }
        if link.encoding.is_msgpack() {
            if self.frames.is_between() {
                return Poll::Ready(Ok(self.write_msgpack(bytes, link)));
            }
            // A heartbeat had begun before the client's encoding was known. It passes to its end.
            bytes = &bytes[..1];
        }
        match self.frames.next(bytes) {
            Part::Pass(count) => {
                let result = ready!(self.stream().poll_write(context, &bytes[..count]));
                if let Ok(written) = result {
                    link.outgoing.sent(self.frames.passed(bytes, count, written));
                }
                Poll::Ready(result)
            }
            Part::Held(count) => Poll::Ready(Ok(count)),
            // The bytes ahead are written by the next write, or by the flush that follows.
            Part::Namespace(count, payload) => {
                link.outgoing.sent(1);
                self.open |= is_root_connect(&payload);
                put_text_frame(&mut self.ahead, &[&link.complete(&payload)]);
                Poll::Ready(Ok(count))
            }
            Part::Close(count) => {
                link.outgoing.sent(1);
                self.end(link);
                Poll::Ready(Ok(count))
            }
            Part::Taken(count, bytes, ended) => {
                link.outgoing.sent(ended);
                self.ahead.extend_from_slice(&bytes);
                Poll::Ready(Ok(count))
            }
        }
    }

    /// Writes whole frames, translated, and takes all of the bytes. The filter stays between two frames.
    fn write_msgpack(&mut self, bytes: &[u8], link: &Link) -> usize {
        let frames = self.msgpack.get_or_insert_default();
        let written = frames.write(bytes, link, &mut self.ahead);
        link.outgoing.sent(written.frames);
        self.open |= written.connected;
        if written.ended {
            self.frames.end();
        }
        bytes.len()
    }

    /// Engine.IO flushes when it has written all packets of the connection, or a large part of them.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_moving && self.known == 0 {
            // Engine.IO gives a client a few seconds to read its answer, and flushes again once it has moved.
            self.is_moving = false;
            return Poll::Ready(Ok(()));
        }
        let result = self.poll_ahead(context);
        self.engine_waits = result.is_pending();
        ready!(result)?;
        // The rest of the direct writer does not hold up Engine.IO.
        if let Poll::Ready(Err(error)) = self.poll_direct(context) {
            return Poll::Ready(Err(error));
        }
        self.poll_stream_flush(context)
    }

    fn poll_stream_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream().poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ahead(context))?;
        self.stream().poll_shutdown(context)
    }

    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ahead.is_empty() {
            let written = ready!(Pin::new(&mut *self.stream).poll_write(context, &self.ahead))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.ahead.advance(written);
            self.unflushed = true;
        }
        // An idle connection keeps no memory for what it sent.
        self.ahead = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

/// Hides the data.
impl fmt::Debug for WriteMultiplexer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.direct_writer.len() + self.ahead.len();
        f.debug_struct("WriteMultiplexer").field("waiting", &waiting).finish_non_exhaustive()
    }
}
