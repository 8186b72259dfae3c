use std::time::Duration;

use chat_core::event::UploadTicket;
use chat_core::{FileId, FileName, FileReference, Refusal, RefusalCode, Timestamp, UserId};
use chat_store::{FileAudience, FileError, FileRecord, FileState, FileWriter, KeptFile};
use tokio::time::Instant;

use super::signature::Subject;
use super::{Files, FilesError, Inner, unknown_file};

/// How long a token for an upload works.
pub(super) const UPLOAD_TIME: Duration = Duration::from_secs(60 * 60);

/// How long the size of all files is believed. Each node adds its own meanwhile.
const TOTAL_TIME: Duration = Duration::from_secs(10 * 60);

impl Files {
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
        let file = self.finished(file.ok_or_else(unknown_file)?).await?;
        let KeptFile { record, state, .. } = file;
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
        match self.0.store.find(id).await? {
            Some(file) => Ok(Some(self.finished(file).await?)),
            None => Ok(None),
        }
    }

    /// Opens a file to append to it. The caller has asked [`uploaded`](Self::uploaded).
    pub(crate) async fn append(
        &self,
        id: FileId,
        from: u64,
    ) -> Result<Box<dyn FileWriter>, FileError> {
        self.0.store.append(id, from).await
    }

    /// Removes a file that is not complete. A message may have been stored with one that is, and not be known yet: if none
    /// was, it goes after a day. The caller has asked [`uploaded`](Self::uploaded).
    pub(crate) async fn cancel(&self, file: &KeptFile) -> Result<(), FileError> {
        match file.state {
            FileState::Complete { .. } => Ok(()),
            FileState::Incomplete { .. } => self.0.store.remove(file.record.id).await,
        }
    }

    /// Makes a file complete of which all bytes are there: the node or its disk may have failed just then.
    async fn finished(&self, mut file: KeptFile) -> Result<KeptFile, FileError> {
        let bytes = file.record.bytes;
        if file.state != (FileState::Incomplete { received: bytes }) {
            return Ok(file);
        }
        match self.0.store.append(file.record.id, bytes).await {
            Ok(writer) => file.state = writer.finish().await?,
            // Somebody else is doing so.
            Err(FileError::Busy | FileError::Elsewhere { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(file)
    }
}

fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    Duration::from_millis((DAY - now.as_millis().rem_euclid(DAY)).unsigned_abs())
}
