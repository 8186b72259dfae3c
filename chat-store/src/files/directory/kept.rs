use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::disk::read_if_there;
use super::paths::position_of;
use crate::files::{FileError, FileState, KeptFile};

/// Returns the file in this directory; none if there is none, or it has just moved.
pub(super) fn kept_in(directory: &Path) -> Result<Option<KeptFile>, FileError> {
    let Some(json) = read_if_there(&directory.join("record.json"))? else { return Ok(None) };
    let Ok(record) = serde_json::from_slice(&json) else { return Ok(None) };
    let message = read_if_there(&directory.join("message"))?;
    let message = message.and_then(|text| position_of(&text));
    // Renamed in this order: the hash is there when the data is.
    let received = match fs::metadata(directory.join("part")) {
        Ok(part) => Some(part.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let state = match received {
        Some(received) => FileState::Incomplete { received },
        None => {
            let Some(hash) = read_if_there(&directory.join("hash"))? else { return Ok(None) };
            let hash = HEXLOWER.decode(&hash).ok().and_then(|hash| hash.try_into().ok());
            let Some(hash) = hash else { return Ok(None) };
            FileState::Complete { hash }
        }
    };
    Ok(Some(KeptFile { record, state, message }))
}
