use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Sqlite, SqlitePool};

use super::files::Files;

/// The number of concurrent readers. A page takes well under a millisecond.
const READERS: u32 = 4;

/// A connection for reading.
pub(super) type Reader = PoolConnection<Sqlite>;

/// Connections to the file for reading, opened when needed. Cheap to clone.
#[derive(Clone)]
pub(super) struct Readers {
    pool: SqlitePool,
    files: Files,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions, files: Files) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.read_only(true));
        Self { pool, files }
    }

    /// Returns a connection to the writer's files, never to another file that has replaced them.
    pub(super) async fn acquire(&self) -> Result<Reader, sqlx::Error> {
        if self.pool.is_closed() {
            // The files next to the log are removed when it is closed.
            return Err(sqlx::Error::PoolClosed);
        }
        self.files.check()?;
        let reader = self.pool.acquire().await?;
        if let Err(moved) = self.files.check() {
            // It may have been opened just now, and must not be used when the files are back.
            reader.close().await?;
            return Err(moved);
        }
        Ok(reader)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
