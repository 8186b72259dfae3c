use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Message, PublishError, Statistics, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::numbers::Numbers;
use crate::broker::{Decoder, Link};
use crate::fanout::Fanout;
use crate::{BroadcastError, Incoming};

/// How long the server may take to answer before a publisher gets an error.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// The time between two checks whether the server still answers. The client gives up at the third one.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// Returns to the listening node as soon as the server has begun to deliver. Other nodes ignore it.
const HELLO: &[u8] = b"hello";

/// Announces that the node that sent it may have lost frames that it published before.
const GAP: &[u8] = b"";

/// Events that the client reports in addition to messages.
#[derive(Debug, Default)]
pub(super) struct Events {
    wake: Notify,
    missed: AtomicBool,
    error: Mutex<Option<String>>,
}

impl Events {
    pub(super) fn changed(&self) {
        self.wake.notify_one();
    }

    /// Messages arrived faster than they were read, and were dropped.
    pub(super) fn missed(&self) {
        self.missed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn said(&self, error: String) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.wake.notify_one();
    }

    fn take_error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells all nodes, including this one, that this node's connection was replaced: frames that it had published may
/// not have arrived, and it may have missed frames of others.
///
/// To this node, the return of its own marker also shows that the server delivers again.
#[derive(Debug)]
pub(super) struct Marker {
    subject: String,
    statistics: Arc<Statistics>,
    /// The connection that others know of, counted as in [`Statistics::connects`].
    announced: AtomicU64,
}

impl Marker {
    pub(super) fn new(client: &Client, subject: &str) -> Self {
        let statistics = client.statistics();
        let announced = AtomicU64::new(statistics.connects.load(Ordering::Relaxed));
        Self { subject: subject.to_owned(), statistics, announced }
    }

    fn connects(&self) -> u64 {
        self.statistics.connects.load(Ordering::Relaxed)
    }

    pub(super) async fn announce_gap_after_reconnect(
        &self,
        client: &Client,
    ) -> Result<(), PublishError> {
        let connects = self.connects();
        if self.announced.load(Ordering::Relaxed) != connects {
            client.publish(self.subject.clone(), GAP.into()).await?;
            // After publishing: a call that is dropped in between announces it again.
            self.announced.store(connects, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Passes everything that arrives to the subscribers of this process.
pub(super) struct Reader {
    client: Client,
    messages: Subscriber,
    events: Arc<Events>,
    marker: Arc<Marker>,
    link: Link,
    /// The connection that messages are assumed to come from.
    connects: u64,
    numbers: Numbers,
    decoder: Decoder,
}

impl Reader {
    /// Begins to listen; when this returns, the server delivers.
    pub(super) async fn start(
        client: &Client,
        subject: &str,
        place: &str,
        events: Arc<Events>,
        marker: Arc<Marker>,
        decoder: Decoder,
    ) -> Result<Self, BroadcastError> {
        let listen = async {
            let mut messages = client.subscribe(subject.to_owned()).await?;
            client.publish(subject.to_owned(), HELLO.into()).await?;
            client.flush().await?;
            while let Some(message) = messages.next().await {
                if message.payload == HELLO {
                    break;
                }
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(messages)
        };
        let refused = |source| BroadcastError::Refused { place: place.to_owned(), source };
        let messages = match timeout(ANSWER, listen).await {
            Ok(messages) => messages.map_err(refused)?,
            // A server that forbids the subject reports it in an event of its own.
            Err(elapsed) => {
                let said = events.take_error();
                return Err(refused(said.map_or_else(|| elapsed.into(), Into::into)));
            }
        };
        let (client, link) = (client.clone(), Link::new(place.to_owned()));
        let connects = marker.connects();
        let numbers = Numbers::default();
        Ok(Self { client, messages, events, marker, link, connects, numbers, decoder })
    }

    pub(super) async fn run(mut self, fanout: Arc<Fanout>) {
        // The client can lose events if there are very many.
        let mut look = interval(HEARTBEAT);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = Arc::clone(&self.events);
        loop {
            let message = tokio::select! {
                message = self.messages.next() => match message {
                    Some(message) => Some(message),
                    None => return,
                },
                () = events.wake.notified() => None,
                _ = look.tick() => None,
            };
            if self.take(message, &fanout).await.is_err() {
                return;
            }
        }
    }

    async fn take(
        &mut self,
        message: Option<Message>,
        fanout: &Fanout,
    ) -> Result<(), BroadcastError> {
        let connects = self.marker.connects();
        let reconnected = connects != self.connects;
        if self.events.missed.swap(false, Ordering::AcqRel) || reconnected {
            self.connects = connects;
            // These may be from before or after the loss: the gap stands for them.
            while let Some(Some(_)) = self.messages.next().now_or_never() {}
            self.numbers.forget();
            fanout.send(Incoming::Gap)?;
            self.observe().await;
            return Ok(());
        }
        match message {
            None => self.observe().await,
            Some(message) if message.payload == HELLO => {}
            Some(message) if message.payload == GAP => fanout.send(Incoming::Gap)?,
            Some(message) => {
                if self.numbers.miss_one_before(message.headers.as_ref()) {
                    fanout.send(Incoming::Gap)?;
                }
                if let Some(frame) = self.decoder.decode(&message.payload) {
                    fanout.send(frame)?;
                }
            }
        }
        Ok(())
    }

    /// Checks the connection, for the log and for the other nodes.
    async fn observe(&self) {
        let said = self.events.take_error();
        if self.client.connection_state() == State::Connected {
            self.link.found();
            if let Some(error) = said {
                tracing::warn!("the NATS server says: {error}");
            }
            // If it fails, the connection is lost again, and the next one announces it.
            let _ = timeout(ANSWER, self.marker.announce_gap_after_reconnect(&self.client)).await;
        } else {
            self.link.lost(said.unwrap_or_else(|| "the connection is lost".to_owned()));
        }
    }
}
