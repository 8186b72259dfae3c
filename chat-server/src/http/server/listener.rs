use std::io;
use std::net::{IpAddr, Ipv4Addr};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
#[cfg(unix)]
use tokio_util::either::Either;

#[cfg(feature = "tls")]
use crate::http::certificate::TlsCertificate;

/// The endpoint that clients connect to: a TCP address, or on Unix a socket in the file system, for a proxy on the
/// same machine; with TLS if it has a [certificate](Self::with_tls).
///
/// Connections to a socket in the file system count as coming from `127.0.0.1`.
#[derive(Debug)]
pub struct Listener {
    sockets: Sockets,
    #[cfg(feature = "tls")]
    tls: Option<TlsCertificate>,
}

#[derive(Debug)]
enum Sockets {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A client's connection.
#[cfg(unix)]
pub(super) type Socket = Either<TcpStream, UnixStream>;
#[cfg(not(unix))]
pub(super) type Socket = TcpStream;

impl Listener {
    /// Makes clients use TLS with this certificate. A client has as long for the handshake and the headers of its first request
    /// together as for the headers alone without TLS. What is no TLS is not answered.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_server::{Listener, TlsCertificate};
    ///
    /// let certificate = TlsCertificate::from_files("fullchain.pem", "privkey.pem")?;
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    /// let listener = Listener::from(listener).with_tls(certificate);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(self, certificate: TlsCertificate) -> Self {
        Self { tls: Some(certificate), ..self }
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Option<&TlsCertificate> {
        self.tls.as_ref()
    }

    /// Returns the IP address; none for a Unix domain socket.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match &self.sockets {
            Sockets::Tcp(listener) => listener.local_addr().ok().map(|address| address.ip()),
            #[cfg(unix)]
            Sockets::Unix(_) => None,
        }
    }

    /// Accepts a connection and returns it with the address of the peer.
    ///
    /// Cancel safe: no connection is lost.
    pub(super) async fn accept(&self) -> io::Result<(Socket, IpAddr)> {
        match &self.sockets {
            Sockets::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Otherwise a small packet waits up to 40 ms until the client confirms the previous one.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("TCP_NODELAY cannot be set: {error}");
                }
                #[cfg(unix)]
                let stream = Either::Left(stream);
                Ok((stream, peer.ip().to_canonical()))
            }
            #[cfg(unix)]
            Sockets::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Either::Right(stream), Ipv4Addr::LOCALHOST.into()))
            }
        }
    }
}

impl From<Sockets> for Listener {
    fn from(sockets: Sockets) -> Self {
        Self {
            sockets,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Sockets::Tcp(listener).into()
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Sockets::Unix(listener).into()
    }
}

/// Waits until the client has sent something or closed the connection.
pub(super) async fn readable(socket: &Socket) -> io::Result<()> {
    // By peeking: `readable` may return without cause.
    let first = &mut [0];
    #[cfg(unix)]
    return match socket {
        Either::Left(stream) => stream.peek(first).await.map(drop),
        // A Unix socket cannot be peeked at.
        Either::Right(stream) => stream.readable().await,
    };
    #[cfg(not(unix))]
    socket.peek(first).await.map(drop)
}

/// Writes as many bytes as fit without waiting.
pub(super) fn try_write(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return match socket {
        Either::Left(stream) => stream.try_write(bytes),
        Either::Right(stream) => stream.try_write(bytes),
    };
    #[cfg(not(unix))]
    socket.try_write(bytes)
}
