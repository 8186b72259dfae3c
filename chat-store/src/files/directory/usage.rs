use std::time::Duration;

use chat_core::{FileId, Timestamp, UserId};

use super::disk::{ids_in, names_in};
use super::kept::kept_in;
use super::of_messages;
use super::paths::Paths;
use crate::files::{FileError, FileTotals, UserFiles};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn of_user(paths: &Paths, user: UserId, now: Timestamp) -> Result<UserFiles, FileError> {
    let begun = |at: Timestamp| -> Result<Vec<(FileId, u64)>, FileError> {
        let names = names_in(&paths.day(at, user))?;
        let begun = names.iter().filter_map(|name| name.split_once('-'));
        Ok(begun.filter_map(|(id, bytes)| Some((id.parse().ok()?, bytes.parse().ok()?))).collect())
    };
    let (today, yesterday) = (begun(now)?, begun(now.minus(DAY))?);
    let bytes_today = today.iter().fold(0_u64, |all, (_, bytes)| all.saturating_add(*bytes));
    let both = today.iter().chain(&yesterday);
    let unattached = both.filter(|(id, _)| paths.loose(*id).exists()).count() as u64;
    Ok(UserFiles { bytes_today, today: today.len() as u64, unattached })
}

pub(super) fn totals(paths: &Paths) -> Result<FileTotals, FileError> {
    let mut totals = of_messages::totals(paths)?;
    for id in ids_in(&paths.all_loose())? {
        let file = kept_in(&paths.loose(id))?;
        totals.files += 1;
        totals.bytes = totals.bytes.saturating_add(file.map_or(0, |file| file.record.bytes));
    }
    Ok(totals)
}
