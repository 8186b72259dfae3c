//! The parts of the transport that read what strangers send, for the fuzz targets in `fuzz/`, behind the feature
//! `bench`.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::budget::Budget;
use super::frames::put_text_frame;
use super::inbound::Inbound;
use super::link::Link;
use super::oversize::Packets;
use super::write_multiplexer::WriteMultiplexer;

/// Returns the link of a client that is connected to the main namespace and to `/admin`.
fn connected(sent_text: bool) -> Arc<Link> {
    let link = Link::websocket();
    link.namespaces.joined(b"/");
    link.namespaces.joined(b"/admin");
    if sent_text {
        link.encoding.sent_text(2);
    }
    Arc::new(link)
}

/// The budget of one client that has room for everything, or for nothing.
fn budget(max: usize, has_room: bool) -> Arc<Budget> {
    Arc::new(Budget::new("fuzzing", if has_room { 64 * max } else { 0 }))
}

/// What a client sends on a websocket, as Engine.IO gets it.
#[expect(missing_debug_implementations, reason = "a fuzz target shows its input, not this")]
pub struct ReadWebsocket(Inbound);

impl ReadWebsocket {
    /// Begins a websocket with packets of up to `max` bytes. Whether the client has sent a packet as text before
    /// decides if binary messages are attachments or MessagePack.
    pub fn new(max: usize, has_room: bool, sent_text: bool) -> Self {
        Self(Inbound::new(max, budget(max, has_room), connected(sent_text)))
    }

    /// Takes bytes of one read, and appends what Engine.IO reads instead. Returns whether the connection goes on.
    pub fn read(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> bool {
        while !bytes.is_empty() && self.goes_on() {
            let read = self.0.read(bytes);
            let (message, rest) = bytes.split_at(read.bytes);
            let is_whole = self.0.is_between() || self.0.has_no_packet();
            assert!(!message.is_empty() && (rest.is_empty() || is_whole), "it stops at no end");
            match read.rewritten {
                Some(rewritten) => out.extend(rewritten),
                None => out.extend_from_slice(message),
            }
            bytes = rest;
        }
        self.goes_on()
    }

    /// Returns whether the next byte begins a message.
    pub fn is_between(&self) -> bool {
        self.0.is_between()
    }

    fn goes_on(&self) -> bool {
        !(self.0.has_no_packet() || self.0.has_no_room() || self.0.has_overlong())
    }
}

/// The body of a client's POST, as Engine.IO gets it.
#[expect(missing_debug_implementations, reason = "a fuzz target shows its input, not this")]
pub struct ReadBody(Packets);

impl ReadBody {
    /// Begins a body with packets of up to `max` bytes; for `sent_text` see [`ReadWebsocket::new`].
    pub fn new(max: usize, has_room: bool, sent_text: bool) -> Self {
        Self(Packets::new(max, budget(max, has_room), connected(sent_text)))
    }

    /// Takes a part of the body.
    ///
    /// # Errors
    /// It is too large.
    pub fn take(&mut self, part: &[u8]) -> io::Result<()> {
        self.0.take(part)
    }

    /// Ends the body. Returns the packets, and whether all of them were packets.
    pub fn end(mut self) -> (Vec<Vec<u8>>, bool) {
        self.0.end_packet();
        let packets = self.0.whole.iter().map(|packet| packet.to_vec()).collect();
        (packets, !self.0.has_no_packet)
    }
}

/// The websocket to a client, with its two writers.
#[expect(missing_debug_implementations, reason = "a fuzz target shows its input, not this")]
pub struct WriteWebsocket {
    multiplexer: WriteMultiplexer,
    link: Link,
    client: Client,
}

/// The number that owns the direct writer.
const OWNER: u64 = 1;

impl WriteWebsocket {
    /// Begins a websocket whose client has not been told yet that it is connected, and accepts nothing yet.
    pub fn new() -> Self {
        let client = Client::default();
        let mut multiplexer = WriteMultiplexer::new(client.clone());
        multiplexer.claim(OWNER);
        Self { multiplexer, link: Link::websocket(), client }
    }

    /// Lets the client accept this many bytes more.
    pub fn accept(&self, bytes: usize) {
        self.client.lock().accepts += bytes;
    }

    /// Writes as Engine.IO does. Returns how many of the bytes are taken.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let context = &mut Context::from_waker(Waker::noop());
        match self.multiplexer.poll_write(context, bytes, &self.link) {
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }

    /// Flushes as Engine.IO does. Returns whether everything was written.
    pub fn flush(&mut self) -> bool {
        self.multiplexer.poll_flush(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Gives the direct writer a text message. Returns whether it takes it.
    pub fn push(&mut self, text: &[u8]) -> bool {
        self.multiplexer.push(OWNER, |buffer| put_text_frame(buffer, &[text])).is_ok()
    }

    /// Writes as much as possible of the direct writer. Returns whether nothing is left.
    pub fn write_direct(&mut self) -> bool {
        let _ = self.multiplexer.poll_direct(&mut Context::from_waker(Waker::noop()));
        self.multiplexer.is_clear()
    }

    /// Returns what the client has got.
    pub fn received(&self) -> Vec<u8> {
        self.client.lock().received.clone()
    }
}

impl Default for WriteWebsocket {
    fn default() -> Self {
        Self::new()
    }
}

/// The client of a websocket, which accepts some bytes.
#[derive(Clone, Default)]
struct Client(Arc<Mutex<Accepted>>);

#[derive(Default)]
struct Accepted {
    accepts: usize,
    received: Vec<u8>,
}

impl Client {
    fn lock(&self) -> std::sync::MutexGuard<'_, Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut client = self.lock();
        let count = bytes.len().min(client.accepts);
        if count == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        client.accepts -= count;
        client.received.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Client {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
