//! Files that users attach to messages: a trait for a store of them, and a directory that implements it.

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
pub use record::{FileAudience, FileRecord, FileState, FileTotals, KeptFile, UserFiles};

/// Keeps files: bytes with a record, for messages of the log. All nodes of a chat share it.
///
/// # Contract
///
/// - **Durable.** The effect of a call survives a crash once the call has returned `Ok`. After an error, or when a call
///   is dropped, it may have happened or not; every call can be repeated.
/// - **Bytes.** They are appended, by one writer at a time over all nodes. The last byte makes the file complete, and
///   from then on nothing changes it. Readers see only complete files.
/// - **Attaching.** A file has no message at first, then one, for ever. After [`remove`](Self::remove), nothing of it
///   can be found or read. If a crash leaves something of it on the disk, the next [`sweep`](Self::sweep) removes that.
#[async_trait]
pub trait FileStore: Send + Sync + 'static {
    /// Returns the secret that signs links: random, made by the first call, and the same for all nodes.
    async fn secret(&self) -> Result<[u8; 32], FileError>;

    /// Keeps the record of a file of which no bytes are there, and counts it for its owner's
    /// [day](Self::of_user).
    async fn create(&self, file: &FileRecord) -> Result<(), FileError>;

    /// Returns a file; none if it does not exist.
    async fn find(&self, id: FileId) -> Result<Option<KeptFile>, FileError>;

    /// Opens a file to append bytes after the first `from`.
    ///
    /// # Errors
    /// [`FileError::Unknown`], [`FileError::Busy`] if somebody else writes it, and [`FileError::Elsewhere`] if the file
    /// has another number of bytes.
    async fn append(&self, id: FileId, from: u64) -> Result<Box<dyn FileWriter>, FileError>;

    /// Reads up to `most` bytes of a complete file from a position on; no bytes mean that its end is reached.
    ///
    /// # Errors
    /// [`FileError::Unknown`] if it does not exist, or no longer does.
    async fn read(&self, id: FileId, from: u64, most: usize) -> Result<Bytes, FileError>;

    /// Gives a file to the message at a position if it is complete and has no other message; otherwise does nothing. Of
    /// concurrent calls, one wins. The position has the message's tag, so that no message of another log is taken for
    /// it.
    async fn attach(&self, id: FileId, to: &RecoveryOffset) -> Result<(), FileError>;

    /// Returns the files that may belong to the message at an offset: [`find`](Self::find) says whose they are.
    async fn attached_to(&self, offset: Offset) -> Result<Vec<FileId>, FileError>;

    /// Returns the offsets of messages with files: those after `after`, in their order, at most `limit`.
    async fn offsets(&self, after: Offset, limit: usize) -> Result<Vec<Offset>, FileError>;

    /// Returns the files without a message, complete or not.
    async fn unattached(&self) -> Result<Vec<KeptFile>, FileError>;

    /// Removes a file, wherever it is; does nothing if it does not exist.
    async fn remove(&self, id: FileId) -> Result<(), FileError>;

    /// Removes what crashes have left behind, and what counts for days before `before`. Takes as long as there is of that,
    /// however many files there are.
    async fn sweep(&self, before: Timestamp) -> Result<(), FileError>;

    /// Returns what a user has of files at `now`.
    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<UserFiles, FileError>;

    /// Returns how many files have no message, complete or not.
    async fn count_unattached(&self) -> Result<u64, FileError>;

    /// Returns how many files there are, and their size when they are complete. May go through the names of all of them.
    async fn totals(&self) -> Result<FileTotals, FileError>;

    /// Returns how many bytes are free where the files are, if that is a disk that can say.
    fn free(&self) -> Option<u64> {
        None
    }
}

/// Appends to a file. Dropping it lets others append.
#[async_trait]
pub trait FileWriter: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`FileError::TooLong`] if the file would exceed the size in its record; then none of these bytes are appended.
    async fn write(&mut self, bytes: Bytes) -> Result<(), FileError>;

    /// Makes what was appended durable, and completes the file if that is all of it.
    async fn finish(self: Box<Self>) -> Result<FileState, FileError>;
}
