mod access;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/access_read.rs"]
mod access_read;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/access_write.rs"]
mod access_write;
mod append;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/apply_changes.rs"]
mod apply_changes;
mod backup;
mod changes;
mod checkpoint;
mod erase;
mod error;
mod feeds;
mod files;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/move_rows.rs"]
mod move_rows;
mod move_statements;
mod moving;
mod nicknames;
mod packed;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/pages.rs"]
mod pages;
#[cfg(test)]
mod plan;
mod read;
mod read_positions;
mod readers;
mod rooms;
mod schema;
mod search;
mod search_file;
mod search_pieces;
mod search_statements;
mod sessions;
mod skeletons;
mod statements;
mod transaction;
mod trial;
mod trim;
mod users;
mod wipe;
mod writer;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{fmt, fs};

use async_trait::async_trait;
use chat_core::{AuthorId, Epoch, Feed, Kind, NewMessage, Offset, RoomId, UserId};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _};
use tokio::sync::Mutex;

use self::checkpoint::Checkpoint;
use self::error::Place;
use self::files::Files;
use self::read::Connection;
use self::readers::Readers;
use self::search_file::IndexFile;
use self::statements::MAX_ROWS;
use self::wipe::Wipe;
use self::writer::Writer;
use crate::{
    Appended, Disk, MessageStore, Page, Reactions, SearchIndex, StoreError, Trim, Trimmed,
};

/// The number of pages, mostly of 4 KiB, that the write-ahead log may have before they are moved into the file. With
/// SQLite's default, a quarter of it, the pages of busy rooms are moved more often.
const WAL_PAGES: &str = "4000";

/// The write-ahead log grows while a reader uses an old state of the file. It is truncated to this many bytes when it
/// restarts: twice its size with [`WAL_PAGES`], so that this does not happen in normal work.
const WAL_BYTES: &str = "33554432";

/// A log, sessions, nicknames, rooms and read positions in one SQLite file, and the search index in another one beside it.
///
/// The file may be the `chat.db` of the [Socket.IO tutorial](https://socket.io/docs/v4/tutorial/step-7): its history
/// and offsets stay. Several processes of one machine may share it. While it is open, its write-ahead log and index
/// (`-wal`, `-shm`) are next to it; the three belong together. A file that this store creates is for its owner only
/// (mode 0600), an existing file keeps its mode, and the other two get the same mode. [`close`](MessageStore::close)
/// moves the whole write-ahead log into the file. The two other files may remain, empty, if several processes close
/// at the same moment.
///
/// - *Durable:* every commit is synced (`synchronous = FULL`), so that it survives a power cut as far as
///   the disk keeps what it confirmed.
/// - *Failed sync:* [`StoreError::Unavailable`], nothing visible. If the process then crashes before
///   another batch is committed, the next start may find the batch in the write-ahead log after all.
///   Appending it again with the same client offsets, or saving the sessions again, is safe.
/// - *Full disk:* [`StoreError::Full`], nothing stored. Works again once there is space.
/// - *Locked by another process:* waits for [`BUSY_TIMEOUT`](Self::BUSY_TIMEOUT), then
///   [`StoreError::Locked`], nothing stored.
/// - *Deleted messages:* their contents are overwritten in the file, and are gone from the write-ahead log a second later;
///   or when no process reads an old state of the file, and after a crash when the file is opened again.
/// - *[Trimmed](MessageStore::trim):* a file that this version creates gets smaller; an earlier one keeps its free pages
///   and uses them again.
/// - *The search index* is in a file with `-search` at the end of its name, made when it is used first. It can be deleted
///   while no process uses it: it is made again from the log.
/// - *Damaged:* once SQLite has found that, whatever it was doing, [`StoreError::Corrupt`] and nothing confirmed any more
///   until the file is opened again. Reads of what is whole go on.
/// - *One of the three files deleted, moved or replaced, or the first one emptied:* [`StoreError::Moved`], nothing
///   confirmed and nothing read, until the same file is back. At the moment when it happens, a batch may have been
///   stored in the file that is gone.
pub struct SqliteStore {
    place: Place,
    epoch: Epoch,
    has_plain_keys: bool,
    // SQLite has one writer at a time anyway. Connections that compete for its lock poll for it; queueing here is
    // cheaper. `None` when closed.
    writer: Arc<Mutex<Option<Writer>>>,
    readers: Readers,
    files: Files,
    wipe: Wipe,
    pace: trim::Pace,
    checkpoint: Checkpoint,
    index: IndexFile,
}

impl SqliteStore {
    /// How long a call waits for another process that holds the file's lock: 5 seconds.
    pub const BUSY_TIMEOUT: Duration = schema::BUSY_TIMEOUT;

    /// Opens the log in the file at `path`, and creates the file if it does not exist. Its folder has to exist.
    ///
    /// A file of the tutorial or of an earlier version is migrated, completely or not at all, even if this call is
    /// dropped.
    ///
    /// # Errors
    /// A file that is not a log of this program remains unchanged ([`StoreError::Corrupt`], [`StoreError::Newer`]).
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        // An absolute path has none of the special meanings that SQLite gives to some names ("", ":memory:",
        // "file:…"), and stays valid when the process changes its working directory.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let place = Place::new(&absolute);
        let options = SqliteConnectOptions::new()
            .filename(&absolute)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Self::BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .pragma("journal_size_limit", WAL_BYTES)
            .pragma("secure_delete", "ON")
            .disable_statement_logging();

        files::create(&absolute);
        let writing = options.clone().create_if_missing(true);
        let writing = match fs::metadata(&absolute) {
            Ok(file) if file.len() > 0 => writing,
            _ => writing.auto_vacuum(SqliteAutoVacuum::Incremental),
        };
        let mut writer = writing.connect().await.map_err(|error| place.error(error))?;
        schema::prepare(&mut writer, &place).await?;
        let epoch = schema::epoch(&mut writer, &place).await?;
        let has_plain_keys = schema::has_plain_keys(&mut writer, &place).await?;
        let rooms =
            rooms::Progress::begun(&mut writer).await.map_err(|error| place.error(error))?;
        let files = Files::opened(&absolute).map_err(|error| place.error(error.into()))?;
        let checkpoint = Checkpoint::new(options.clone());
        let readers = Readers::new(options, files.clone());
        let writer = Arc::new(Mutex::new(Some(Writer { connection: writer, rooms })));
        let (wipe, pace) = (Wipe::default(), trim::Pace::default());
        let index = IndexFile::of(&absolute);
        let store = Self {
            place,
            epoch,
            has_plain_keys,
            writer,
            readers,
            files,
            wipe,
            pace,
            checkpoint,
            index,
        };
        store.complete_rooms();
        // What was deleted before a crash.
        store.wipe.begin(&store.writer);
        Ok(store)
    }

    fn complete_rooms(&self) {
        let (writer, readers) = (Arc::downgrade(&self.writer), self.readers.clone());
        tokio::spawn(complete_rooms(writer, readers, self.place.clone()));
    }

    async fn reader(&self) -> Result<readers::Reader, StoreError> {
        self.readers.acquire().await.map_err(|error| self.place.error_in_use(error))
    }

    /// Runs a write, and confirms it only if it is in the file that the next start will find and can use.
    async fn in_place<T>(
        &self,
        write: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        if self.place.is_damaged() {
            return Err(self.place.damaged());
        }
        let written = async {
            self.files.check()?;
            let written = write.await?;
            self.files.check()?;
            Ok(written)
        };
        written.await.map_err(|error| self.place.error_in_use(error))
    }
}

/// Completes the table of rooms while others read and write, until it is nearly up to date.
async fn complete_rooms(writer: Weak<Mutex<Option<Writer>>>, readers: Readers, place: Place) {
    loop {
        rooms::pause().await;
        let Some(writer) = writer.upgrade() else { return };
        let added = add_to_rooms(&writer, &readers).await;
        // Whatever is missing when the store closes is added after it is opened again.
        let Some(Writer { rooms, .. }) = &mut *writer.lock().await else { return };
        match added {
            Ok(None) => {}
            // Much may have been written since that was looked up, and nothing else adds it.
            Ok(Some(complete_upto)) if !rooms.end(complete_upto) => return,
            Ok(Some(_)) => {}
            Err(error) => {
                tracing::warn!(store.place = %place, %error, "rooms are slower to read for now");
                return rooms.fail();
            }
        }
    }
}

/// Adds missing rows to the table of rooms. Returns how far it is complete once little is missing.
async fn add_to_rooms(
    writer: &Mutex<Option<Writer>>,
    readers: &Readers,
) -> Result<Option<i64>, sqlx::Error> {
    let mut seen = None;
    loop {
        let mut reader = readers.acquire().await?;
        let missing = rooms::Missing::find(&mut reader).await?;
        if !missing.is_much() {
            return Ok(Some(missing.after));
        }
        let rows = missing.rows(&mut reader).await?;
        drop(reader);
        let mut parts = rows.chunks(MAX_ROWS);
        while parts.len() > 0 {
            // Released each time, so that messages are written in between.
            let mut writer = writer.lock().await;
            let Writer { connection, rooms } = writer.as_mut().ok_or(sqlx::Error::PoolClosed)?;
            for part in parts.by_ref().take(rooms.due(&mut seen)) {
                rooms::add(part, connection).await?;
            }
        }
        if !missing.is_more() {
            return Ok(None);
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("place", &self.place)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for SqliteStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, rooms } = writer.as_mut().ok_or(StoreError::Closed)?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let append = append::append(batch, self.has_plain_keys, connection);
        let appended = self.in_place(append).await?;
        let last = appended.iter().filter_map(|one| one.offset()).max().unwrap_or_default();
        if batch.iter().any(|new| matches!(new.kind, Kind::Edit(_) | Kind::Deletion(_))) {
            self.wipe.begin(&self.writer);
        }
        if rooms.begin(last.as_u64().cast_signed()) {
            self.complete_rooms();
        }
        Ok(appended)
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut reader = self.reader().await?;
        let read = pages::read_above_horizon(&mut reader, feeds, after, limit).await;
        read.map_err(|error| self.place.error_in_use(error))
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut reader = self.reader().await?;
        pages::read_down_to_horizon(&mut reader, feed, before, limit)
            .await
            .map_err(|error| self.place.error_in_use(error))
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        let mut reader = self.reader().await?;
        read::horizon(&mut reader).await.map_err(|error| self.place.error_in_use(error))
    }

    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        let trimmed = {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            self.in_place(trim::step(trim, &self.pace, connection)).await?
        };
        if self.pace.is_to_wipe(trimmed) {
            self.wipe.begin(&self.writer);
        } else if trimmed == Trimmed::More {
            self.checkpoint.run().await.map_err(|error| self.place.error_in_use(error))?;
        }
        Ok(trimmed)
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            self.in_place(erase::forget_user(user, in_messages, connection)).await?;
        }
        self.wipe.begin(&self.writer);
        Ok(())
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        let mut reader = self.reader().await?;
        read::tail(&mut reader).await.map_err(|error| self.place.error_in_use(error))
    }

    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        let mut reader = self.reader().await?;
        rooms::names(&mut reader, after, limit)
            .await
            .map_err(|error| self.place.error_in_use(error))
    }

    async fn count_after(&self, feed: &Feed, after: Offset, max: u64) -> Result<u64, StoreError> {
        let mut reader = self.reader().await?;
        read::count_after(&mut reader, feed, after, max)
            .await
            .map_err(|error| self.place.error_in_use(error))
    }

    async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        let mut reader = self.reader().await?;
        apply_changes::reactions(&mut reader, of, author)
            .await
            .map_err(|error| self.place.error_in_use(error))
    }

    async fn try_commit(&self) -> Result<bool, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        self.in_place(trial::commit(connection)).await?;
        Ok(true)
    }

    fn disk(&self) -> Option<Disk> {
        Some(self.files.disk()?.with_search(self.index.bytes()))
    }

    fn search_index(self: Arc<Self>) -> Option<Arc<dyn SearchIndex>> {
        Some(self)
    }

    async fn close(&self) {
        self.index.close().await;
        // Kept until the end, so that a second call also returns only after the file is closed.
        let mut writer = self.writer.lock().await;
        let Some(Writer { connection: mut writer, .. }) = writer.take() else { return };
        self.readers.close().await;
        self.checkpoint.close().await;
        // What cannot be moved into the file stays in the write-ahead log for the next start.
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut writer).await;
        if let Err(error) = checkpoint.and(writer.close().await) {
            tracing::warn!(store.place = %self.place, %error, "the chat's file was not tidied up");
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::RoomId;

    use super::*;

    fn message(content: &str) -> NewMessage {
        NewMessage::new(RoomId::general(), content.parse().unwrap())
    }

    #[tokio::test]
    async fn a_batch_for_which_there_is_no_space_stores_nothing_and_can_be_retried() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
        store.limit_pages(20).await;
        let small = message("small");
        let batch = [small.clone(), message(&"x".repeat(60_000)), message(&"x".repeat(60_000))];
        for _ in 0..3 {
            let error = store.append(&batch).await.unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
            assert!(error.is_retryable());
        }
        assert_eq!(store.tail().await.unwrap(), Offset::ZERO);
        assert_eq!(store.append(&[small]).await.unwrap(), [Appended::New(Offset::FIRST)]);

        store.limit_pages(2000).await;
        let appended = store.append(&batch).await.unwrap();
        let numbers: Vec<_> = appended.iter().map(|one| one.offset().unwrap().as_u64()).collect();
        assert_eq!(numbers, [2, 3, 4]);
        assert_eq!(store.read_after(None, Offset::ZERO, 9).await.unwrap().messages.len(), 4);
    }

    impl SqliteStore {
        async fn limit_pages(&self, count: u32) {
            let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {count}"));
            sqlx::raw_sql(sql)
                .execute(&mut self.writer.lock().await.as_mut().unwrap().connection)
                .await
                .unwrap();
        }
    }
}
