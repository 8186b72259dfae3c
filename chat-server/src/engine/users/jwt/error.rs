use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a key that verifies tokens cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// The secret is so short that it could be guessed.
    #[error("the secret for HS256 has {bytes} bytes; it needs 32 or more")]
    Short {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The key is private; only the issuer of the tokens should have it.
    #[error("this is a private key; the chat needs the public one")]
    Private,
    /// A public key of no supported kind, or a damaged one.
    #[error("the file holds no RSA or Ed25519 or P-256 public key in PEM")]
    Unsupported,
    /// It begins as JSON, but is no key set.
    #[error("the file holds JSON that is no key set, such as {{\"keys\":[…]}}")]
    NoKeySet,
    /// The key set has no key that can be used.
    #[error("none of the {skipped} keys in the key set can be used")]
    NoneUsable {
        /// The number of keys in it.
        skipped: usize,
    },
    /// There are so many keys that trying them takes too long.
    #[error("{keys} keys are too many; {max} are the most")]
    TooMany {
        /// Their number.
        keys: usize,
        /// The limit.
        max: usize,
    },
}

/// Why a file with keys cannot be used.
#[derive(Debug, Error)]
#[error("{} cannot be used", path.display())]
pub struct JwtFileError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: JwtFileErrorKind,
}

/// The reason of a [`JwtFileError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JwtFileErrorKind {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// The file holds no key.
    #[error(transparent)]
    NoKey(#[from] JwtKeyError),
}
