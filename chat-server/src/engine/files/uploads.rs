use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chat_core::event::UploadTicket;
use chat_core::{FileId, FileName, FileReference, Timestamp, UserId};
use chat_store::{
    FileAudience, FileError, FileRecord, FileState, FileTotals, FileWriter, KeptFile,
};
use tokio::time::Instant;

use super::allowance::TOTAL_TIME;
use super::signature::Subject;
use super::{Files, FilesError, Inner, unknown_file};
use crate::engine::source::Source;

/// How long a token for an upload works.
pub(super) const UPLOAD_TIME: Duration = Duration::from_secs(60 * 60);

type Totals = Option<(FileTotals, Instant)>;

impl Files {
    /// Begins a file of a user at this source who may write to this audience.
    pub(crate) async fn begin(
        &self,
        owner: UserId,
        source: Source,
        name: FileName,
        bytes: u64,
        audience: FileAudience,
    ) -> Result<UploadTicket, FilesError> {
        let begun = self.begin_unless_refused(owner, source, name, bytes, audience).await;
        match &begun {
            Ok(_) => self.metrics().begun.add(1),
            Err(FilesError::Refused(refusal)) => self.refused(refusal.code),
            Err(_) => {}
        }
        begun
    }

    async fn begin_unless_refused(
        &self,
        owner: UserId,
        source: Source,
        name: FileName,
        bytes: u64,
        audience: FileAudience,
    ) -> Result<UploadTicket, FilesError> {
        let Inner { store, allowance, total, .. } = &*self.0;
        allowance.admit(bytes)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| FilesError::Random)?;
        let mut record = FileRecord::new(FileId::from_random(random), name, bytes, owner, audience);
        record.at = Timestamp::now();
        let mut total = total.lock().await;
        let of_user = store.of_user(owner, record.at).await?;
        allowance.admit_of_user(of_user, bytes, record.at)?;
        let (mut all, since) = self.known_totals(&mut total).await?;
        allowance.admit_to(all, store.count_unattached().await?, bytes)?;
        allowance.take(source, bytes)?;
        if let Err(error) = store.create(&record).await {
            allowance.give_back(source, bytes);
            return Err(error.into());
        }
        all.files += 1;
        all.bytes = all.bytes.saturating_add(bytes);
        self.set_totals(&mut total, all, since);
        drop(total);
        self.ticket(&record).await
    }

    /// Looks at all files together, so that nobody who begins one has to wait for it.
    pub(super) async fn look_at_totals(&self) -> Result<(), FileError> {
        let mut total = self.0.total.lock().await;
        *total = None;
        self.known_totals(&mut total).await.map(drop)
    }

    /// Returns all files together, and when they were looked at, which is now if that is long ago.
    async fn known_totals(&self, total: &mut Totals) -> Result<(FileTotals, Instant), FileError> {
        if let Some(known) = total.filter(|(_, since)| since.elapsed() < 2 * TOTAL_TIME) {
            return Ok(known);
        }
        let since = Instant::now();
        let all = self.0.store.totals().await?;
        self.set_totals(total, all, since);
        Ok((all, since))
    }

    fn set_totals(&self, total: &mut Totals, all: FileTotals, since: Instant) {
        let [files, bytes] = &self.0.shown;
        files.store(all.files, Relaxed);
        bytes.store(all.bytes, Relaxed);
        *total = Some((all, since));
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

    /// Notes that bytes of a file came in, after which it has this state.
    pub(crate) fn received(&self, bytes: u64, state: &FileState) {
        self.metrics().received.add(bytes);
        if matches!(state, FileState::Complete { .. }) {
            self.metrics().finished.add(1);
        }
    }

    pub(super) async fn remove(&self, id: FileId) -> Result<(), FileError> {
        self.0.store.remove(id).await?;
        self.metrics().removed.add(1);
        Ok(())
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
            FileState::Incomplete { .. } => self.remove(file.record.id).await,
        }
    }

    /// Makes a file complete of which all bytes are there: the node or its disk may have failed just then.
    async fn finished(&self, mut file: KeptFile) -> Result<KeptFile, FileError> {
        let bytes = file.record.bytes;
        if file.state != (FileState::Incomplete { received: bytes }) {
            return Ok(file);
        }
        match self.0.store.append(file.record.id, bytes).await {
            Ok(writer) => {
                file.state = writer.finish().await?;
                self.metrics().finished.add(1);
            }
            // Somebody else is doing so.
            Err(FileError::Busy | FileError::Elsewhere { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(file)
    }
}
