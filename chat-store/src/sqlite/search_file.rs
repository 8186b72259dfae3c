use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::error::Place;
use super::files::{self, Files};
use super::readers::{Reader, Readers};
use super::schema::{BUSY_TIMEOUT, use_write_ahead_log};
use super::search_pieces::{self, Pieces};
use super::search_statements::{DROP, PIECES_SCHEMA, SCHEMA};
use super::transaction::begin;
use super::wipe::Wipe;
use crate::StoreError;

/// Marks the file (`PRAGMA application_id`): "find" in ASCII.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"find");

/// The version of the tables. Those of another version are made anew: the log has everything.
const VERSION: i32 = 1;

/// The file of an index, opened when it is needed first.
pub(super) struct IndexFile {
    log: PathBuf,
    opened: Arc<OnceCell<Opened>>,
    is_closed: Arc<AtomicBool>,
}

/// An index that is open.
pub(super) struct Opened {
    place: Place,
    writer: Arc<Mutex<Option<IndexWriter>>>,
    readers: Readers,
    wipe: Wipe,
    pieces: Pieces,
}

/// The connection that writes.
pub(super) struct IndexWriter(SqliteConnection);

impl AsMut<SqliteConnection> for IndexWriter {
    fn as_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl IndexFile {
    /// The index of the log in this file, which is open.
    pub(super) fn of(log: &Path) -> Self {
        // Processes that know the log by other names share the index.
        let log = fs::canonicalize(log).unwrap_or_else(|_| log.to_owned());
        Self { log, opened: Arc::default(), is_closed: Arc::default() }
    }

    pub(super) async fn opened(&self) -> Result<&Opened, StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let (opened, is_closed) = (Arc::clone(&self.opened), Arc::clone(&self.is_closed));
        let log = self.log.clone();
        // Goes on when this call is dropped, so that `close` can wait for it: a file that is just being made would be
        // left with a journal.
        let opening = tokio::spawn(async move {
            let open = async || match is_closed.load(Ordering::Acquire) {
                true => Err(StoreError::Closed),
                false => Opened::open(&log, Arc::clone(&is_closed)).await,
            };
            opened.get_or_try_init(open).await.map(drop)
        });
        // It is only aborted with the runtime.
        opening.await.unwrap_or(Err(StoreError::Closed))?;
        self.opened.get().ok_or(StoreError::Closed)
    }

    /// Returns what its files take, as far as they are there.
    pub(super) fn bytes(&self) -> u64 {
        let files = ["-search", "-search-wal"].map(|suffix| beside(&self.log, suffix));
        files.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
    }

    pub(super) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        // Waits for one that is being opened.
        let opened = self.opened.get_or_try_init(async || Err(StoreError::Closed)).await;
        if let Ok(opened) = opened {
            opened.close().await;
        }
    }
}

impl Opened {
    async fn open(log: &Path, is_closed: Arc<AtomicBool>) -> Result<Self, StoreError> {
        let path = beside(log, "-search");
        let place = Place::new(&path);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            // A power cut may take back batches, with the position after them.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        if !path.exists() {
            files::create(&path);
            // Whoever may use the log may use its index.
            if let Ok(metadata) = fs::metadata(log) {
                let _ = fs::set_permissions(&path, metadata.permissions());
            }
        }
        let connecting = options.clone().create_if_missing(true).connect().await;
        let mut writer = connecting.map_err(|error| place.error(error))?;
        prepare(&mut writer, &place).await?;
        let has_pieces = search_pieces::are_there(&mut writer).await;
        let has_pieces = has_pieces.map_err(|error| place.error(error))?;
        let files = Files::opened(&path).map_err(|error| place.error(error.into()))?;
        let readers = Readers::new(options, files);
        let writer = Arc::new(Mutex::new(Some(IndexWriter(writer))));
        let (wipe, pieces) = (Wipe::default(), Pieces::new(is_closed));
        let opened = Self { place, writer, readers, wipe, pieces };
        // What was removed before a crash.
        opened.wipe.begin(&opened.writer);
        if has_pieces {
            opened.pieces.remove(&opened.writer, &opened.wipe);
        }
        Ok(opened)
    }

    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        self.readers.acquire().await.map_err(|error| self.error(error))
    }

    /// Returns the writer when it is free; none if it is closed.
    pub(super) async fn writer(&self) -> MutexGuard<'_, Option<IndexWriter>> {
        self.writer.lock().await
    }

    /// Removes from the files what was removed from the index.
    pub(super) fn wipe(&self) {
        self.wipe.begin(&self.writer);
        self.pieces.remove(&self.writer, &self.wipe);
    }

    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        self.place.error_in_use(error)
    }

    async fn close(&self) {
        let mut writer = self.writer.lock().await;
        let Some(IndexWriter(mut writer)) = writer.take() else { return };
        self.readers.close().await;
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut writer).await;
        if let Err(error) = checkpoint.and(writer.close().await) {
            tracing::warn!(store.place = %self.place, %error, "the search index was not tidied up");
        }
    }
}

fn beside(log: &Path, suffix: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the tables unless they are there. A file of something else is left as it is.
async fn prepare(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    const LOOK: &str = "SELECT application_id, user_version,
            EXISTS (SELECT 1 FROM sqlite_schema)
        FROM pragma_application_id, pragma_user_version";
    let sql = |error| place.error(error);
    let look: (i32, i32, bool) =
        sqlx::query_as(LOOK).fetch_one(&mut *connection).await.map_err(sql)?;
    match look {
        (APPLICATION_ID, ..) | (0, 0, false) => {}
        _ => return Err(place.corrupt("belongs to another program")),
    }
    use_write_ahead_log(connection, place).await?;
    let mut transaction = begin(connection).await.map_err(sql)?;
    // Another process may have done it meanwhile.
    let (application_id, version, _): (i32, i32, bool) =
        sqlx::query_as(LOOK).fetch_one(&mut *transaction).await.map_err(sql)?;
    if (application_id, version) != (APPLICATION_ID, VERSION) {
        let marks = format!(
            "{DROP}; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    }
    sqlx::query(PIECES_SCHEMA).execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn an_index_that_is_being_opened_is_closed_whole() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let index = IndexFile::of(&folder.path().join(format!("{round}.db")));
            let mut opening = Box::pin(index.opened());
            assert!((&mut opening).now_or_never().is_none());
            if round % 2 > 0 {
                // So that it has begun.
                tokio::task::yield_now().await;
            }
            drop(opening);
            index.close().await;
            assert!(matches!(index.opened().await, Err(StoreError::Closed)));
            let left = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
            let left: Vec<_> =
                left.filter(|name| !name.to_string_lossy().ends_with("-search")).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}
