mod numbers;
mod options;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use async_trait::async_trait;
use chat_core::Frame;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::numbers::{HEADER_BYTES, Numbering};
use self::options::Options;
use self::reader::{ANSWER, Events, HEARTBEAT, Marker, Reader};
use crate::broker::{MAX_FRAME, Wire, backoff};
use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, ClusterSecret, Subscriber};

/// A broadcast through a NATS server, with core NATS: JetStream is not needed.
///
/// `nats://USER:PASSWORD@HOST:PORT/SUBJECT`. All parts but the host are optional, and the subject may be given as
/// `?subject=` instead. The default subject is `chat`. A user without a password is a token. Reserved characters of
/// the password are percent-encoded. `tls://` instead of `nats://` requires TLS, and `?ca=FILE` names authorities beside those
/// of the system. With `nats://`, TLS is used if the server requires it.
///
/// NATS stores nothing: each lost connection, and each time that this process reads too slowly, is a gap for its
/// subscribers. Because NATS does not confirm published frames, a node whose connection broke also announces a gap to
/// the others, and frames are numbered in a header, so that a missing one is noticed at the next one. A connection without answers is dropped after three seconds and replaced. A frame longer than the
/// server's `max_payload`, or than 256 KiB, is sent without its messages.
#[derive(Debug)]
pub struct NatsBroadcast {
    client: Client,
    subject: String,
    wire: Wire,
    fanout: Arc<Fanout>,
    marker: Arc<Marker>,
    /// Held until a frame is in the client's queue, so that they are there in the order of their numbers.
    numbering: Mutex<Numbering>,
    closed: CancellationToken,
    /// Stops the reader when this object is dropped without having been closed.
    _reader: DropGuard,
}

impl NatsBroadcast {
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
        let Options { server, place, subject, login, authorities } = Options::parse(url)?;
        let events = Arc::new(Events::default());
        let mut options = login.apply(connect_options(Arc::clone(&events)));
        // The library would go on in the clear with a server that has no TLS.
        options = options.require_tls(server.tls_required());
        if let Some(file) = authorities {
            options = options.add_root_certificates(file);
        }
        let client = options.connect(server).await.map_err(|error| refusal(&place, error))?;
        let marker = Arc::new(Marker::new(&client, &subject));
        let fanout = Arc::new(Fanout::new());
        let wire = Wire::new(secret.as_ref(), &subject);
        let (decoder, own) = (wire.decoder(), Arc::clone(&marker));
        let reader = Reader::start(&client, &subject, &place, events, own, decoder).await?;
        let closed = CancellationToken::new();
        let read = reader.run(Arc::clone(&fanout));
        tokio::spawn(closed.clone().run_until_cancelled_owned(read));
        let reader = closed.clone().drop_guard();
        // Two publishers with the same number would be taken for one that loses frames.
        let numbering = Mutex::new(Numbering::new(getrandom::u64().unwrap_or_default()));
        Ok(Self { client, subject, wire, fanout, marker, numbering, closed, _reader: reader })
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.marker.announce_gap_after_reconnect(&self.client).await?;
        let mut numbering = self.numbering.lock().await;
        let (subject, number) = (self.subject.clone(), numbering.next());
        self.client.publish_with_headers(subject, number, bytes.into()).await?;
        drop(numbering);
        self.client.flush().await?;
        Ok(())
    }
}

#[async_trait]
impl Broadcast for NatsBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        if self.closed.is_cancelled() {
            return Err(BroadcastError::Closed);
        }
        // The client would keep it until it has reconnected.
        if !self.is_connected() {
            return Err(BroadcastError::Unavailable("the connection is lost".into()));
        }
        // What the server counts has the header in it.
        let most = self.client.max_payload().saturating_sub(HEADER_BYTES).min(MAX_FRAME);
        let bytes = self.wire.encode(&frame, most);
        match timeout(ANSWER, self.send(bytes)).await {
            Ok(sent) => sent.map_err(BroadcastError::Unavailable),
            Err(elapsed) => Err(BroadcastError::Unavailable(elapsed.into())),
        }
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.fanout.subscribe()
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    fn is_authenticated(&self) -> bool {
        self.wire.is_signed()
    }

    async fn close(&self) {
        self.closed.cancel();
        self.fanout.close();
        // Fails if the connection has already ended. Without a timeout it would wait for space in the queue of a
        // disconnected client.
        let _ = timeout(ANSWER, self.client.drain()).await;
    }
}

fn connect_options(events: Arc<Events>) -> ConnectOptions {
    ConnectOptions::new()
        .connection_timeout(ANSWER)
        .ping_interval(HEARTBEAT)
        .subscription_capacity(Fanout::CAPACITY)
        .max_reconnects(None)
        // The first attempt is the initial one, and the next follows the loss at once.
        .reconnect_delay_callback(|attempts| match attempts {
            0 | 1 => Duration::ZERO,
            attempts => backoff(u32::try_from(attempts - 2).unwrap_or(u32::MAX)),
        })
        .event_callback(move |event| {
            let events = Arc::clone(&events);
            async move {
                match event {
                    Event::SlowConsumer(_) => events.missed(),
                    Event::ServerError(error) => events.said(error.to_string()),
                    _ => events.changed(),
                }
            }
        })
}

/// Explains, for whoever starts this program, why the server cannot be used.
fn refusal(place: &str, error: ConnectError) -> BroadcastError {
    let place = place.to_owned();
    let kind = error.kind();
    let source = Box::new(error);
    match kind {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            BroadcastError::Authentication {
                place,
                problem: "wants a password or another one",
                example: "nats://USER:PASSWORD@HOST or nats://TOKEN@HOST",
                source,
            }
        }
        ConnectErrorKind::Tls => BroadcastError::Refused { place, source },
        _ => BroadcastError::Unreachable { place, source },
    }
}
