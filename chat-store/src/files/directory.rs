mod disk;
mod kept;
mod of_messages;
mod paths;
mod removal;
#[cfg(test)]
mod tests;
mod usage;
mod writer;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{FileId, Offset, RecoveryOffset, Timestamp, UserId};
use tokio::task::spawn_blocking;

use self::disk::{
    create_file, create_synced, ids_in, make_directory, names_in, read_if_there, sync_directory,
    write_synced,
};
use self::kept::kept_in;
use self::of_messages::Entry;
use self::paths::{Paths, position_of};
use self::removal::{forget_if_gone, remove, sweep};
use self::usage::{of_user, totals};
use self::writer::DirectoryWriter;
use super::{
    FileError, FileRecord, FileState, FileStore, FileTotals, FileWriter, KeptFile, UserFiles,
};

/// Keeps files in a directory. The first file creates it, with access for its owner only. Nodes on several machines
/// share it over a network file system with locks, such as NFSv4.
///
/// ```text
///   DIR/secret                     signs links
///   DIR/loose/ID/…                 files without a message
///   DIR/kept/AB/ID/…               files of messages, by the first digits of their ids
///        …/record.json             name, size, owner, for whom
///        …/part                    the bytes that have arrived, or
///        …/data and …/hash         all of them, and their SHA-256
///        …/message                 the position of the message, with its tag
///   DIR/messages/A/B/OFFSET-ID-BYTES   which files a message has, by its offset
///   DIR/days/DAY/USER/ID-BYTES     what counts for a day
///   DIR/trash/ID/…                 what is being removed
/// ```
///
/// Moving a file's directory is what keeps or removes the file, at once; everything before that is synced.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    paths: Paths,
}

impl DirectoryStore {
    /// Creates a store in a directory that need not exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { paths: Paths::new(directory.into()) }
    }

    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Paths) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let paths = self.paths.clone();
        let call = spawn_blocking(move || call(&paths)).await;
        call.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }
}

#[async_trait]
impl FileStore for DirectoryStore {
    async fn secret(&self) -> Result<[u8; 32], FileError> {
        self.run(secret).await
    }

    async fn create(&self, file: &FileRecord) -> Result<(), FileError> {
        let file = file.clone();
        self.run(move |paths| create(paths, &file)).await
    }

    async fn find(&self, id: FileId) -> Result<Option<KeptFile>, FileError> {
        self.run(move |paths| Ok(locate(paths, id)?.map(|(_, file)| file))).await
    }

    async fn append(&self, id: FileId, from: u64) -> Result<Box<dyn FileWriter>, FileError> {
        let open = move |paths: &Paths| DirectoryWriter::open(paths.loose(id), from);
        Ok(Box::new(self.run(open).await?))
    }

    async fn read(&self, id: FileId, from: u64, most: usize) -> Result<Bytes, FileError> {
        self.run(move |paths| read(paths, id, from, most)).await
    }

    async fn attach(&self, id: FileId, to: &RecoveryOffset) -> Result<(), FileError> {
        let to = to.clone();
        self.run(move |paths| attach(paths, id, &to)).await
    }

    async fn attached_to(&self, offset: Offset) -> Result<Vec<FileId>, FileError> {
        self.run(move |paths| attached_to(paths, offset)).await
    }

    async fn offsets(&self, after: Offset, limit: usize) -> Result<Vec<Offset>, FileError> {
        self.run(move |paths| of_messages::offsets(paths, after, limit)).await
    }

    async fn unattached(&self) -> Result<Vec<KeptFile>, FileError> {
        self.run(|paths| {
            let ids = ids_in(&paths.all_loose())?;
            let found = ids.into_iter().map(|id| kept_in(&paths.loose(id)));
            Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
        .await
    }

    async fn remove(&self, id: FileId) -> Result<(), FileError> {
        self.run(move |paths| remove(paths, id)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), FileError> {
        self.run(move |paths| sweep(paths, before)).await
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<UserFiles, FileError> {
        self.run(move |paths| of_user(paths, user, now)).await
    }

    async fn count_unattached(&self) -> Result<u64, FileError> {
        self.run(|paths| Ok(names_in(&paths.all_loose())?.len() as u64)).await
    }

    async fn totals(&self) -> Result<FileTotals, FileError> {
        self.run(totals).await
    }

    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        // It is made with the first file.
        let found =
            self.paths.root().ancestors().find_map(|path| rustix::fs::statvfs(path).ok())?;
        Some(found.f_bavail * found.f_frsize)
    }
}

fn secret(paths: &Paths) -> Result<[u8; 32], FileError> {
    let path = paths.secret();
    let read = || -> Result<Option<[u8; 32]>, FileError> {
        let invalid = |_| io::Error::new(ErrorKind::InvalidData, "no secret");
        let bytes = read_if_there(&path)?;
        Ok(bytes.map(|bytes| bytes.try_into().map_err(invalid)).transpose()?)
    };
    if let Some(secret) = read()? {
        return Ok(secret);
    }
    make_directory(paths.root())?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    // Of several nodes that make one at once, the first one wins.
    create_synced(paths.root(), "secret", &secret)?;
    Ok(read()?.unwrap_or(secret))
}

fn create(paths: &Paths, file: &FileRecord) -> Result<(), FileError> {
    let day = paths.day(file.at, file.owner);
    make_directory(&day)?;
    create_file(&day.join(format!("{}-{}", file.id, file.bytes)))?;
    let directory = paths.loose(file.id);
    make_directory(&directory)?;
    let json = serde_json::to_vec(file).map_err(io::Error::other)?;
    write_synced(&directory.join("part"), &[])?;
    write_synced(&directory.join("record.json"), &json)?;
    sync_directory(&directory)?;
    sync_directory(&paths.all_loose())?;
    Ok(())
}

/// Returns where a file is, and what it is.
fn locate(paths: &Paths, id: FileId) -> Result<Option<(PathBuf, KeptFile)>, FileError> {
    // It may move while this looks, once and in this direction.
    for directory in [paths.kept(id), paths.loose(id), paths.kept(id)] {
        if let Some(file) = kept_in(&directory)? {
            return Ok(Some((directory, file)));
        }
    }
    Ok(None)
}

fn read(paths: &Paths, id: FileId, from: u64, most: usize) -> Result<Bytes, FileError> {
    let open = |directory: PathBuf| match File::open(directory.join("data")) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::from(error)),
    };
    for directory in [paths.kept(id), paths.loose(id), paths.kept(id)] {
        let Some(mut file) = open(directory)? else { continue };
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        return Ok(bytes.into());
    }
    Err(FileError::Unknown)
}

fn attach(paths: &Paths, id: FileId, to: &RecoveryOffset) -> Result<(), FileError> {
    let Some((directory, file)) = locate(paths, id)? else { return Ok(()) };
    if !matches!(file.state, FileState::Complete { .. }) {
        return Ok(());
    }
    // This decides; what follows is done again by the next call if it is not finished.
    if file.message.is_none() {
        match create_synced(&directory, "message", to.to_string().as_bytes()) {
            // It has just moved: somebody else has decided.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            created => created?,
        }
    }
    let decided = read_if_there(&directory.join("message"))?;
    let decided = decided.and_then(|text| position_of(&text));
    if decided.is_none_or(|at| (at.offset, at.tag) != (to.offset, to.tag)) {
        return Ok(());
    }
    of_messages::add(paths, &Entry { of: to.offset, file: id, bytes: file.record.bytes })?;
    let kept = paths.kept(id);
    if directory != kept {
        let place = paths.place(id);
        make_directory(&place)?;
        match fs::rename(&directory, &kept) {
            // Somebody else has moved or removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return forget_if_gone(paths, to.offset, id).map(drop);
            }
            renamed => renamed?,
        }
        sync_directory(&place)?;
        sync_directory(&paths.all_loose())?;
    }
    Ok(())
}

/// Returns the files that may be those of a message.
fn attached_to(paths: &Paths, of: Offset) -> Result<Vec<FileId>, FileError> {
    let mut files = Vec::new();
    for id in of_messages::files_of(paths, of)? {
        if !forget_if_gone(paths, of, id)? {
            files.push(id);
        }
    }
    Ok(files)
}
