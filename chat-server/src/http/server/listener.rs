use std::io;
use std::net::{IpAddr, Ipv4Addr};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
#[cfg(unix)]
use tokio_util::either::Either;

/// Where clients reach a server: at an address, or on Unix at a socket in the file system, as a proxy on the same
/// machine does.
///
/// Who comes by such a socket counts as coming from `127.0.0.1`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// At an address.
    Tcp(TcpListener),
    /// At a path.
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection of a client.
#[cfg(unix)]
pub(super) type Socket = Either<TcpStream, UnixStream>;
#[cfg(not(unix))]
pub(super) type Socket = TcpStream;

impl Listener {
    /// The address, unless it is a path.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|address| address.ip()),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// A connection, and where it comes from.
    ///
    /// Cancel safe: no connection is lost.
    pub(super) async fn accept(&self) -> io::Result<(Socket, IpAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Without it a small packet waits up to 40 ms for the client to confirm the one before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("TCP_NODELAY cannot be set: {error}");
                }
                #[cfg(unix)]
                let stream = Either::Left(stream);
                Ok((stream, peer.ip().to_canonical()))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Either::Right(stream), Ipv4Addr::LOCALHOST.into()))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// Waits until the client has said something, or has ended.
pub(super) async fn readable(socket: &Socket) -> io::Result<()> {
    // Rather than until it looks so, which may be wrong.
    let first = &mut [0];
    #[cfg(unix)]
    return match socket {
        Either::Left(stream) => stream.peek(first).await.map(drop),
        // These have no way to look without taking.
        Either::Right(stream) => stream.readable().await,
    };
    #[cfg(not(unix))]
    socket.peek(first).await.map(drop)
}

/// Writes what can be written at once.
pub(super) fn try_write(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return match socket {
        Either::Left(stream) => stream.try_write(bytes),
        Either::Right(stream) => stream.try_write(bytes),
    };
    #[cfg(not(unix))]
    socket.try_write(bytes)
}
