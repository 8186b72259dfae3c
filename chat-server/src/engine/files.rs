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

mod keeper;
mod media;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_core::event::{FileLimits, FileLink, FileLinks, UploadTicket};
use chat_core::{
    FileId, FileName, FileReference, Kind, Message, NewMessage, Offset, Refusal, RefusalCode,
    Timestamp, UserId,
};
use chat_store::{
    FileAudience, FileError, FileRecord, FileState, FileStore, FileWriter, KeptFile, StoreError,
};
use thiserror::Error;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

pub(crate) use keeper::{Keeper, commits};
pub(crate) use media::{HEAD_BYTES, UNKNOWN, is_shown};

use crate::engine::limits::Limits;
use crate::engine::log::Log;
use signature::{Signer, Subject};

/// How long a token for an upload works.
const UPLOAD_TIME: Duration = Duration::from_secs(60 * 60);

/// Links work for one to two of these: those made within one are the same, so that browsers keep what they have fetched.
const LINK_TIME: Duration = Duration::from_secs(60 * 60);

/// How long after its beginning a file may be put into a message.
const USABLE: Duration = Duration::from_secs(23 * 60 * 60);

/// When a file without a message is removed: every message with it is in the log by then.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the size of all files is believed. Each node adds its own meanwhile.
const TOTAL_TIME: Duration = Duration::from_secs(10 * 60);

/// The files of a chat. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Files(Arc<Inner>);

struct Inner {
    store: Arc<dyn FileStore>,
    log: Arc<Log>,
    limits: Rules,
    signer: OnceCell<Signer>,
    /// The size of all files, and when it was looked at. Held while a file is begun, so that limits hold.
    total: Mutex<Option<(u64, Instant)>>,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    max_file: u64,
    max_a_day: u64,
    max_total: u64,
}

/// A complete file that somebody may fetch.
pub(crate) struct Fetched {
    pub(crate) record: FileRecord,
    pub(crate) hash: [u8; 32],
    pub(crate) media_type: &'static str,
    /// How long the link still works.
    pub(crate) remaining: Duration,
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
        let limits = Rules {
            max_file: limits.max_file_bytes,
            max_a_day: limits.max_file_bytes_per_day,
            max_total: limits.max_files_bytes,
        };
        let (signer, total) = (OnceCell::new(), Mutex::new(None));
        Self(Arc::new(Inner { store, log, limits, signer, total }))
    }

    pub(crate) fn limits(&self) -> FileLimits {
        FileLimits::new(self.0.limits.max_file)
    }

    /// Begins a file of a user who may write to this audience.
    pub(crate) async fn begin(
        &self,
        owner: UserId,
        name: FileName,
        bytes: u64,
        audience: FileAudience,
    ) -> Result<UploadTicket, FilesError> {
        let Inner { store, limits, total, .. } = &*self.0;
        if bytes > limits.max_file {
            let message = format!("the file has {bytes} bytes; {} are the most", limits.max_file);
            return Err(Refusal::new(RefusalCode::TooLarge, message).into());
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| FilesError::Random)?;
        let mut record = FileRecord::new(FileId::from_random(random), name, bytes, owner, audience);
        record.at = Timestamp::now();
        let mut total = total.lock().await;
        let today = store.uploaded_today(owner, record.at).await?;
        if limits.max_a_day > 0 && today.saturating_add(bytes) > limits.max_a_day {
            let message = "these are more bytes of files than a user may upload on one day";
            let refusal = Refusal::new(RefusalCode::QuotaExceeded, message);
            return Err(refusal.with_retry_after(until_tomorrow(record.at)).into());
        }
        let known = total.filter(|(_, since)| since.elapsed() < TOTAL_TIME);
        let (all, since) = match known {
            Some(known) => known,
            None => (store.total_bytes().await?, Instant::now()),
        };
        if all.saturating_add(bytes) > limits.max_total {
            *total = Some((all, since));
            let message = "there is no room for more files on this server";
            let refusal = Refusal::new(RefusalCode::QuotaExceeded, message);
            return Err(refusal.with_retry_after(TOTAL_TIME).into());
        }
        store.create(&record).await?;
        *total = Some((all.saturating_add(bytes), since));
        drop(total);
        self.ticket(&record).await
    }

    /// Lets a user go on with a file that it has begun.
    pub(crate) async fn again(&self, user: UserId, id: FileId) -> Result<UploadTicket, FilesError> {
        let file = self.0.store.find(id).await?.filter(|file| file.record.owner == user);
        let KeptFile { record, state, .. } = file.ok_or_else(unknown_file)?;
        let received = match state {
            FileState::Incomplete { received } => received,
            FileState::Complete { .. } => record.bytes,
        };
        Ok(self.ticket(&record).await?.with_received(received))
    }

    async fn ticket(&self, record: &FileRecord) -> Result<UploadTicket, FilesError> {
        let until = Timestamp::now().plus(UPLOAD_TIME).as_millis() / 1000;
        let token = self.signer().await?.sign(Subject::Upload, record.id, until);
        let line = FileReference::line(record.id, &record.name, record.bytes);
        Ok(UploadTicket::new(record.id, format!("{until}-{token}"), record.bytes, line))
    }

    /// Returns a file that the holder of this token uploads, and none if it is no token for it.
    pub(crate) async fn uploaded(
        &self,
        id: FileId,
        token: &str,
    ) -> Result<Option<KeptFile>, FilesError> {
        let Some((until, signature)) = token.split_once('-') else { return Ok(None) };
        let Ok(until) = until.parse() else { return Ok(None) };
        let is_signed = self.signer().await?.verify(Subject::Upload, id, until, signature);
        if !is_signed || until <= Timestamp::now().as_millis() / 1000 {
            return Ok(None);
        }
        Ok(self.0.store.find(id).await?)
    }

    /// Opens a file to append to it. The caller has asked [`uploaded`](Self::uploaded).
    pub(crate) async fn append(
        &self,
        id: FileId,
        from: u64,
    ) -> Result<Box<dyn FileWriter>, FileError> {
        self.0.store.append(id, from).await
    }

    /// Removes a file that no message has. The caller has asked [`uploaded`](Self::uploaded).
    pub(crate) async fn cancel(&self, file: &KeptFile) -> Result<(), FileError> {
        match file.message {
            Some(_) => Ok(()),
            None => self.0.store.remove(file.record.id).await,
        }
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

    /// Returns links to the files of a message, for somebody who may read it.
    pub(crate) async fn links(&self, message: &Message) -> Result<FileLinks, FilesError> {
        let mut links = Vec::new();
        for FileReference { id, .. } in references_of(message) {
            let Some(file) = self.0.store.find(id).await?.filter(|file| file.is_of(message)) else {
                continue;
            };
            let FileRecord { name, bytes, .. } = file.record;
            let until = link_until(Timestamp::now());
            let subject = Subject::Message(message.offset);
            let signature = self.signer().await?.sign(subject, id, until);
            let path = FileReference::path(id, &name);
            let of = message.offset;
            let url = format!("{path}?of={of}&until={until}&signature={signature}");
            let media_type = self.media_type(id).await?;
            links.push(FileLink::new((id, name, bytes), media_type, url, until * 1000));
        }
        Ok(FileLinks::new(links))
    }

    /// Returns the file to which a link leads, if it was signed here, still works, and the message still has the file.
    pub(crate) async fn fetched(
        &self,
        id: FileId,
        of: Offset,
        until: i64,
        signature: &str,
    ) -> Result<Option<Fetched>, FilesError> {
        let now = Timestamp::now();
        let is_signed = self.signer().await?.verify(Subject::Message(of), id, until, signature);
        let end = Timestamp::from_millis(until.saturating_mul(1000));
        if !is_signed || end <= now {
            return Ok(None);
        }
        let Some(message) = self.0.log.message(of).await? else { return Ok(None) };
        if !references_of(&message).iter().any(|reference| reference.id == id) {
            return Ok(None);
        }
        let file = self.0.store.find(id).await?.filter(|file| file.is_of(&message));
        let Some(KeptFile { record, state: FileState::Complete { hash }, .. }) = file else {
            return Ok(None);
        };
        let media_type = self.media_type(id).await?;
        Ok(Some(Fetched { record, hash, media_type, remaining: end.since(now) }))
    }

    /// Reads bytes of a file that was [fetched](Self::fetched).
    pub(crate) async fn read(
        &self,
        id: FileId,
        from: u64,
        most: usize,
    ) -> Result<Bytes, FileError> {
        self.0.store.read(id, from, most).await
    }

    async fn media_type(&self, id: FileId) -> Result<&'static str, FileError> {
        match self.0.store.read(id, 0, HEAD_BYTES).await {
            Ok(head) => Ok(media::media_type(&head)),
            // Just removed.
            Err(FileError::Unknown) => Ok(UNKNOWN),
            Err(error) => Err(error),
        }
    }

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

/// Returns when a link ends that is made now, in seconds.
fn link_until(now: Timestamp) -> i64 {
    let time = i64::try_from(LINK_TIME.as_secs()).unwrap_or(i64::MAX);
    (now.as_millis() / 1000 / time + 2) * time
}

fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    Duration::from_millis((DAY - now.as_millis().rem_euclid(DAY)).unsigned_abs())
}

pub(crate) fn unknown_file() -> Refusal {
    let message = "there is no such file of yours for this conversation that is complete and in no message yet";
    Refusal::new(RefusalCode::UnknownFile, message)
}
