//! The one connection that tells the other nodes: what has queued meanwhile goes in one statement.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::link::Link;

/// How long the server has for an answer, and a publisher to be told that there is none.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// How many frames may wait to be sent.
pub(super) const QUEUE: usize = 1024;

/// How many go in one statement.
const BATCH: usize = 128;

/// The payload that says: frames of this node were lost.
pub(super) const GAP: &str = "gap";

/// The statement's rows are notified in their order.
const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM unnest($2) AS payload";

pub(super) struct Publisher {
    pub(super) options: PgConnectOptions,
    pub(super) channel: String,
    pub(super) link: Arc<Link>,
    /// Whether frames were lost of which the other nodes do not know.
    pub(super) lost: Arc<AtomicBool>,
}

impl Publisher {
    /// Sends what comes, until it is closed and nothing waits any more.
    pub(super) async fn run(
        self,
        connection: PgConnection,
        mut frames: Receiver<String>,
        closed: CancellationToken,
    ) {
        // Made again after each failure, also of the listener: see `Link::losses`.
        let mut connected = Some((self.link.losses(), connection));
        let mut payloads = Vec::new();
        loop {
            tokio::select! {
                count = frames.recv_many(&mut payloads, BATCH) => if count == 0 { return },
                () = closed.cancelled(), if !frames.is_closed() => {
                    frames.close();
                    continue;
                }
            }
            if self.lost.swap(false, Ordering::Relaxed) {
                payloads.insert(0, GAP.into());
            }
            let losses = self.link.losses();
            let usable = connected.take().filter(|(when, _)| *when == losses);
            match timeout(ANSWER, self.notify(usable.map(|(_, usable)| usable), &payloads)).await {
                Ok(Ok(connection)) => connected = Some((losses, connection)),
                Ok(Err(error)) => self.lose(&error.to_string()),
                Err(_) => self.lose("nothing comes back"),
            }
            payloads.clear();
        }
    }

    async fn notify(
        &self,
        usable: Option<PgConnection>,
        payloads: &[String],
    ) -> Result<PgConnection, sqlx::Error> {
        let mut connection = match usable {
            Some(connection) => connection,
            None => connect(&self.options).await?,
        };
        let notify = sqlx::query(NOTIFY).bind(&self.channel).bind(payloads);
        notify.execute(&mut connection).await?;
        Ok(connection)
    }

    fn lose(&self, reason: &str) {
        self.lost.store(true, Ordering::Relaxed);
        tracing::debug!("other nodes were not told of new messages: {reason}");
    }
}

/// A connection to publish on.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        let mut connection = options.connect().await?;
        // A notification is not kept: there is nothing to wait for.
        sqlx::raw_sql("SET synchronous_commit = off").execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(ANSWER, connect)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
