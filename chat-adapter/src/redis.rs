mod batch;
mod channel;
mod connection;
mod options;
mod reader;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::Frame;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, RedisError, RedisResult, Value};
use redis::{ServerErrorKind, cmd};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::connection::{ANSWER, connect};
use self::options::{Mode, Options};
use self::reader::Source;
use crate::broker::{Link, MAX_FRAME, Wire};
use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, ClusterSecret, Subscriber};

/// A broadcast through a Redis or Valkey server.
///
/// `redis://USER:PASSWORD@HOST:PORT/DATABASE?mode=streams`. All parts but the host are optional. Reserved characters
/// of the password are percent-encoded.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `mode` | `streams` | `streams` or `pubsub` |
/// | `stream` | `chat` | with streams: the key of the stream |
/// | `maxlen` | 10000 | with streams: about how many frames Redis keeps |
/// | `channel` | `chat` | with pub/sub: the channel |
///
/// With **streams**, a node that was disconnected continues at its last entry, and gets a gap only if that entry is
/// no longer stored. With **pub/sub**, Redis stores nothing, and each lost connection is a gap. In both modes a
/// connection without answers is dropped after three seconds and replaced. A frame of more than 256 KiB is sent
/// without its messages.
///
/// One connection reads for all subscribers of this object, another one publishes. With `rediss://` they have TLS; the server's
/// certificate is verified by the authorities of the system, or those in the file that `?ca=FILE` names. A URL is that of one
/// server: Sentinel and Cluster are not asked who the master is.
#[derive(Debug)]
pub struct RedisBroadcast {
    client: Client,
    mode: Mode,
    wire: Wire,
    fanout: Arc<Fanout>,
    link: Arc<Link>,
    /// Created when first needed and after each failure, also one of the reader: see [`Link::losses`].
    publisher: Mutex<Option<(u64, MultiplexedConnection)>>,
    closed: CancellationToken,
    /// Stops the reader when this object is dropped without having been closed.
    _reader: DropGuard,
}

impl RedisBroadcast {
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
        let Options { client, place, mode } = Options::parse(url)?;
        let source = Source::start(&client, &mode).await.map_err(|error| refusal(&place, error))?;
        let (fanout, link) = (Arc::new(Fanout::new()), Arc::new(Link::new(place)));
        let closed = CancellationToken::new();
        let wire = Wire::new(secret.as_ref(), mode.channel());
        let (heard, seen) = (Arc::clone(&fanout), Arc::clone(&link));
        let read = reader::run(client.clone(), source, wire.decoder(), heard, seen);
        tokio::spawn(closed.clone().run_until_cancelled_owned(read));
        let (publisher, reader) = (Mutex::new(None), closed.clone().drop_guard());
        Ok(Self { client, mode, wire, fanout, link, publisher, closed, _reader: reader })
    }

    fn command(&self, frame: &Frame) -> Cmd {
        let bytes = self.wire.encode(frame, MAX_FRAME);
        match &self.mode {
            Mode::Streams { key, max_len } => stream::add(key, *max_len, stream::FRAME, &bytes),
            Mode::PubSub { channel } => cmd("PUBLISH").arg(channel).arg(bytes).take(),
        }
    }

    async fn send(&self, command: &Cmd) -> RedisResult<()> {
        let losses = self.link.losses();
        let mut connection = {
            let mut publisher = self.publisher.lock().await;
            match &*publisher {
                Some((when, connection)) if *when == losses => connection.clone(),
                _ => publisher.insert((losses, connect(&self.client, ANSWER).await?)).1.clone(),
            }
        };
        command.query_async::<Value>(&mut connection).await.map(drop)
    }
}

#[async_trait]
impl Broadcast for RedisBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        if self.closed.is_cancelled() {
            return Err(BroadcastError::Closed);
        }
        if !self.link.is_up() {
            return Err(BroadcastError::Unavailable("the connection is lost".into()));
        }
        let command = self.command(&frame);
        let sent = timeout(ANSWER, self.send(&command)).await;
        let error = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.into(),
            Err(elapsed) => elapsed.into(),
        };
        // Also after an error as an answer: it may come from a server that has become a replica.
        if let Ok(mut publisher) = self.publisher.try_lock() {
            publisher.take();
        }
        Err(BroadcastError::Unavailable(error))
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
        self.publisher.lock().await.take();
    }
}

/// Explains, for whoever starts this program, why the server cannot be used.
fn refusal(place: &str, error: RedisError) -> BroadcastError {
    let place = place.to_owned();
    let (kind, code) = (error.kind(), error.code().map(str::to_owned));
    let source = Box::new(error);
    let problem = match (kind, code.as_deref()) {
        (_, Some("NOAUTH")) => "wants a password",
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            "does not accept the password"
        }
        (ErrorKind::Io, _)
        | (ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown), _) => {
            return BroadcastError::Unreachable { place, source };
        }
        _ => return BroadcastError::Refused { place, source },
    };
    let example = "redis://:PASSWORD@HOST or redis://USER:PASSWORD@HOST";
    BroadcastError::Authentication { place, problem, example, source }
}
