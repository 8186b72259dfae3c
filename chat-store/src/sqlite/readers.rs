use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Sqlite, SqlitePool};

use super::files::Files;

/// Readers that work at the same time. A page takes well under a millisecond.
const READERS: u32 = 4;

/// A connection that reads.
pub(super) type Reader = PoolConnection<Sqlite>;

/// Connections to the file that read, made when they are needed. Cheap to clone.
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

    /// A connection to the files that the writer has: none to another file that has taken their place.
    pub(super) async fn acquire(&self) -> Result<Reader, sqlx::Error> {
        if self.pool.is_closed() {
            // The files beside the log go when it is closed.
            return Err(sqlx::Error::PoolClosed);
        }
        self.files.check()?;
        let reader = self.pool.acquire().await?;
        if let Err(moved) = self.files.check() {
            // It may have been opened just now, and is not to be used when the files are back.
            reader.close().await?;
            return Err(moved);
        }
        Ok(reader)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
