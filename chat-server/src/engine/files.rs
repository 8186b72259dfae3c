//! Files of messages: who may upload them and fetch them, and what becomes of them.
//!
//! ```text
//!   event "upload" ──▶ begin ──▶ FileStore ◀── bytes, over HTTP, with the token
//!   message with its line ──▶ check ──▶ log ──▶ keeper: the file is that of the message from now on
//!   event "file links" ──▶ links ──▶ GET with a signature, as long as the message has the file
//!   log: edit, deletion, horizon ──▶ keeper: the file is removed
//! ```
//!
//! The text of a message says which files it has. So whatever takes the text away takes the file out of reach at once, and
//! nothing has to be kept beside the log.

mod allowance;
mod concern;
mod downloads;
mod in_flight;
mod keeper;
mod media;
mod signature;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use chat_core::event::FileLimits;
use chat_core::{
    FileReference, Kind, Message, NewMessage, RecoveryOffset, Refusal, RefusalCode, Timestamp,
};
use chat_store::{FileError, FileState, FileStore, FileTotals, KeptFile, StoreError};
use thiserror::Error;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

pub(crate) use concern::commits;
pub(crate) use downloads::Fetched;
pub(crate) use in_flight::{Full, OpenUpload};
pub(crate) use keeper::Keeper;
pub(crate) use media::is_shown;

use crate::engine::limits::Limits;
use crate::engine::log::Log;
use crate::engine::metrics;
use crate::engine::source::Source;
use allowance::Allowance;
use in_flight::InFlight;
use signature::Signer;

/// How long after its beginning a file may be put into a message.
const USABLE: Duration = Duration::from_secs(23 * 60 * 60);

/// When a file without a message is removed: every message with it is in the log by then.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The files of a chat. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Files(Arc<Inner>);

struct Inner {
    store: Arc<dyn FileStore>,
    log: Arc<Log>,
    allowance: Allowance,
    in_flight: Arc<InFlight>,
    signer: OnceCell<Signer>,
    /// All files together, and when they were looked at. Held while a file is begun, so that limits hold.
    total: Mutex<Option<(FileTotals, Instant)>>,
    /// The same, for whoever only wants to see it.
    shown: [AtomicU64; 2],
}

/// What there is of files, for the operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilesNow {
    pub(crate) totals: FileTotals,
    /// The uploads whose bytes come in.
    pub(crate) in_flight: usize,
    /// The room on the disk.
    pub(crate) free: Option<u64>,
}

/// Why something with a file is not done.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Files(#[from] FileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no random numbers are available")]
    Random,
}

impl Files {
    pub(crate) fn new(store: Arc<dyn FileStore>, log: Arc<Log>, limits: &Limits) -> Self {
        let in_flight = InFlight::new(limits.max_uploads, limits.max_uploads_per_address);
        let (allowance, signer, total) =
            (Allowance::new(limits), OnceCell::new(), Mutex::new(None));
        let shown = Default::default();
        Self(Arc::new(Inner { store, log, allowance, in_flight, signer, total, shown }))
    }

    pub(crate) fn limits(&self) -> FileLimits {
        FileLimits::new(self.0.allowance.max_file())
    }

    /// Returns what there is now, as far as this node knows.
    pub(crate) fn now(&self) -> FilesNow {
        let Inner { store, in_flight, shown: [files, bytes], .. } = &*self.0;
        let totals = FileTotals { files: files.load(Relaxed), bytes: bytes.load(Relaxed) };
        FilesNow { totals, in_flight: in_flight.count(), free: store.free() }
    }

    /// Counts a request that is refused.
    pub(crate) fn refused(&self, code: RefusalCode) {
        self.metrics().refused.add(code);
    }

    /// Lets the bytes of an upload come in, from a client at this source.
    pub(crate) fn open(&self, source: Source) -> Result<OpenUpload, Full> {
        self.0.in_flight.open(source)
    }

    fn metrics(&self) -> &metrics::Files {
        &self.0.log.metrics().files
    }

    /// Checks the files of a message that is about to be stored: they must be there, and nobody else's.
    pub(crate) async fn check(&self, message: &NewMessage) -> Result<(), FilesError> {
        let references = FileReference::all_in(&message.content);
        if references.len() > FileReference::MAX {
            let most = FileReference::MAX;
            let message = format!("the message has more than {most} files; send several");
            return Err(Refusal::new(RefusalCode::InvalidContent, message).into());
        }
        if let (Kind::Edit(of), false) = (&message.kind, references.is_empty()) {
            // An edit may keep files and take them out; those that come in would need a message of their own.
            let before = self.0.log.message(*of).await?;
            let has = |id| before.as_ref().is_some_and(|it| FileReference::is_in(&it.content, id));
            let is_known = references.iter().all(|reference| has(reference.id));
            return if is_known { Ok(()) } else { Err(unknown_file().into()) };
        }
        if !matches!(message.kind, Kind::Text | Kind::Reply(_)) {
            return Ok(());
        }
        for FileReference { id, .. } in references {
            let file = self.0.store.find(id).await?;
            let is_usable = |KeptFile { record, state, message: of, .. }: KeptFile| {
                matches!(state, FileState::Complete { .. })
                    && of.is_none()
                    && record.is_for(message.user, &message.audience)
                    && Timestamp::now().since(record.at) < USABLE
            };
            if !file.is_some_and(is_usable) {
                return Err(unknown_file().into());
            }
        }
        Ok(())
    }

    /// Returns the position of a message, by which a file names it.
    fn position(&self, message: &Message) -> RecoveryOffset {
        RecoveryOffset::of(self.0.log.epoch().clone(), message)
    }

    /// Signs tokens and links, as all nodes do.
    async fn signer(&self) -> Result<&Signer, FileError> {
        let make = || async { Ok(Signer::new(self.0.store.secret().await?)) };
        self.0.signer.get_or_try_init(make).await
    }
}

/// Returns the files that a message may have.
fn references_of(message: &Message) -> Vec<FileReference> {
    match message.kind {
        Kind::Text | Kind::Reply(_) if !message.is_deleted() => {
            let mut references = FileReference::all_in(&message.content);
            references.truncate(FileReference::MAX);
            references
        }
        _ => Vec::new(),
    }
}

fn unknown_file() -> Refusal {
    let message = "there is no such file of yours for this conversation that is complete and in no message yet";
    Refusal::new(RefusalCode::UnknownFile, message)
}
