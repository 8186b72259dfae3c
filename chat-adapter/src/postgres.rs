mod listener;
mod options;
mod publisher;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chat_core::Frame;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::listener::Listener;
pub(crate) use self::options::is_own;
use self::options::{Options, refusal};
use self::publisher::{ANSWER, Publisher};
use crate::broker::{Link, Wire};
use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, ClusterSecret, Subscriber};

/// The maximum size of a Postgres notification's payload, in bytes.
const MAX_PAYLOAD: usize = 7999;

/// A broadcast with `NOTIFY` and `LISTEN` through a PostgreSQL server, for instance the one that keeps the log.
///
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?channel=chat`. Nodes that use the same database and channel hear each
/// other. The default channel is `chat`; a name may have ASCII letters, digits, `_`, `-` and `.`. Other parameters
/// are those of the store.
///
/// Postgres limits a payload to less than 8,000 bytes: a longer frame is sent as an append notification without its
/// messages, which the other nodes then read from the store. Postgres stores nothing for a disconnected node; when
/// the connection is back, subscribers get a gap. They also get one when a node has lost frames that it was to send.
/// A connection without answers is dropped after five seconds.
///
/// One connection listens for all subscribers of this object, another one publishes: frames queue for it up to a
/// limit, and all queued frames go into one statement. Both must lead to the server itself or to a pooler in session
/// mode.
pub struct PostgresBroadcast {
    channel: String,
    wire: Wire,
    fanout: Arc<Fanout>,
    /// The queue of the publisher.
    frames: mpsc::Sender<String>,
    link: Arc<Link>,
    /// Whether frames were lost without the other nodes knowing yet.
    lost: Arc<AtomicBool>,
    closed: CancellationToken,
    /// Ends both connections when this object is dropped without having been closed.
    _connections: DropGuard,
}

impl PostgresBroadcast {
    /// Connects to the server that the URL names, without a secret: see [`connect_with`](Self::connect_with).
    ///
    /// # Errors
    /// As for [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self, BroadcastError> {
        Self::connect_with(url, None).await
    }

    /// Connects to the server that the URL names, and listens. With a secret, frames are signed, and unsigned ones
    /// are treated as a gap. Cancel safe: when dropped, it leaves nothing behind.
    ///
    /// # Errors
    /// [`BroadcastError::Url`] for an unsuitable URL; [`BroadcastError::Unreachable`],
    /// [`BroadcastError::Authentication`] or [`BroadcastError::Refused`] if the server cannot be used. Errors occur
    /// only at the start: later, a lost connection is always replaced.
    pub async fn connect_with(
        url: &str,
        secret: Option<ClusterSecret>,
    ) -> Result<Self, BroadcastError> {
        let Options { connect: options, place, channel } = Options::parse(url)?;
        let refused = |error| refusal(&place, error);
        // First, because it explains why it cannot connect.
        let publishing = publisher::connect(&options).await.map_err(refused)?;
        let wire = Wire::new(secret.as_ref(), &channel);
        let listener = Listener::connect(options.clone(), channel.clone(), wire.decoder()).await;
        let listener = listener.map_err(refused)?;
        let (fanout, link) = (Arc::new(Fanout::new()), Arc::new(Link::new(place)));
        let (lost, closed) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());

        let listen = listener.run(Arc::clone(&fanout), Arc::clone(&link));
        tokio::spawn(closed.clone().run_until_cancelled_owned(listen));
        let (frames, queued) = mpsc::channel(publisher::QUEUE);
        let publisher = Publisher {
            options,
            channel: channel.clone(),
            link: Arc::clone(&link),
            lost: Arc::clone(&lost),
        };
        tokio::spawn(publisher.run(publishing, queued, closed.clone()));
        let connections = closed.clone().drop_guard();
        Ok(Self { channel, wire, fanout, frames, link, lost, closed, _connections: connections })
    }

    async fn queue(&self, frame: &Frame) -> Result<(), BroadcastError> {
        let unavailable = |reason: &str| BroadcastError::Unavailable(reason.into());
        if !self.link.is_up() {
            return Err(unavailable("the connection is lost"));
        }
        let payload = String::from_utf8(self.wire.encode(frame, MAX_PAYLOAD))
            .map_err(|error| BroadcastError::Unavailable(error.into()))?;
        match self.frames.send_timeout(payload, ANSWER).await {
            Ok(()) => Ok(()),
            Err(_) => Err(unavailable("the server does not take frames fast enough")),
        }
    }
}

#[async_trait]
impl Broadcast for PostgresBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        if self.closed.is_cancelled() {
            return Err(BroadcastError::Closed);
        }
        let queued = self.queue(&frame).await;
        if queued.is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
        queued
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.fanout.subscribe()
    }

    fn is_connected(&self) -> bool {
        self.link.is_up()
    }

    fn is_authenticated(&self) -> bool {
        self.wire.is_signed()
    }

    async fn close(&self) {
        self.closed.cancel();
        self.fanout.close();
    }
}

/// Hides the password.
impl fmt::Debug for PostgresBroadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBroadcast")
            .field("channel", &self.channel)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
