use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Link;
use super::frames::{FrameFilter, Part, text_frame};

/// For how long the end of a client is waited for, when this side has ended the connection.
const LINGER: Duration = Duration::from_secs(1);

/// What a websocket runs over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The byte stream of a websocket, watched for its [`Link`].
///
/// CONNECT replies are completed as the link knows to; all other bytes pass untouched and uncopied.
pub(crate) struct LinkedStream<S: Stream> {
    /// Gone only when this is dropped.
    stream: Option<S>,
    link: Arc<Link>,
    frames: FrameFilter,
    /// Written before anything else: what became of bytes that were taken.
    ahead: Bytes,
    /// How long a client may read nothing while something is to be written to it.
    patience: Duration,
    /// Lets go when the stream has ended.
    open: Option<TaskTrackerToken>,
    /// Runs while a write does not get on.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: Stream> LinkedStream<S> {
    pub(crate) fn new(
        stream: S,
        link: Arc<Link>,
        patience: Duration,
        open: TaskTrackerToken,
    ) -> Self {
        Self {
            stream: Some(stream),
            link,
            frames: FrameFilter::default(),
            ahead: Bytes::new(),
            patience,
            open: Some(open),
            stalled: None,
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "only `drop` takes the stream, and nothing comes after it"
    )]
    fn stream(&mut self) -> Pin<&mut S> {
        Pin::new(self.stream.as_mut().expect("taken by drop only"))
    }

    /// Ends a write that will never get on: socketioxide waits for it before it lets go of a connection,
    /// and a peer that is gone without a word would otherwise hold it for as long as TCP tries.
    fn check_stall<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        self.link.wake_writer_on_close(context);
        if self.link.is_closed() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let patience = self.patience;
        let stalled =
            self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        stalled.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: Stream> AsyncRead for LinkedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.link.poll_may_read(context));
        if self.link.is_closed() {
            // The end of the stream: the connection is closed as if the client had gone.
            return Poll::Ready(Ok(()));
        }
        self.stream().poll_read(context, buffer)
    }
}

impl<S: Stream> LinkedStream<S> {
    /// Writes what is ahead of everything else.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ahead.is_empty() {
            let ahead = self.ahead.clone();
            let written = ready!(self.stream().poll_write(context, &ahead))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.ahead.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_frames(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ahead(context))?;
        if bytes.is_empty() {
            return self.stream().poll_write(context, bytes);
        }
        match self.frames.next(bytes) {
            Part::Pass(count) => {
                let result = ready!(self.stream().poll_write(context, &bytes[..count]));
                if let Ok(written) = result {
                    self.link.sent(self.frames.passed(bytes, count, written));
                }
                Poll::Ready(result)
            }
            Part::Held(count) => Poll::Ready(Ok(count)),
            Part::Taken(count, frame, ended) => {
                self.link.sent(ended);
                self.ahead = completed(&self.link, frame).into();
                // Written by the next write, or by the flush that follows.
                Poll::Ready(Ok(count))
            }
        }
    }
}

/// The frame with its packet completed, if the link has something to add to it.
fn completed(link: &Link, frame: Vec<u8>) -> Vec<u8> {
    let packet = frame.get(2..).and_then(|packet| std::str::from_utf8(packet).ok());
    match packet.and_then(|packet| link.complete(packet)) {
        Some(packet) => text_frame(packet.as_bytes()),
        None => frame,
    }
}

impl<S: Stream> AsyncWrite for LinkedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = self.poll_write_frames(context, bytes);
        self.check_stall(context, result)
    }

    /// Engine.IO flushes when it has written all packets of the connection, or a large part of them.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match self.poll_ahead(context) {
            Poll::Ready(Ok(())) => self.stream().poll_flush(context),
            unfinished => unfinished,
        };
        if matches!(result, Poll::Ready(Ok(()))) {
            self.link.has_drained();
        }
        self.check_stall(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match self.poll_ahead(context) {
            Poll::Ready(Ok(())) => self.stream().poll_shutdown(context),
            unfinished => unfinished,
        };
        self.check_stall(context, result)
    }
}

impl<S: Stream> Drop for LinkedStream<S> {
    fn drop(&mut self) {
        // Ended by the client or broken: nothing is on its way.
        if !self.link.is_closed() {
            return;
        }
        let (stream, open) = (self.stream.take(), self.open.take());
        if let (Some(stream), Ok(runtime)) = (stream, Handle::try_current()) {
            runtime.spawn(async move {
                linger(stream).await;
                drop(open);
            });
        }
    }
}

/// Ends a stream so that the client gets all that was written.
///
/// Closed at once, with bytes of the client's unread, TCP would reset the connection, and what the client
/// has not read yet, its last answers, would be lost.
async fn linger(mut stream: impl Stream) {
    let end = async {
        stream.shutdown().await?;
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // Whoever does not end after this has no claim to more.
    let _ = timeout(LINGER, end).await;
}
