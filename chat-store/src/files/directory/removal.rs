use std::fs;
use std::io::ErrorKind;

use chat_core::{FileId, Offset, Timestamp};

use super::disk::{
    ids_in, ignore_missing, make_directory, names_in, read_if_there, sync_directory,
};
use super::of_messages;
use super::paths::{Paths, day_of, position_of};
use crate::files::FileError;

pub(super) fn remove(paths: &Paths, id: FileId) -> Result<(), FileError> {
    let trash = paths.trash().join(id.to_string());
    make_directory(&paths.trash())?;
    for directory in [paths.loose(id), paths.kept(id)] {
        match fs::rename(&directory, &trash) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            // The rest of an earlier attempt.
            Err(_) => {
                empty(paths, id)?;
                fs::rename(&directory, &trash)?;
            }
        }
        if let Some(parent) = directory.parent() {
            sync_directory(parent)?;
        }
    }
    empty(paths, id)
}

pub(super) fn sweep(paths: &Paths, before: Timestamp) -> Result<(), FileError> {
    for id in ids_in(&paths.trash())? {
        empty(paths, id)?;
    }
    for name in names_in(&paths.days())? {
        if name.parse::<u64>().is_ok_and(|day| day < day_of(before)) {
            ignore_missing(fs::remove_dir_all(paths.days().join(name)))?;
        }
    }
    Ok(())
}

/// Forgets that a message has a file that is not there: something stopped while it was removed. Returns whether it did.
pub(super) fn forget_if_gone(paths: &Paths, of: Offset, id: FileId) -> Result<bool, FileError> {
    let is_there = [paths.kept(id), paths.loose(id), paths.kept(id)].iter().any(|it| it.exists());
    if !is_there {
        of_messages::remove(paths, of, id)?;
    }
    Ok(!is_there)
}

/// Removes a file that is out of reach, after what says whose it was.
fn empty(paths: &Paths, id: FileId) -> Result<(), FileError> {
    let trash = paths.trash().join(id.to_string());
    let message = read_if_there(&trash.join("message"))?;
    if let Some(message) = message.and_then(|text| position_of(&text)) {
        of_messages::remove(paths, message.offset, id)?;
    }
    ignore_missing(fs::remove_dir_all(&trash))
}
