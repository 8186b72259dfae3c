//! The one connection that hears the other nodes, for all subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chat_core::{Frame, FrameError};
use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast::Sender;
use tokio::time::{sleep, timeout};

use super::ANSWER;
use super::publisher::GAP;
use crate::Incoming;

/// After how long a silence the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(3);

/// The first and the longest wait before another try to connect.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Whether the server can be heard.
#[derive(Debug)]
pub(super) struct Link {
    up: AtomicBool,
    losses: AtomicU64,
}

impl Link {
    pub(super) fn new() -> Self {
        Self { up: AtomicBool::new(true), losses: AtomicU64::new(0) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// How often it was lost. A connection made before the last time leads nowhere.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }
}

/// What listens, and where it listens again when it is cut off.
pub(super) struct Listener {
    options: PgConnectOptions,
    channel: String,
    connection: PgListener,
    warned_of_version: bool,
}

impl Listener {
    pub(super) async fn connect(
        options: PgConnectOptions,
        channel: String,
    ) -> Result<Self, sqlx::Error> {
        let connection = listen(&options, &channel).await?;
        Ok(Self { options, channel, connection, warned_of_version: false })
    }

    /// Hands on what arrives, for ever.
    pub(super) async fn run(mut self, subscribers: Sender<Incoming>, link: Arc<Link>) {
        loop {
            let reason = self.hear(&subscribers).await;
            link.up.store(false, Ordering::Relaxed);
            link.losses.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                "the database that carries the broadcast is away; until it is back, other nodes \
                 read new messages from the store: {reason}"
            );
            self.connection = self.connect_again().await;
            // Whoever looks into the store after this misses nothing: it is listened again.
            let _ = subscribers.send(Incoming::Gap);
            link.up.store(true, Ordering::Relaxed);
            tracing::info!("the database that carries the broadcast is back");
        }
    }

    /// Hands on what arrives until the connection is lost, and says why that is.
    async fn hear(&mut self, subscribers: &Sender<Incoming>) -> String {
        loop {
            let payload = match timeout(SILENCE, self.connection.try_recv()).await {
                Ok(Ok(Some(notification))) => notification.payload().to_owned(),
                Ok(Ok(None)) => return "the connection was closed".into(),
                Ok(Err(error)) => return error.to_string(),
                Err(_) => match timeout(ANSWER, self.connection.execute("")).await {
                    Ok(Ok(_)) => continue,
                    Ok(Err(error)) => return error.to_string(),
                    Err(_) => return "nothing comes back".into(),
                },
            };
            if let Some(incoming) = self.decode(&payload) {
                // It fails when nobody listens, which is no fault.
                let _ = subscribers.send(incoming);
            }
        }
    }

    async fn connect_again(&self) -> PgListener {
        let (mut wait, longest) = WAITS;
        loop {
            sleep(wait).await;
            match listen(&self.options, &self.channel).await {
                Ok(connection) => return connection,
                Err(error) => tracing::debug!("still cut off from the broadcast: {error}"),
            }
            wait = (wait * 2).min(longest);
        }
    }

    fn decode(&mut self, payload: &str) -> Option<Incoming> {
        if payload == GAP {
            return Some(Incoming::Gap);
        }
        match Frame::decode(payload.as_bytes()) {
            Ok(frame) => return Some(Incoming::Frame(Arc::new(frame))),
            Err(error @ FrameError::Version { .. }) => {
                if !std::mem::replace(&mut self.warned_of_version, true) {
                    tracing::warn!("frames of another node are ignored: {error}");
                }
            }
            Err(error) => tracing::debug!("something that is no frame was ignored: {error}"),
        }
        None
    }
}

/// Listens, on a connection of its own.
async fn listen(options: &PgConnectOptions, channel: &str) -> Result<PgListener, sqlx::Error> {
    // `PgListener` takes a pool, for connecting again by itself: it does so silently, so we do it.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ANSWER)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let connect = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(channel).await?;
        Ok(listener)
    };
    timeout(2 * ANSWER, connect).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
