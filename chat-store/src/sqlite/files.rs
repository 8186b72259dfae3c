//! The files of a log: made for their owner alone, and known again while they are open.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

/// What SQLite adds to the name of a file for those that belong to it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Which files were opened, whatever has their names later. Cheap to clone.
///
/// SQLite goes on to write into a file that was deleted, moved away or replaced, and what is in it is gone when it
/// is closed. So whoever writes asks before, to store nothing that is lost, and after, to confirm nothing that is.
#[derive(Debug, Clone)]
pub(super) struct Files(Arc<[(PathBuf, Identity)]>);

/// A file that is not where it was when it was opened.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) path: PathBuf,
}

impl Files {
    /// Those at this path, which SQLite has just opened.
    pub(super) fn opened(path: &Path) -> io::Result<Self> {
        // SQLite keeps the others beside the file that links lead to.
        let file = fs::canonicalize(path)?;
        let beside = BESIDE.map(|suffix| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        });
        let all = [path.to_owned()].into_iter().chain(beside);
        let all = all.map(|path| {
            let identity = identity(&path)?;
            Ok((path, identity))
        });
        all.collect::<io::Result<_>>().map(Self)
    }

    /// Fails with [`Moved`] when one of them is not in its place any more. It takes some microseconds.
    pub(super) fn check(&self) -> Result<(), sqlx::Error> {
        for (path, identity_when_opened) in &*self.0 {
            let is_there = match identity(path) {
                Ok(found) => found == *identity_when_opened,
                Err(error) => match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => false,
                    _ => return Err(error.into()),
                },
            };
            if !is_there {
                return Err(io::Error::other(Moved { path: path.clone() }).into());
            }
        }
        Ok(())
    }
}

impl Moved {
    /// The one that is behind an error, if one is.
    pub(super) fn of(error: &sqlx::Error) -> Option<&Self> {
        let sqlx::Error::Io(error) = error else { return None };
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is none, or another one, at its path")
    }
}

impl Error for Moved {}

/// Makes an empty file for its owner alone if there is none, which SQLite takes for an empty database. It gives the
/// files beside it the same mode. When this fails, SQLite will say why.
pub(super) fn create(path: &Path) {
    // A link may lead to where the file is to be.
    let target = fs::read_link(path).ok().and_then(|link| Some(path.parent()?.join(link)));
    let mut options = OpenOptions::new();
    // Never one that is there: when it is closed, SQLite's locks on it would be gone in this process.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(target.as_deref().unwrap_or(path));
}

/// What tells a file from another one that has its name: the disk and the number there.
#[cfg(unix)]
type Identity = (u64, u64);

/// Asks for nothing more, for whoever asks a file for its times makes its next change slower: since Linux 6.13 that
/// change gets a time of its own then, and a sync has to write it (multigrain timestamps).
#[cfg(target_os = "linux")]
fn identity(path: &Path) -> io::Result<Identity> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

    let file = match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
        // A sandbox may not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => return all_metadata(path),
        file => file?,
    };
    Ok((makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino))
}

#[cfg(all(unix, not(target_os = "linux")))]
use all_metadata as identity;

#[cfg(unix)]
fn all_metadata(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Such a system does not let go of the name of an open file.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(drop)
}
