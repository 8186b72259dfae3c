use std::time::Duration;

use chat_core::{Refusal, RefusalCode, Timestamp};
use chat_store::{FileTotals, UserFiles};

use crate::engine::limits::Limits;
use crate::engine::rate::{Buckets, Rate};
use crate::engine::source::Source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long whoever has many files in no message may want to wait: it can send them, or take them back.
const UNSENT: Duration = Duration::from_secs(60);

/// How long the number and the size of all files are believed. Each node adds its own meanwhile.
pub(super) const TOTAL_TIME: Duration = Duration::from_secs(10 * 60);

/// How many files, and how much of them, there may be.
#[derive(Debug)]
pub(super) struct Allowance {
    max_file: u64,
    max_a_day: u64,
    max_files_a_day: u64,
    max_unsent_of_user: u64,
    max_unsent: u64,
    max_total: FileTotals,
    /// A new nickname brings a new day, and only the address stays the same.
    bytes_of_source: Option<Buckets<Source>>,
    files_of_source: Option<Buckets<Source>>,
}

impl Allowance {
    pub(super) fn new(limits: &Limits) -> Self {
        let buckets = |most| Rate::new(most, DAY).map(Buckets::new);
        Self {
            max_file: limits.max_file_bytes,
            max_a_day: limits.max_file_bytes_per_day,
            max_files_a_day: limits.max_files_per_day,
            max_unsent_of_user: limits.max_unsent_files_per_user,
            max_unsent: limits.max_unsent_files,
            max_total: FileTotals { files: limits.max_files, bytes: limits.max_files_bytes },
            bytes_of_source: buckets(limits.max_file_bytes_per_day_per_address),
            files_of_source: buckets(limits.max_files_per_day_per_address),
        }
    }

    pub(super) fn max_file(&self) -> u64 {
        self.max_file
    }

    /// Checks that a file is not too large.
    pub(super) fn admit(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.max_file {
            return Ok(());
        }
        let message = format!("the file has {bytes} bytes; {} are the most", self.max_file);
        Err(Refusal::new(RefusalCode::TooLarge, message))
    }

    /// Checks that a user may begin another file.
    pub(super) fn admit_of_user(
        &self,
        user: UserFiles,
        bytes: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let exceeded = |message| {
            let refusal = Refusal::new(RefusalCode::QuotaExceeded, message);
            Err(refusal.with_retry_after(until_tomorrow(now)))
        };
        if self.max_a_day > 0 && user.bytes_today.saturating_add(bytes) > self.max_a_day {
            return exceeded("these are more bytes of files than a user may upload on one day");
        }
        if self.max_files_a_day > 0 && user.today >= self.max_files_a_day {
            return exceeded("these are more files than a user may upload on one day");
        }
        if user.unattached >= self.max_unsent_of_user {
            let message = "many of your files are in no message; send them, or take them back";
            return Err(Refusal::slow_down(message, UNSENT));
        }
        Ok(())
    }

    /// Checks that there is room for another file.
    pub(super) fn admit_to(&self, all: FileTotals, unsent: u64, bytes: u64) -> Result<(), Refusal> {
        if all.bytes.saturating_add(bytes) > self.max_total.bytes
            || all.files >= self.max_total.files
        {
            let message = "there is no room for more files on this server";
            let refusal = Refusal::new(RefusalCode::QuotaExceeded, message);
            return Err(refusal.with_retry_after(TOTAL_TIME));
        }
        if unsent >= self.max_unsent {
            let message = "this server has many files that are in no message; try again later";
            return Err(Refusal::slow_down(message, UNSENT));
        }
        Ok(())
    }

    /// Takes what a file counts for everybody at a source.
    pub(super) fn take(&self, source: Source, bytes: u64) -> Result<(), Refusal> {
        let parts =
            [(&self.files_of_source, 1, "files"), (&self.bytes_of_source, bytes, "bytes of files")];
        for (taken, (buckets, amount, what)) in parts.iter().enumerate() {
            let Some(buckets) = buckets else { continue };
            if let Err(wait) = buckets.of(&source).take(*amount) {
                if taken > 0 {
                    give_back(&self.files_of_source, source, 1);
                }
                let message = format!(
                    "everybody at your address together has uploaded as many {what} as one may in a day"
                );
                let refusal = Refusal::new(RefusalCode::QuotaExceeded, message);
                return Err(refusal.with_retry_after(wait));
            }
        }
        Ok(())
    }

    /// Gives back what was [taken](Self::take) for a file that was not begun.
    pub(super) fn give_back(&self, source: Source, bytes: u64) {
        give_back(&self.files_of_source, source, 1);
        give_back(&self.bytes_of_source, source, bytes);
    }
}

fn give_back(buckets: &Option<Buckets<Source>>, source: Source, amount: u64) {
    if let Some(buckets) = buckets {
        buckets.of(&source).give_back(amount);
    }
}

fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    Duration::from_millis((DAY - now.as_millis().rem_euclid(DAY)).unsigned_abs())
}
