//! The connection that publishes to the other nodes. Frames that have queued meanwhile go into one statement.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::broker::Link;

/// How long the server may take to answer before a publisher gets an error.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// Maximum number of frames that may wait to be sent.
pub(super) const QUEUE: usize = 1024;

/// Maximum number of frames in one statement.
const BATCH: usize = 128;

/// The payload that announces that frames of this node were lost.
pub(super) const GAP: &str = "gap";

/// The notifications are sent in the order of the statement's rows.
const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM unnest($2) AS payload";

pub(super) struct Publisher {
    pub(super) options: PgConnectOptions,
    pub(super) channel: String,
    pub(super) link: Arc<Link>,
    /// Whether frames were lost without the other nodes knowing yet.
    pub(super) lost: Arc<AtomicBool>,
}

impl Publisher {
    /// Sends frames until the queue is closed and empty.
    pub(super) async fn run(
        self,
        connection: PgConnection,
        mut frames: Receiver<String>,
        closed: CancellationToken,
    ) {
        // Replaced after each failure, also one of the listener: see `Link::losses`.
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

/// Opens a connection for publishing.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        let mut connection = options.connect().await?;
        // A notification is not stored, so there is no commit to wait for.
        sqlx::raw_sql("SET synchronous_commit = off").execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(ANSWER, connect)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
