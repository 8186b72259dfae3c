//! Copies of the file: made while servers use it, and put in its place while none does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_core::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::SqliteStore;
use super::error::Place;
use super::files::create_new;
use super::schema;
use crate::{SchemaVersion, StoreError};

/// How often progress is told.
const STEP: Duration = Duration::from_millis(250);

/// The files of a log beside its own, and those of its search index.
const BESIDE: [&str; 5] = ["-wal", "-shm", "-search", "-search-wal", "-search-shm"];

impl SqliteStore {
    /// Copies the log in the file at `path` to a new file at `to`, which is for its owner only. Servers may use the log
    /// meanwhile: the copy has its state at the beginning. It has no free space and nothing that was deleted. Calls
    /// `progress` with the bytes that are copied, and about how many there are.
    ///
    /// `to` appears when it is complete and synced. Until then it has `.partial` at the end of its name. The write-ahead log
    /// grows meanwhile by what is written.
    ///
    /// # Errors
    /// When there is a file at `to` already, or no log at `path`: nothing is changed.
    pub async fn back_up(
        path: &Path,
        to: &Path,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<(), StoreError> {
        let (place, target) = (Place::new(path), Place::new(to));
        if to.symlink_metadata().is_ok() {
            return Err(target.taken("choose another name"));
        }
        let partial = beside(to, ".partial");
        let mut log = open(path, &place, |options| options).await?;
        schema::check(&mut log, &place).await?;
        copy(&mut log, &place, &partial, &mut progress).await?;
        let linked = fs::hard_link(&partial, to);
        // Also where the link could not be made.
        let removed = fs::remove_file(&partial);
        let done = linked.and(removed).and_then(|()| sync_folder(to));
        done.map_err(|error| target.error(error.into()))?;
        // The copy is there, whatever becomes of the connection.
        let _ = log.close().await;
        Ok(())
    }

    /// Puts a copy of the backup into the place of the log at `path`, which no server may use, and returns where the file
    /// that was there is kept; none if there was none. The backup stays as it is. Calls `progress` as
    /// [`back_up`](Self::back_up) does.
    ///
    /// The log gets a new epoch: clients that are ahead of the backup are told, and consumers go on where the backup has
    /// them. The search index is made again when a server starts.
    ///
    /// # Errors
    /// When the backup is damaged or no log, or a server uses the log ([`StoreError::Locked`]): nothing is changed.
    pub async fn restore(
        path: &Path,
        backup: &Path,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Option<PathBuf>, StoreError> {
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (place, source) = (Place::new(path), Place::new(backup));
        // Before anything takes long. Nobody can open the log until its file is replaced.
        let before = if path.exists() { held_alone(path, &place).await? } else { None };
        let has_more = beside(backup, "-wal").exists();
        // A copy of the file alone is complete, and its folder may not be writable.
        let read_only =
            |options: SqliteConnectOptions| options.read_only(true).immutable(!has_more);
        let mut from = open(backup, &source, read_only).await?;
        schema::check(&mut from, &source).await?;
        check(&mut from, &source).await?;
        let partial = beside(path, ".partial");
        copy(&mut from, &source, &partial, &mut progress).await?;
        let replaced = async {
            let mut restored = open(&partial, &place, |options| options).await?;
            schema::renew_epoch(&mut restored, &place).await?;
            restored.close().await.map_err(|error| place.error(error))?;
            replace(path, &partial).map_err(|error| place.error(error.into()))
        };
        let replaced = replaced.await;
        if replaced.is_err() {
            let _ = fs::remove_file(&partial);
        }
        drop(before);
        replaced
    }

    /// Gives the log in the file at `path` a new epoch, as after [`restore`](Self::restore). No server may use it.
    ///
    /// # Errors
    /// When a server uses the log ([`StoreError::Locked`]), or there is none: nothing is changed.
    pub async fn renew_epoch(path: &Path) -> Result<(), StoreError> {
        let place = Place::new(path);
        let mut log = open(path, &place, |options| options).await?;
        schema::check(&mut log, &place).await?;
        become_alone(&mut log, &place).await?;
        schema::renew_epoch(&mut log, &place).await?;
        log.close().await.map_err(|error| place.error(error))
    }

    /// Returns the version of the file at `path`, and changes nothing.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read.
    pub async fn schema_version(path: &Path) -> Result<SchemaVersion, StoreError> {
        let place = Place::new(path);
        let mut log = open(path, &place, |options| options.read_only(true)).await?;
        schema::check(&mut log, &place).await?;
        let stored = schema::version(&mut log, &place).await?;
        log.close().await.map_err(|error| place.error(error))?;
        Ok(SchemaVersion { stored, known: schema::MIGRATIONS.len() })
    }
}

pub(super) async fn open(
    path: &Path,
    place: &Place,
    with: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<SqliteConnection, StoreError> {
    // No special meaning of a name, as in `SqliteStore::open`.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(schema::BUSY_TIMEOUT)
        .disable_statement_logging();
    with(options).connect().await.map_err(|error| place.error(error))
}

/// Copies a log to a new file at `to`, and syncs it.
async fn copy(
    log: &mut SqliteConnection,
    place: &Place,
    to: &Path,
    progress: &mut (impl FnMut(u64, u64) + Send),
) -> Result<(), StoreError> {
    const SIZE: &str = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let target = Place::new(to);
    let size = sqlx::query_scalar(SIZE).fetch_one(&mut *log).await;
    let size: i64 = size.map_err(|error| place.error(error))?;
    let (size, bytes) = (size.cast_unsigned(), || fs::metadata(to).map_or(0, |it| it.len()));
    create_new(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => target.taken("delete it, unless a copy is being made"),
        _ => target.error(error.into()),
    })?;
    let name = to.to_string_lossy().into_owned();
    let copied = async {
        let copying = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut *log);
        tokio::pin!(copying);
        loop {
            tokio::select! {
                copied = &mut copying => break copied.map(drop),
                () = sleep(STEP) => progress(bytes().min(size), size),
            }
        }
    };
    let path = to.to_owned();
    let synced = match copied.await {
        Ok(()) => spawn_blocking(move || File::open(path)?.sync_all())
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(sqlx::Error::from),
        Err(error) => Err(error),
    };
    if synced.is_err() {
        let _ = fs::remove_file(to);
    }
    synced.map_err(|error| target.error(error))?;
    progress(size, size);
    Ok(())
}

/// Checks that a backup is not damaged.
async fn check(backup: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_all(backup)
        .await
        .map_err(|error| place.error(error))?;
    match found.first().map(String::as_str) {
        Some("ok") => Ok(()),
        other => Err(place.corrupt(format!("is damaged ({})", other.unwrap_or("no check")))),
    }
}

/// Moves everything into the file of a log, and keeps others from opening it as long as the connection lives. None if the
/// file is damaged, so that nobody can tell whether it is used; no server uses such a file for long.
pub(super) async fn held_alone(
    path: &Path,
    place: &Place,
) -> Result<Option<SqliteConnection>, StoreError> {
    let held = async {
        let mut log = open(path, place, |options| options).await?;
        schema::check(&mut log, place).await?;
        become_alone(&mut log, place).await.map(|()| log)
    };
    match held.await {
        Ok(log) => Ok(Some(log)),
        Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends the write-ahead log, which works only while no other connection has the file open, and locks the file.
async fn become_alone(log: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    // The lock is taken by the transaction, and kept after it.
    const LOCK: &str = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
    let sql = |error| place.error(error);
    let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = DELETE");
    if mode.fetch_one(&mut *log).await.map_err(sql)? != "delete" {
        return Err(place.locked("it is open"));
    }
    sqlx::raw_sql(LOCK).execute(log).await.map(drop).map_err(sql)
}

/// Puts the file at `new` into the place of the one at `path`, and returns where that is kept.
fn replace(path: &Path, new: &Path) -> io::Result<Option<PathBuf>> {
    let kept = beside(path, &format!(".before-{}", Timestamp::now().as_millis()));
    let was_there = path.exists();
    if was_there {
        // At no time is there no file: a server that starts would make an empty one.
        fs::hard_link(path, &kept)?;
        fs::set_permissions(new, fs::metadata(path)?.permissions())?;
        File::open(new)?.sync_all()?;
    }
    for suffix in BESIDE {
        let file = beside(path, suffix);
        let removed = match suffix {
            // They belong to the file that was there. A whole one has none.
            "-wal" | "-shm" => fs::rename(&file, beside(&kept, suffix)),
            _ => fs::remove_file(&file),
        };
        removed.or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
    }
    fs::rename(new, path)?;
    sync_folder(path)?;
    Ok(was_there.then_some(kept))
}

/// Makes the names in the folder of a file survive a power cut.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = std::path::absolute(file)?.parent().map(Path::to_owned).unwrap_or_default();
    File::open(folder)?.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
