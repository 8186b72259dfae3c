use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use chat_core::FileId;
use data_encoding::HEXLOWER;

use crate::files::FileError;

/// Returns the names in a directory; none if it is not there.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let names: Result<Vec<_>, _> =
        entries.map(|entry| Ok::<_, io::Error>(entry?.file_name())).collect();
    Ok(names?.into_iter().filter_map(|name| name.into_string().ok()).collect())
}

pub(super) fn ids_in(directory: &Path) -> Result<Vec<FileId>, FileError> {
    Ok(names_in(directory)?.iter().filter_map(|name| name.parse().ok()).collect())
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn ignore_missing(done: io::Result<()>) -> Result<(), FileError> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes a directory with those above it, for its owner only.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates or empties a file, for its owner only.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates or replaces a file, and syncs its content.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces a file at once.
pub(super) fn replace_synced(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = directory.join(format!("{name}.new"));
    write_synced(&temporary, bytes)?;
    fs::rename(&temporary, directory.join(name))?;
    sync_directory(directory)
}

/// Creates a file at once, unless it is there.
pub(super) fn create_synced(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let temporary = directory.join(format!("{name}.{}", HEXLOWER.encode(&random)));
    write_synced(&temporary, bytes)?;
    // Renaming would replace it.
    let linked = fs::hard_link(&temporary, directory.join(name));
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(directory),
    }
}

/// Creates something in a directory that it makes, again if somebody else removes the directory meanwhile.
pub(super) fn create_again(create: impl Fn() -> io::Result<()>) -> io::Result<()> {
    const TIMES: usize = 100;
    for _ in 0..TIMES {
        match create() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            created => return created,
        }
    }
    create()
}

/// Makes durable what was created, renamed and removed in a directory.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
