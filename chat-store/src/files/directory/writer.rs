use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::disk::{replace_synced, sync_directory};
use super::kept::kept_in;
use crate::files::{FileError, FileState, FileWriter};

/// Appends to a `part`, which stays locked meanwhile.
pub(super) struct DirectoryWriter(Arc<Mutex<Part>>);

struct Part {
    directory: PathBuf,
    file: File,
    received: u64,
    bytes: u64,
}

impl DirectoryWriter {
    pub(super) fn open(directory: PathBuf, from: u64) -> Result<Self, FileError> {
        let file = kept_in(&directory)?.ok_or(FileError::Unknown)?;
        let bytes = file.record.bytes;
        if let FileState::Complete { .. } = file.state {
            return Err(FileError::Elsewhere { received: bytes });
        }
        let part = OpenOptions::new().read(true).append(true).open(directory.join("part"));
        let part = part.map_err(|error| match error.kind() {
            ErrorKind::NotFound => FileError::Unknown,
            _ => error.into(),
        })?;
        match part.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::Busy),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Somebody else may have finished it before it was locked.
        if !directory.join("part").exists() {
            return Err(FileError::Elsewhere { received: bytes });
        }
        let received = part.metadata()?.len();
        if received != from {
            return Err(FileError::Elsewhere { received });
        }
        Ok(Self(Arc::new(Mutex::new(Part { directory, file: part, received, bytes }))))
    }

    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Part) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let part = Arc::clone(&self.0);
        let call =
            spawn_blocking(move || call(&mut part.lock().unwrap_or_else(PoisonError::into_inner)));
        call.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }
}

#[async_trait]
impl FileWriter for DirectoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.run(move |part| part.write(&bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<FileState, FileError> {
        self.run(Part::finish).await
    }
}

impl Part {
    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > self.bytes {
            return Err(FileError::TooLong);
        }
        if let Err(error) = self.file.write_all(bytes) {
            // The part that fitted goes: the client is told the size before. If that fails too, it is told the size then.
            let _ = self.file.set_len(self.received);
            return Err(error.into());
        }
        self.received = received;
        Ok(())
    }

    fn finish(&mut self) -> Result<FileState, FileError> {
        self.file.sync_all()?;
        if self.received < self.bytes {
            return Ok(FileState::Incomplete { received: self.received });
        }
        let hash = self.hash()?;
        replace_synced(&self.directory, "hash", HEXLOWER.encode(&hash).as_bytes())?;
        fs::rename(self.directory.join("part"), self.directory.join("data"))?;
        sync_directory(&self.directory)?;
        Ok(FileState::Complete { hash })
    }

    /// Reads the whole file: it has come in several parts, perhaps to several nodes.
    fn hash(&mut self) -> Result<[u8; 32], FileError> {
        const AT_ONCE: usize = 64 * 1024;
        self.file.seek(SeekFrom::Start(0))?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; AT_ONCE]);
        loop {
            match self.file.read(&mut buffer)? {
                0 => return Ok(hasher.finalize().into()),
                read => hasher.update(&buffer[..read]),
            }
        }
    }
}
