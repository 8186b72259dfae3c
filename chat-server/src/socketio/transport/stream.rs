use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::budget::Budget;
use super::client_frames::PONG;
use super::inbound::Inbound;
use super::incoming::{Incoming, Step};
use super::websocket::Websocket;
use super::write_multiplexer::{Stream, WriteMultiplexer};
use super::{Farewell, Link};

/// How long to wait for the client to close the connection after this side has closed it.
const LINGER: Duration = Duration::from_secs(1);

/// Limits on a stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamLimits {
    /// How long the client may read nothing while data waits for it.
    pub(crate) patience: Duration,
    /// The maximum size of a packet in bytes.
    pub(crate) max_packet_bytes: usize,
    /// The maximum number of attachments of a packet.
    pub(crate) max_attachments: usize,
    /// For large packets that are incomplete.
    pub(super) budget: Arc<Budget>,
    /// For data that clients do not read.
    pub(super) unsent: Arc<Budget>,
}

/// The byte stream of a websocket as Engine.IO sees it, watched for its [`Link`].
///
/// CONNECT replies are completed by the link, and frames of its direct writer are inserted between those of
/// Engine.IO; all other bytes pass untouched and uncopied.
pub(crate) struct LinkedStream {
    pub(super) websocket: Arc<Websocket>,
    /// How long the client may read nothing while data waits for it.
    patience: Duration,
    /// Released when the stream has ended.
    open: Option<TaskTrackerToken>,
    /// Follows what the client sends.
    inbound: Inbound,
    /// Bytes that were read and have to wait until those before them are handled.
    unread: Bytes,
    /// What is handed over instead of what the client has sent, or between that.
    rewritten: Bytes,
    /// Runs while a write makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
    incoming: Incoming,
}

impl LinkedStream {
    pub(crate) fn new(
        multiplexer: WriteMultiplexer,
        websocket: Arc<Websocket>,
        limits: StreamLimits,
        open: TaskTrackerToken,
    ) -> Self {
        *websocket.multiplexer() = Some(multiplexer);
        let link = Arc::clone(&websocket.link);
        let StreamLimits { patience, max_packet_bytes, budget, .. } = limits;
        // Only polls have been over until now.
        link.outgoing.stall(false);
        let inbound = Inbound::new(max_packet_bytes, budget, Arc::clone(&link));
        let incoming = Incoming::new(Arc::clone(&link), patience);
        Self {
            websocket,
            patience,
            open: Some(open),
            inbound,
            unread: Bytes::new(),
            rewritten: Bytes::new(),
            stalled: None,
            incoming,
        }
    }

    /// Writes with a given function, and ends a stream that will never make progress: socketioxide waits for it
    /// before it releases a connection, and a peer that has vanished would otherwise hold it for as long as TCP
    /// retries.
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(&mut WriteMultiplexer, &mut Context<'_>, &Link) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.websocket.link.outgoing.wake_writer(context);
        let result = self.websocket.poll_multiplexer(|multiplexer, context| {
            write(multiplexer, context, &self.websocket.link)
        });
        if result.is_ready() {
            if self.stalled.take().is_some() {
                self.websocket.link.outgoing.stall(false);
            }
            return result;
        }
        if self.websocket.link.is_closed() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        self.incoming.give_way();
        let stalled = self.stalled.get_or_insert_with(|| {
            self.websocket.link.outgoing.stall(true);
            Box::pin(sleep_until(Instant::now() + self.patience))
        });
        stalled.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl LinkedStream {
    /// Returns how many bytes may be handled now; none if the task is woken later. Inserts a pong when one is due.
    fn poll_step(&mut self, context: &mut Context<'_>) -> usize {
        loop {
            match self.incoming.poll(context) {
                Poll::Ready(Step::Read) => return usize::MAX,
                Poll::Ready(Step::Pong) => {
                    self.incoming.ponged();
                    if self.inbound.is_between() {
                        self.rewritten = Bytes::from_static(&PONG);
                        return usize::MAX;
                    }
                }
                // A message that has begun is read to its end: nothing can come before, and a pong may have to.
                Poll::Pending => return self.inbound.wanted(),
            }
        }
    }

    /// Reads at most this many bytes.
    fn poll_stream(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let mut multiplexer = self.websocket.multiplexer();
        let Some(multiplexer) = &mut *multiplexer else { return Poll::Ready(Ok(())) };
        if most >= buffer.remaining() {
            return multiplexer.poll_read(context, buffer);
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(multiplexer.poll_read(context, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }

    /// Hands over as many of the client's messages as its turn allows: puts them into the buffer and returns true, or
    /// sets aside the replacement of one. An empty slice is the end of the stream.
    fn poll_messages(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        if self.unread.is_empty() {
            match self.poll_stream(context, buffer, most) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    self.incoming.pause();
                    return Poll::Pending;
                }
            }
        }
        let has_come = !self.unread.is_empty() || buffer.filled().len() > before;
        if has_come && self.inbound.is_between() && self.incoming.poll_packet(context).is_pending()
        {
            self.keep(buffer, before);
            return Poll::Pending;
        }
        let passed = if self.unread.is_empty() {
            let (passed, taken) = self.take(&buffer.filled()[before..]);
            self.keep(buffer, before + taken);
            passed
        } else {
            let most = most.min(buffer.remaining()).min(self.unread.len());
            let unread = std::mem::take(&mut self.unread);
            let (passed, taken) = self.take(&unread[..most]);
            buffer.put_slice(&unread[..passed]);
            self.unread = unread.slice(taken..);
            passed
        };
        buffer.set_filled(before + passed);
        Poll::Ready(Ok(passed > 0 || self.rewritten.is_empty() && !has_come))
    }

    /// Takes as many messages as the client's turn allows, up to one that is replaced, whose replacement is set
    /// aside. Returns how many of the bytes pass as they are, and how many are taken.
    fn take(&mut self, bytes: &[u8]) -> (usize, usize) {
        let (mut taken, mut frames, mut messages) = (0, 0, 0);
        let left = if self.inbound.is_between() { self.incoming.left() } else { 1 };
        loop {
            let passed = taken;
            let read = self.inbound.read(&bytes[taken..]);
            (taken, frames, messages) = (taken + read.bytes, frames + read.frames, messages + 1);
            let is_over = taken == bytes.len() || messages >= left || read.rewritten.is_some();
            if is_over {
                self.incoming.received(frames);
                self.incoming.hand_over(messages);
                let Some(rewritten) = read.rewritten else { return (taken, taken) };
                self.rewritten = rewritten.into();
                return (passed, taken);
            }
        }
    }

    /// Keeps the bytes read after `end` for later.
    fn keep(&mut self, buffer: &mut ReadBuf<'_>, end: usize) {
        let rest = &buffer.filled()[end..];
        if !rest.is_empty() {
            self.unread = Bytes::copy_from_slice(rest);
            buffer.set_filled(end);
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whatever happens then: Engine.IO would never end a connection whose move it has seen only half of.
        if self
            .websocket
            .multiplexer()
            .as_mut()
            .is_some_and(|multiplexer| multiplexer.read_before(buffer))
        {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !self.rewritten.is_empty() {
                let count = self.rewritten.len().min(buffer.remaining());
                buffer.put_slice(&self.rewritten.split_to(count));
                return Poll::Ready(Ok(()));
            }
            if self.inbound.has_no_packet() {
                self.websocket.link.close(Farewell::NoPacket);
            }
            if self.inbound.is_between() {
                self.incoming.handled();
            }
            let most = self.poll_step(context);
            if self.websocket.link.is_closed() {
                // The end of the stream: the connection is closed as if the client had gone.
                return Poll::Ready(Ok(()));
            }
            if self.rewritten.is_empty()
                && self.inbound.is_between()
                && self.websocket.link.has_all_attachments()
                && let Some(inserted) = self.websocket.link.incoming.take_inserted()
            {
                self.rewritten = inserted.into();
            }
            if !self.rewritten.is_empty() {
                continue;
            }
            if most == 0 {
                self.incoming.pause();
                return Poll::Pending;
            }
            let has_passed = ready!(self.poll_messages(context, buffer, most))?;
            if self.inbound.has_overlong() {
                self.websocket.link.close(Farewell::TooLarge);
            }
            if self.inbound.has_no_room() {
                self.websocket.link.close(Farewell::NoRoom);
            }
            if has_passed || self.websocket.link.is_closed() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for LinkedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::poll_read(&mut self, context, buffer)
    }
}

impl AsyncWrite for LinkedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(context, |multiplexer, context, link| {
            multiplexer.poll_write(context, bytes, link)
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.poll(context, |multiplexer, context, _| multiplexer.poll_flush(context));
        if matches!(result, Poll::Ready(Ok(()))) {
            self.websocket.note_drained();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, |multiplexer, context, _| multiplexer.poll_shutdown(context))
    }
}

impl Drop for LinkedStream {
    fn drop(&mut self) {
        let multiplexer = self.websocket.multiplexer().take();
        self.websocket.link.outgoing.interrupt();
        // Ended by the client or broken: nothing is on its way.
        if !self.websocket.link.is_closed() {
            return;
        }
        let open = self.open.take();
        if let (Some(multiplexer), Ok(runtime)) = (multiplexer, Handle::try_current()) {
            let (stream, rest) = multiplexer.into_end(&self.websocket.link);
            runtime.spawn(async move {
                linger(stream, &rest).await;
                drop(open);
            });
        }
    }
}

/// Closes a stream so that the client receives everything that was written, and `rest`.
///
/// If it were closed at once with unread bytes from the client, TCP would reset the connection, and the client would
/// lose what it has not read yet, its last answers.
async fn linger(mut stream: Box<dyn Stream>, rest: &[u8]) {
    let end = async {
        stream.write_all(rest).await?;
        stream.shutdown().await?;
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // A client that has not closed the connection by now is cut off.
    let _ = timeout(LINGER, end).await;
}
