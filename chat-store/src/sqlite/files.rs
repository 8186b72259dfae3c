//! The files of a log: created for their owner only, and checked for identity while they are open.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use crate::Disk;

/// The suffixes that SQLite adds to the file's name for the files next to it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The identity of the opened files, whatever has their names later. Cheap to clone.
///
/// SQLite continues to write to a file that was deleted, moved or replaced, and those writes are lost when it is
/// closed. So each write checks before, to store nothing that is lost, and after, to confirm nothing that is.
#[derive(Debug, Clone)]
pub(super) struct Files(Arc<[(PathBuf, Identity)]>);

/// The fewest bytes of a database, one page of the smallest size. The write-ahead log and the index may be empty.
const FEWEST: [u64; 3] = [512, 0, 0];

/// A file that is not where it was when it was opened, or was emptied.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) path: PathBuf,
}

impl Files {
    /// Returns the files at this path, which SQLite has just opened.
    pub(super) fn opened(path: &Path) -> io::Result<Self> {
        // SQLite keeps the others next to the file that links lead to.
        let file = fs::canonicalize(path)?;
        let beside = BESIDE.map(|suffix| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        });
        let all = [path.to_owned()].into_iter().chain(beside);
        let all = all.map(|path| {
            let (identity, _) = identity(&path)?;
            Ok((path, identity))
        });
        all.collect::<io::Result<_>>().map(Self)
    }

    /// Returns what the files take; none if one of them is gone.
    #[cfg(unix)]
    pub(super) fn disk(&self) -> Option<Disk> {
        let (path, _) = self.0.first()?;
        let files = self.0.iter().map(|(path, _)| fs::metadata(path).map(|file| file.len()));
        let used = files.sum::<io::Result<u64>>().ok()?;
        let disk = rustix::fs::statvfs(path).ok()?;
        Some(Disk::new(used, Some(disk.f_bavail * disk.f_frsize)))
    }

    #[cfg(not(unix))]
    pub(super) fn disk(&self) -> Option<Disk> {
        None
    }

    /// Fails with [`Moved`] if one of them is no longer in its place, or was emptied, which SQLite does not notice as long
    /// as it only writes. It takes a few microseconds.
    pub(super) fn check(&self) -> Result<(), sqlx::Error> {
        for ((path, identity_when_opened), fewest) in self.0.iter().zip(FEWEST) {
            let is_there = match identity(path) {
                Ok((found, bytes)) => found == *identity_when_opened && bytes >= fewest,
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
    /// Returns the cause of an error if it is one of these.
    pub(super) fn of(error: &sqlx::Error) -> Option<&Self> {
        let sqlx::Error::Io(error) = error else { return None };
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is none, another one, or an empty one at its path")
    }
}

impl Error for Moved {}

/// Creates an empty file for its owner only if there is none; SQLite treats it as an empty database and gives the
/// files next to it the same mode. If this fails, SQLite will report why.
pub(super) fn create(path: &Path) {
    // A link may lead to where the file is to be.
    let target = fs::read_link(path).ok().and_then(|link| Some(path.parent()?.join(link)));
    let _ = create_new(target.as_deref().unwrap_or(path));
}

/// Creates an empty file for its owner only, where there is none.
pub(super) fn create_new(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Never an existing file: closing it would release SQLite's locks on it in this process.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Distinguishes a file from another one with its name: the device and the inode number.
#[cfg(unix)]
type Identity = (u64, u64);

/// Returns a file's identity and its length.
///
/// Requests nothing more: reading a file's times makes its next change slower. Since Linux 6.13 that change then gets
/// a new timestamp, which a sync has to write (multigrain timestamps).
#[cfg(target_os = "linux")]
fn identity(path: &Path) -> io::Result<(Identity, u64)> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

    let file = match statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE) {
        // A sandbox may not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => return all_metadata(path),
        file => file?,
    };
    Ok(((makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino), file.stx_size))
}

#[cfg(all(unix, not(target_os = "linux")))]
use all_metadata as identity;

#[cfg(unix)]
fn all_metadata(path: &Path) -> io::Result<(Identity, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path)?;
    Ok(((file.dev(), file.ino()), file.len()))
}

/// On such a system the name of an open file cannot be reused.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<(Identity, u64)> {
    fs::metadata(path).map(|file| ((), file.len()))
}
