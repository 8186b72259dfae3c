//! Where the files of messages are kept: a trait, and a directory that implements it.

#[cfg(feature = "files")]
mod directory;
mod error;
mod record;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{FileId, Offset, RecoveryOffset, Timestamp, UserId};

#[cfg(feature = "files")]
pub use directory::DirectoryStore;
pub use error::FileError;
pub use record::{FileAudience, FileRecord, FileState, KeptFile};

/// Keeps files: bytes with a record, which a message of the log may have. All nodes of a chat share it.
///
/// # Contract
///
/// - **Durable.** What a call has done survives a crash once it has returned `Ok`. After an error, or when a call is dropped,
///   it may have been done or not; every call can be repeated.
/// - **Bytes.** They are appended, by one writer at a time, over all nodes. The last one makes the file complete, and then
///   nothing changes them any more. Readers see complete files only.
/// - **Attaching.** A file has no message at first, then one, for ever. It goes with [`remove`](Self::remove), and from then
///   on nothing of it can be found or read; what is left of it on the disk after a crash goes with the next
///   [`sweep`](Self::sweep).
#[async_trait]
pub trait FileStore: Send + Sync + 'static {
    /// Returns a secret that all nodes share, random and made by the first call. It signs links.
    async fn secret(&self) -> Result<[u8; 32], FileError>;

    /// Keeps the record of a file of which no bytes are there, and counts its size for its owner's
    /// [day](Self::uploaded_today).
    async fn create(&self, file: &FileRecord) -> Result<(), FileError>;

    /// Returns a file; none if there is none.
    async fn find(&self, id: FileId) -> Result<Option<KeptFile>, FileError>;

    /// Opens a file to append bytes after the first `from`.
    ///
    /// # Errors
    /// [`FileError::Unknown`], [`FileError::Busy`] if somebody else writes it, and [`FileError::Elsewhere`] if another number
    /// of bytes is there.
    async fn append(&self, id: FileId, from: u64) -> Result<Box<dyn FileWriter>, FileError>;

    /// Reads bytes of a complete file from a position on: at most `most`, and none only after its end.
    ///
    /// # Errors
    /// [`FileError::Unknown`] if there is none, or not any more.
    async fn read(&self, id: FileId, from: u64, most: usize) -> Result<Bytes, FileError>;

    /// Makes a file that of the message at a position, if it is complete and has no other message; otherwise does nothing.
    /// Of several calls at once, one decides. The position has the message's tag, so that a message of another log is not
    /// taken for it.
    async fn attach(&self, id: FileId, to: &RecoveryOffset) -> Result<(), FileError>;

    /// Returns files that may be those of the message at an offset: [`find`](Self::find) says whose they are.
    async fn attached_to(&self, offset: Offset) -> Result<Vec<FileId>, FileError>;

    /// Returns the offsets of messages with files: those after `after`, in their order, at most `limit`.
    async fn offsets(&self, after: Offset, limit: usize) -> Result<Vec<Offset>, FileError>;

    /// Returns the files without a message, complete or not.
    async fn unattached(&self) -> Result<Vec<KeptFile>, FileError>;

    /// Removes a file, wherever it is; does nothing if there is none.
    async fn remove(&self, id: FileId) -> Result<(), FileError>;

    /// Removes what crashes have left behind, and what counts for days before `before`.
    async fn sweep(&self, before: Timestamp) -> Result<(), FileError>;

    /// Returns the size of all files that a user has begun on the day of `now`, counted in UTC, whether or not they are still
    /// there.
    async fn uploaded_today(&self, user: UserId, now: Timestamp) -> Result<u64, FileError>;

    /// Returns the size of all files that are there, as they are when complete. Looks at each of them.
    async fn total_bytes(&self) -> Result<u64, FileError>;
}

/// Appends to a file. Dropping it lets others append.
#[async_trait]
pub trait FileWriter: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`FileError::TooLong`] if the file would be longer than it was to be; then nothing of these is appended.
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError>;

    /// Makes durable what was appended, and the file complete if that is all of it.
    async fn finish(self: Box<Self>) -> Result<FileState, FileError>;
}
