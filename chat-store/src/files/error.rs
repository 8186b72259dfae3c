use std::io;

use thiserror::Error;

/// The error of a [`FileStore`](super::FileStore).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    Unknown,
    /// Somebody else writes the file.
    #[error("the file is being written")]
    Busy,
    /// The file has another number of bytes than the writer thinks.
    #[error("the file has {received} bytes")]
    Elsewhere {
        /// How many it has.
        received: u64,
    },
    /// The file would be longer than it was to be.
    #[error("the file would be longer than it was to be")]
    TooLong,
    /// The disk or a quota is full.
    #[error("there is no space left for files")]
    Full(#[source] io::Error),
    /// The disk does not do what it is asked.
    #[error("files cannot be read or written")]
    Disk(#[source] io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error),
            _ => Self::Disk(error),
        }
    }
}
