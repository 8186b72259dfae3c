mod disk;
mod kept;
mod paths;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{FileId, Offset, RecoveryOffset, Timestamp, UserId};
use tokio::task::spawn_blocking;

use self::disk::{
    create_file, create_synced, ids_in, ignore_missing, make_directory, names_in, read_if_there,
    sync_directory, write_synced,
};
use self::kept::kept_in;
use self::paths::{Paths, day_of, offset_of, position_of};
use self::writer::DirectoryWriter;
use super::{FileError, FileRecord, FileState, FileStore, FileWriter, KeptFile};

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
///   DIR/messages/OFFSET/ID         which files a message has
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
        let of_message = move |paths: &Paths| ids_in(&paths.message(offset));
        self.run(of_message).await
    }

    async fn offsets(&self, after: Offset, limit: usize) -> Result<Vec<Offset>, FileError> {
        self.run(move |paths| {
            let names = names_in(&paths.messages())?;
            let mut offsets: Vec<_> = names.iter().filter_map(|name| offset_of(name)).collect();
            offsets.retain(|&offset| offset > after);
            offsets.sort_unstable();
            offsets.truncate(limit);
            Ok(offsets)
        })
        .await
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

    async fn uploaded_today(&self, user: UserId, now: Timestamp) -> Result<u64, FileError> {
        self.run(move |paths| {
            let names = names_in(&paths.day(now, user))?;
            let sizes = names.iter().filter_map(|name| name.split_once('-')?.1.parse::<u64>().ok());
            Ok(sizes.fold(0, u64::saturating_add))
        })
        .await
    }

    async fn total_bytes(&self) -> Result<u64, FileError> {
        self.run(|paths| {
            let mut total = 0_u64;
            for place in paths.all_places()? {
                for id in ids_in(&place)? {
                    let file = kept_in(&place.join(id.to_string()))?;
                    total = total.saturating_add(file.map_or(0, |file| file.record.bytes));
                }
            }
            Ok(total)
        })
        .await
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
    let of_message = paths.message(to.offset);
    make_directory(&of_message)?;
    write_synced(&of_message.join(id.to_string()), &[])?;
    sync_directory(&of_message)?;
    sync_directory(&paths.messages())?;
    let kept = paths.kept(id);
    if directory != kept {
        let place = paths.place(id);
        make_directory(&place)?;
        fs::rename(&directory, &kept)?;
        sync_directory(&place)?;
        sync_directory(&paths.all_loose())?;
    }
    Ok(())
}

fn remove(paths: &Paths, id: FileId) -> Result<(), FileError> {
    let trash = paths.trash().join(id.to_string());
    make_directory(&paths.trash())?;
    let mut message = None;
    for directory in [paths.loose(id), paths.kept(id)] {
        let of = read_if_there(&directory.join("message"))?;
        message = message.or(of.and_then(|text| position_of(&text)));
        match fs::rename(&directory, &trash) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // The rest of an earlier attempt.
            Err(_) => {
                fs::remove_dir_all(&trash)?;
                fs::rename(&directory, &trash)?;
            }
        }
        if let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) {
            sync_directory(parent)?;
        }
    }
    if let Some(message) = message {
        let of_message = paths.message(message.offset);
        ignore_missing(fs::remove_file(of_message.join(id.to_string())))?;
        // Another file may be there.
        let _ = fs::remove_dir(&of_message);
    }
    ignore_missing(fs::remove_dir_all(&trash))
}

fn sweep(paths: &Paths, before: Timestamp) -> Result<(), FileError> {
    for id in ids_in(&paths.trash())? {
        ignore_missing(fs::remove_dir_all(paths.trash().join(id.to_string())))?;
    }
    for offset in names_in(&paths.messages())?.iter().filter_map(|name| offset_of(name)) {
        let of_message = paths.message(offset);
        for id in ids_in(&of_message)? {
            let file = locate(paths, id)?;
            let message = file.and_then(|(_, file)| file.message);
            if message.is_none_or(|message| message.offset != offset) {
                ignore_missing(fs::remove_file(of_message.join(id.to_string())))?;
            }
        }
        let _ = fs::remove_dir(&of_message);
    }
    for name in names_in(&paths.days())? {
        if name.parse::<u64>().is_ok_and(|day| day < day_of(before)) {
            ignore_missing(fs::remove_dir_all(paths.days().join(name)))?;
        }
    }
    Ok(())
}
