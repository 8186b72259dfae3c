//! The connection that listens to the other nodes, for all subscribers.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

use super::publisher::{ANSWER, GAP};
use crate::broker::{Decoder, Link, backoff};
use crate::fanout::Fanout;
use crate::{BroadcastError, Incoming};

/// How long to stay silent before checking whether the server still answers.
const SILENCE: Duration = Duration::from_secs(3);

/// The listener, with what it needs to listen again after a lost connection.
pub(super) struct Listener {
    options: PgConnectOptions,
    channel: String,
    connection: PgListener,
    decoder: Decoder,
}

impl Listener {
    pub(super) async fn connect(
        options: PgConnectOptions,
        channel: String,
        decoder: Decoder,
    ) -> Result<Self, sqlx::Error> {
        let connection = listen(&options, &channel).await?;
        Ok(Self { options, channel, connection, decoder })
    }

    /// Passes on what arrives, reconnecting as needed.
    pub(super) async fn run(mut self, fanout: Arc<Fanout>, link: Arc<Link>) {
        while let Ok(reason) = self.hear(&fanout).await {
            link.lost(reason);
            self.connection = self.connect_again().await;
            // A subscriber that reads the store after this misses nothing: the new connection listens already.
            if fanout.send(Incoming::Gap).is_err() {
                return;
            }
            link.found();
        }
    }

    /// Passes on what arrives until the connection is lost, and returns why.
    async fn hear(&mut self, fanout: &Fanout) -> Result<String, BroadcastError> {
        loop {
            match timeout(SILENCE, self.connection.try_recv()).await {
                Ok(Ok(Some(notification))) if notification.payload() == GAP => {
                    fanout.send(Incoming::Gap)?;
                }
                Ok(Ok(Some(notification))) => {
                    let frame = self.decoder.decode(notification.payload().as_bytes());
                    frame.map_or(Ok(()), |frame| fanout.send(frame))?;
                }
                Ok(Ok(None)) => return Ok("the connection was closed".to_owned()),
                Ok(Err(error)) => return Ok(error.to_string()),
                Err(_) => match timeout(ANSWER, self.connection.execute("")).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Ok(error.to_string()),
                    Err(_) => return Ok("nothing comes back".to_owned()),
                },
            }
        }
    }

    async fn connect_again(&self) -> PgListener {
        let mut failures = 0;
        loop {
            sleep(backoff(failures)).await;
            failures = failures.saturating_add(1);
            match listen(&self.options, &self.channel).await {
                Ok(connection) => return connection,
                Err(error) => tracing::debug!("still cut off from the broadcast: {error}"),
            }
        }
    }
}

/// Listens on a connection of its own.
async fn listen(options: &PgConnectOptions, channel: &str) -> Result<PgListener, sqlx::Error> {
    // `PgListener` takes a pool so that it can reconnect by itself. It does so silently, so this code reconnects
    // instead.
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
