//! The one connection that hears the other nodes, for all subscribers.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

use super::publisher::{ANSWER, GAP};
use crate::backoff::Backoff;
use crate::fanout::Fanout;
use crate::link::Link;
use crate::wire::Decoder;
use crate::{BroadcastError, Incoming};

/// After how long a silence the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(3);

/// What listens, and where it listens again when it is cut off.
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

    /// Hands on what arrives, over one connection after the other.
    pub(super) async fn run(mut self, fanout: Arc<Fanout>, link: Arc<Link>) {
        while let Ok(reason) = self.hear(&fanout).await {
            link.lost(reason);
            self.connection = self.connect_again().await;
            // Whoever looks into the store after this misses nothing: it is listened again.
            if fanout.send(Incoming::Gap).is_err() {
                return;
            }
            link.found();
        }
    }

    /// Hands on what arrives until the connection is lost, and says why that is.
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
        let mut backoff = Backoff::default();
        loop {
            sleep(backoff.after_failure()).await;
            match listen(&self.options, &self.channel).await {
                Ok(connection) => return connection,
                Err(error) => tracing::debug!("still cut off from the broadcast: {error}"),
            }
        }
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
