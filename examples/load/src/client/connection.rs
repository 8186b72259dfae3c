use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::frame;
use super::packet::Packet;
use super::pipeline::auth;

/// How many connections come from one address; an address has about 28,000 ports.
const PORTS: usize = 20_000;

/// How long a server may take to accept a connection. Long: one that replays a history in a loop on
/// its only thread accepts nobody meanwhile, and who is late is not refused.
const PATIENCE: Duration = Duration::from_secs(120);

thread_local! {
    /// Where all connections read into.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// One connection of a client, with as little memory as possible while nothing is half read or half
/// sent.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The beginning of a frame of which the rest has not come yet.
    unread: Vec<u8>,
    outgoing: Outgoing,
    /// Whether what is unread may hold whole frames.
    behind: bool,
}

/// What a client has to say and has not sent yet.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// So many of them are sent.
    sent: usize,
}

impl Outgoing {
    /// Adds a packet that `write` writes.
    pub(crate) fn packet(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        frame::put_text(&mut self.bytes, write);
    }
}

impl Connection {
    /// Connects to a server as the client with this number, which has the messages up to `after`,
    /// and is in these rooms. Waits until the server has accepted it.
    pub(crate) async fn open(
        server: SocketAddr,
        number: usize,
        after: u64,
        rooms: &[String],
    ) -> io::Result<Self> {
        let open = Self::open_patiently(server, number, after, rooms);
        timeout(PATIENCE, open).await.map_err(|_| ErrorKind::TimedOut)?
    }

    async fn open_patiently(
        server: SocketAddr,
        number: usize,
        after: u64,
        rooms: &[String],
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if number >= PORTS {
            let host = u8::try_from(1 + number / PORTS).map_err(io::Error::other)?;
            socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
        }
        let mut stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut unread = Vec::new();
        let end = loop {
            if stream.read_buf(&mut unread).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !unread.starts_with(b"HTTP/1.1 101") {
            let line = unread.split(|&byte| byte == b'\r').next().unwrap_or_default();
            return Err(io::Error::other(String::from_utf8_lossy(line).into_owned()));
        }
        unread.drain(..end);
        let outgoing = Outgoing::default();
        let mut connection = Self { stream, unread, outgoing, behind: true };
        let auth = auth(after, rooms);
        connection.outgoing.packet(|out| out.extend(auth.as_bytes()));
        connection.accepted().await?;
        Ok(connection)
    }

    /// Reads up to the reply to CONNECT and not beyond: what follows belongs to whoever measures.
    async fn accepted(&mut self) -> io::Result<()> {
        loop {
            while let Some(frame) = frame::first(&self.unread) {
                let accepted = Packet::read(frame.payload) == Packet::Connected;
                let bytes = frame.bytes;
                self.unread.drain(..bytes);
                if accepted {
                    return Ok(());
                }
            }
            poll_fn(|context| Poll::Ready(self.poll_flush(context))).await?;
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(ErrorKind::ConnectionRefused.into());
            }
        }
    }

    /// Waits for something from the server, and has each packet of it handled. Cancel safe.
    ///
    /// What the handler puts into [`Outgoing`] is sent.
    pub(crate) async fn turn(
        &mut self,
        handle: &mut impl FnMut(Packet, &mut Outgoing),
    ) -> io::Result<()> {
        poll_fn(|context| self.poll_turn(context, handle)).await
    }

    /// Sends what `write` puts into it, now or with the next turns.
    pub(crate) async fn send(&mut self, write: impl FnOnce(&mut Outgoing)) -> io::Result<()> {
        write(&mut self.outgoing);
        poll_fn(|context| Poll::Ready(self.poll_flush(context))).await
    }

    fn poll_turn(
        &mut self,
        context: &mut Context<'_>,
        handle: &mut impl FnMut(Packet, &mut Outgoing),
    ) -> Poll<io::Result<()>> {
        self.poll_flush(context)?;
        let read = BUFFER.with_borrow_mut(|buffer| {
            let unread = self.unread.len();
            if buffer.len() < 2 * unread {
                buffer.resize(2 * unread, 0);
            }
            buffer[..unread].copy_from_slice(&self.unread);
            let mut have = unread;
            if !std::mem::take(&mut self.behind) {
                let mut free = ReadBuf::new(&mut buffer[unread..]);
                match Pin::new(&mut self.stream).poll_read(context, &mut free) {
                    Poll::Ready(Ok(())) if free.filled().is_empty() => {
                        return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
                    }
                    Poll::Ready(Ok(())) => have += free.filled().len(),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let mut rest = &buffer[..have];
            while let Some(frame) = frame::first(rest) {
                if !frame.is_text {
                    return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
                }
                match Packet::read(frame.payload) {
                    Packet::Ping => self.outgoing.packet(|out| out.push(b'3')),
                    packet => handle(packet, &mut self.outgoing),
                }
                rest = &rest[frame.bytes..];
            }
            self.unread.clear();
            self.unread.extend_from_slice(rest);
            Poll::Ready(Ok(()))
        });
        if read.is_ready() {
            self.poll_flush(context)?;
        }
        read
    }

    /// Sends what the kernel takes. For the rest the task is woken; a turn sends it.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Outgoing { bytes, sent } = &mut self.outgoing;
        while *sent < bytes.len() {
            match Pin::new(&mut self.stream).poll_write(context, &bytes[*sent..]) {
                Poll::Ready(written) => *sent += written?,
                Poll::Pending => return Ok(()),
            }
        }
        bytes.clear();
        *sent = 0;
        Ok(())
    }
}
