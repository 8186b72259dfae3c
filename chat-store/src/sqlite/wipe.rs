//! Removes from the write-ahead log what was deleted: its pages are moved into the file, which overwrites them there, and
//! it is truncated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::schema::BUSY_TIMEOUT;

/// The delay after a deletion: the more are made meanwhile, the less is done for each.
const PAUSE: Duration = Duration::from_millis(500);

/// Whether it is going to be done.
#[derive(Clone, Default)]
pub(super) struct Wipe(Arc<AtomicBool>);

impl Wipe {
    /// Wipes soon, and again as long as somebody reads an old state of the file.
    pub(super) fn begin<W>(&self, writer: &Arc<Mutex<Option<W>>>)
    where
        W: AsMut<SqliteConnection> + Send + 'static,
    {
        if self.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let (is_due, writer) = (Arc::clone(&self.0), Arc::downgrade(writer));
        tokio::spawn(async move {
            loop {
                sleep(PAUSE).await;
                let Some(writer) = writer.upgrade() else { return };
                let mut writer = writer.lock().await;
                // Closing does the same.
                let Some(connection) = writer.as_mut().map(AsMut::as_mut) else { return };
                // Whatever is deleted from here on waits for the lock, and begins again.
                is_due.store(false, Ordering::Release);
                match truncate(connection).await {
                    Ok(true) => return,
                    // A reader, or a disk that fails: the next try is soon enough.
                    Ok(false) | Err(_) => is_due.store(true, Ordering::Release),
                }
            }
        });
    }
}

/// Returns whether the write-ahead log is empty now. Waits for nobody: messages wait for this.
async fn truncate(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 0").execute(&mut *connection).await?;
    let done = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    let wait = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
    sqlx::query(AssertSqlSafe(wait)).execute(&mut *connection).await?;
    Ok(done?.try_get::<i64, _>(0)? == 0)
}
