//! Removes pieces of deleted texts from the index. SQLite overwrites what it deletes, but rows move between pages when others
//! come, grow and go, and leave a copy in the unused part of a page. Writing the file anew leaves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::search_statements::{MARK_PIECES, NO_PIECES, PIECES, REWRITE};
use super::wipe::Wipe;

/// The delay after a deletion: the more are made meanwhile, the less is done for each.
const PAUSE: Duration = Duration::from_secs(5);

/// Between one time and the next there are so many times as long as it took: a large index is written anew rarely.
const REST: u32 = 200;

/// The delay after a failure.
const AGAIN: Duration = Duration::from_secs(600);

/// After how many steps of SQLite's it looks whether the index is being closed.
const STEPS: i32 = 10_000;

/// Writes an index anew some time after deletions.
pub(super) struct Pieces {
    is_due: Arc<AtomicBool>,
    /// When it may be done again.
    rest: Arc<Mutex<Option<Instant>>>,
    is_closed: Arc<AtomicBool>,
}

/// Notes that something is deleted, in the transaction that deletes it: it counts after a crash, too.
pub(super) async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(MARK_PIECES).execute(connection).await.map(drop)
}

/// Returns whether something was deleted since the file was written anew.
pub(super) async fn are_there(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    Ok(marked(connection).await?.is_some())
}

impl Pieces {
    pub(super) fn new(is_closed: Arc<AtomicBool>) -> Self {
        Self { is_due: Arc::default(), rest: Arc::default(), is_closed }
    }

    /// Writes the file anew when it is time.
    pub(super) fn remove<W>(&self, writer: &Arc<Mutex<Option<W>>>, wipe: &Wipe)
    where
        W: AsMut<SqliteConnection> + Send + 'static,
    {
        if self.is_due.swap(true, Ordering::AcqRel) {
            return;
        }
        let (is_due, rest) = (Arc::clone(&self.is_due), Arc::clone(&self.rest));
        let is_closed = Arc::clone(&self.is_closed);
        let (writer, wipe) = (Arc::downgrade(writer), wipe.clone());
        tokio::spawn(async move {
            // One at a time.
            let mut rest = rest.lock().await;
            sleep(PAUSE).await;
            if let Some(rested) = *rest {
                sleep_until(rested).await;
            }
            loop {
                let Some(writer) = writer.upgrade() else { return };
                let mut locked = writer.lock().await;
                let Some(connection) = locked.as_mut().map(AsMut::as_mut) else { return };
                // Whatever is deleted from here on waits for the lock, and begins again.
                is_due.store(false, Ordering::Release);
                let began = Instant::now();
                let rewritten = rewrite(connection, &is_closed).await;
                drop(locked);
                match rewritten {
                    Ok(()) => {
                        wipe.begin(&writer);
                        *rest = Some(Instant::now() + began.elapsed() * REST);
                        return;
                    }
                    Err(_) if is_closed.load(Ordering::Acquire) => return,
                    Err(error) => {
                        tracing::warn!("pieces of deleted texts stay in the search index: {error}");
                        is_due.store(true, Ordering::Release);
                        drop(writer);
                        sleep(AGAIN).await;
                    }
                }
            }
        });
    }
}

async fn rewrite(
    connection: &mut SqliteConnection,
    is_closed: &Arc<AtomicBool>,
) -> Result<(), sqlx::Error> {
    let Some(marked) = marked(connection).await? else { return Ok(()) };
    let closed = Arc::clone(is_closed);
    let goes_on = move || !closed.load(Ordering::Acquire);
    connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
    let rewritten = sqlx::query(REWRITE).execute(&mut *connection).await;
    connection.lock_handle().await?.remove_progress_handler();
    rewritten?;
    // Unless another process has deleted something meanwhile.
    sqlx::query(NO_PIECES).bind(marked).execute(connection).await.map(drop)
}

/// Returns a number that is greater after each deletion.
async fn marked(connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(PIECES).fetch_optional(connection).await
}
