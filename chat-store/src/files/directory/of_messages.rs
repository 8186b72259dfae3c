//! Which files messages have: a name for each, in directories of 64 offsets, so that neither a message nor a page of
//! them takes longer the more files there are.

use std::fs;
use std::path::{Path, PathBuf};

use chat_core::{FileId, Offset};

use super::disk::{
    create_again, create_file, ignore_missing, make_directory, names_in, sync_directory,
};
use super::paths::Paths;
use crate::files::{FileError, FileTotals};

/// How many offsets share a directory, which is read for each message that changes.
const SHARE: u64 = 64;

/// How many of these directories share another one.
const SHARES: u64 = 1024;

/// A file of a message, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) of: Offset,
    pub(super) file: FileId,
    pub(super) bytes: u64,
}

impl Entry {
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let of = Offset::new(parts.next()?.parse().ok()?).ok()?;
        let (file, bytes) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { of, file, bytes })
    }

    fn name(&self) -> String {
        format!("{}-{}-{}", self.of, self.file, self.bytes)
    }
}

/// Notes that a message has a file.
pub(super) fn add(paths: &Paths, entry: &Entry) -> Result<(), FileError> {
    let (place, directory) = directory_of(paths, entry.of);
    // Whoever removes the last one beside it removes the directory.
    create_again(|| {
        make_directory(&directory)?;
        create_file(&directory.join(entry.name())).map(drop)
    })?;
    sync_directory(&directory)?;
    sync_directory(&place)?;
    Ok(sync_directory(&paths.messages())?)
}

pub(super) fn remove(paths: &Paths, of: Offset, file: FileId) -> Result<(), FileError> {
    let (place, directory) = directory_of(paths, of);
    for entry in entries_in(&directory)?.iter().filter(|it| (it.of, it.file) == (of, file)) {
        ignore_missing(fs::remove_file(directory.join(entry.name())))?;
    }
    // Others may be there.
    let _ = fs::remove_dir(&directory).and_then(|()| fs::remove_dir(&place));
    Ok(())
}

/// Returns the files that a message has.
pub(super) fn files_of(paths: &Paths, of: Offset) -> Result<Vec<FileId>, FileError> {
    let entries = entries_in(&directory_of(paths, of).1)?;
    Ok(entries.into_iter().filter(|entry| entry.of == of).map(|entry| entry.file).collect())
}

/// Returns the offsets of messages with files after `after`, in their order, at most `limit`.
pub(super) fn offsets(
    paths: &Paths,
    after: Offset,
    limit: usize,
) -> Result<Vec<Offset>, FileError> {
    let mut offsets = Vec::new();
    let first = after.as_u64() / SHARE;
    for place in numbers_in(&paths.messages(), first / SHARES)? {
        let directory = paths.messages().join(place.to_string());
        for share in numbers_in(&directory, first)? {
            let entries = entries_in(&directory.join(share.to_string()))?;
            let mut found: Vec<_> = entries.into_iter().map(|entry| entry.of).collect();
            found.retain(|&of| of > after);
            found.sort_unstable();
            found.dedup();
            offsets.extend(found);
            if offsets.len() >= limit {
                offsets.truncate(limit);
                return Ok(offsets);
            }
        }
    }
    Ok(offsets)
}

/// Adds up all files of messages.
pub(super) fn totals(paths: &Paths) -> Result<FileTotals, FileError> {
    let mut totals = FileTotals::default();
    for place in numbers_in(&paths.messages(), 0)? {
        let directory = paths.messages().join(place.to_string());
        for share in numbers_in(&directory, 0)? {
            for entry in entries_in(&directory.join(share.to_string()))? {
                totals.files += 1;
                totals.bytes = totals.bytes.saturating_add(entry.bytes);
            }
        }
    }
    Ok(totals)
}

/// Returns the directory with an offset, and the one that has it.
fn directory_of(paths: &Paths, of: Offset) -> (PathBuf, PathBuf) {
    let share = of.as_u64() / SHARE;
    let place = paths.messages().join((share / SHARES).to_string());
    let directory = place.join(share.to_string());
    (place, directory)
}

/// Returns the directories with numbers from one on, in their order.
fn numbers_in(directory: &Path, from: u64) -> Result<Vec<u64>, FileError> {
    let names = names_in(directory)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.retain(|&number| number >= from);
    numbers.sort_unstable();
    Ok(numbers)
}

fn entries_in(directory: &Path) -> Result<Vec<Entry>, FileError> {
    Ok(names_in(directory)?.iter().filter_map(|name| Entry::parse(name)).collect())
}
