//! Moves pages of the write-ahead log into the file on a connection of its own, so that no commit has to do it for all that
//! was deleted.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

/// The connection, opened when it is needed first.
pub(super) struct Checkpoint {
    options: SqliteConnectOptions,
    connection: Mutex<Option<SqliteConnection>>,
}

impl Checkpoint {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, connection: Mutex::default() }
    }

    /// Moves what can be moved without anybody waiting for it.
    pub(super) async fn run(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.connection.lock().await;
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        let passive = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)");
        passive.execute(connection).await.map(drop)
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // The writer closes last, and tidies up.
            let _ = connection.close().await;
        }
    }
}
