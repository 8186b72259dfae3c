use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};

use super::Link;
use super::incoming::{Incoming, Step};
use super::payload::SEPARATOR;

/// A client's Engine.IO pong between other packets.
const PONG: &[u8] = b"3\x1e";

/// The body of a client's POST, read one packet at a time and no faster than its [`Link`] allows. The rest is left
/// unread, and the POST waits. Meanwhile the client counts as alive while it polls: otherwise it would not have got the
/// pings either.
pub(super) struct PacedBody {
    link: Arc<Link>,
    body: Body,
    /// Received bytes that were not taken yet.
    rest: Bytes,
    /// Whether the next byte begins a packet.
    is_between: bool,
    incoming: Incoming,
    /// The number of polls when a pong was last due.
    polls: u64,
}

impl PacedBody {
    /// Wraps a body; `patience` is the sum of the ping interval and the ping timeout.
    pub(super) fn new(body: Body, link: &Arc<Link>, patience: Duration) -> Self {
        let incoming = Incoming::new(Arc::clone(link), patience);
        let (link, polls) = (Arc::clone(link), link.polls.load(Ordering::Relaxed));
        Self { link, body, rest: Bytes::new(), is_between: true, incoming, polls }
    }

    /// Returns what to do, with a pong only for a client that polls.
    fn step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            let step = self.incoming.poll(context);
            if step != Poll::Ready(Step::Pong) {
                return step;
            }
            self.incoming.ponged();
            let polls = self.link.polls.load(Ordering::Relaxed);
            let has_polled = std::mem::replace(&mut self.polls, polls) < polls;
            if has_polled || self.link.stage.is_polled_now() {
                return step;
            }
        }
    }

    /// Returns the next packet, or the part that has arrived.
    fn packet(&mut self) -> Bytes {
        let end = self.rest.iter().position(|&byte| byte == SEPARATOR);
        let packet = self.rest.split_to(end.map_or(self.rest.len(), |end| end + 1));
        self.incoming.received(u64::from(self.is_between));
        self.is_between = end.is_some();
        packet
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.is_between {
            this.incoming.handled();
        }
        let step = this.step(context);
        if this.link.is_closed() {
            return Poll::Ready(Some(Err(ErrorKind::ConnectionAborted.into())));
        }
        // A packet that has begun is read to its end, even if others wait: nothing can come before.
        if this.is_between {
            match step {
                Poll::Ready(Step::Read) => {}
                Poll::Ready(Step::Pong) => {
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PONG)))));
                }
                Poll::Pending => {
                    this.incoming.pause();
                    return Poll::Pending;
                }
            }
        }
        while this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => this.rest = frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    this.incoming.pause();
                    return Poll::Pending;
                }
            }
        }
        if this.is_between {
            ready!(this.incoming.poll_packet(context));
        }
        Poll::Ready(Some(Ok(Frame::data(this.packet()))))
    }
}
