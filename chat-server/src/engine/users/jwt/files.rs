use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::error::{JwtFileError, JwtFileErrorKind, JwtKeyError};
use super::key::{Key, Keys};

/// Maximum number of keys in all files: a token that names none may have each of them tried.
pub(super) const MAX_KEYS: usize = 32;

/// The keys, and the files that they are from.
pub(super) struct Files {
    /// None for keys that were given in memory.
    paths: Vec<PathBuf>,
    keys: RwLock<KeysByFile>,
}

/// The keys of each file, shared with the tokens that are being verified.
type KeysByFile = Arc<Vec<Arc<[Key]>>>;

impl Files {
    pub(super) fn in_memory(keys: Keys) -> Result<Self, JwtKeyError> {
        log_skipped(None, &keys);
        let keys = vec![keys.keys.into()];
        check_number(&keys)?;
        Ok(Self { paths: Vec::new(), keys: RwLock::new(Arc::new(keys)) })
    }

    pub(super) fn read(paths: Vec<PathBuf>) -> Result<Self, JwtFileError> {
        let mut keys = Vec::new();
        for path in &paths {
            keys.push(keys_in(path)?);
            check_number(&keys).map_err(|error| unusable(path, error))?;
        }
        log_number(&keys);
        Ok(Self { paths, keys: RwLock::new(Arc::new(keys)) })
    }

    /// Reads the files again. Each one that cannot be used keeps its keys.
    pub(super) fn reload(&self) -> usize {
        let mut keys = Vec::clone(&self.keys());
        for (path, keys) in self.paths.iter().zip(&mut keys) {
            match keys_in(path) {
                Ok(now) => *keys = now,
                Err(error) => {
                    let reason = &error.source;
                    tracing::error!("{error}, its old keys stay: {reason}");
                }
            }
        }
        match check_number(&keys) {
            Err(error) => tracing::error!("the old keys for signed tokens stay: {error}"),
            Ok(()) => {
                if !self.paths.is_empty() {
                    log_number(&keys);
                }
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
        }
        number(&self.keys())
    }

    pub(super) fn keys(&self) -> KeysByFile {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }
}

fn keys_in(path: &Path) -> Result<Arc<[Key]>, JwtFileError> {
    let bytes = std::fs::read(path).map_err(|error| unusable(path, error))?;
    let keys = Keys::read(&bytes).map_err(|error| unusable(path, error))?;
    log_skipped(Some(path), &keys);
    Ok(keys.keys.into())
}

fn unusable(path: &Path, reason: impl Into<JwtFileErrorKind>) -> JwtFileError {
    JwtFileError { path: path.to_owned(), source: reason.into() }
}

fn number(keys: &[Arc<[Key]>]) -> usize {
    keys.iter().map(|keys| keys.len()).sum()
}

fn check_number(keys: &[Arc<[Key]>]) -> Result<(), JwtKeyError> {
    let keys = number(keys);
    let max = MAX_KEYS;
    if keys > max { Err(JwtKeyError::TooMany { keys, max }) } else { Ok(()) }
}

fn log_number(keys: &[Arc<[Key]>]) {
    let number = number(keys);
    tracing::info!(
        "{number} {} signed tokens",
        if number == 1 { "key verifies" } else { "keys verify" }
    );
}

fn log_skipped(path: Option<&Path>, Keys { keys, skipped }: &Keys) {
    let Some(first) = skipped.first() else { return };
    let (skipped, all) = (skipped.len(), keys.len() + skipped.len());
    let path = path.map(|path| tracing::field::display(path.display()));
    tracing::info!(
        key_set.path = path,
        "{skipped} of {all} keys in a key set are not used: {first}"
    );
}
