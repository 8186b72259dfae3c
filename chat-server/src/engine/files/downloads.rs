use std::time::Duration;

use bytes::Bytes;
use chat_core::event::{FileLink, FileLinks};
use chat_core::{FileId, FileReference, Message, Offset, Timestamp};
use chat_store::{FileError, FileRecord, FileState, KeptFile};

use super::media::{self, HEAD_BYTES, UNKNOWN};
use super::signature::Subject;
use super::{Files, FilesError, references_of};

/// Links work for one to two of these: those made within one are the same, so that browsers keep what they have fetched.
const LINK_TIME: Duration = Duration::from_secs(60 * 60);

/// A complete file that somebody may fetch.
pub(crate) struct Fetched {
    pub(crate) record: FileRecord,
    pub(crate) hash: [u8; 32],
    pub(crate) media_type: &'static str,
    /// How long the link still works.
    pub(crate) remaining: Duration,
}

impl Files {
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
        let bytes = self.0.store.read(id, from, most).await?;
        self.metrics().served.add(bytes.len() as u64);
        Ok(bytes)
    }

    async fn media_type(&self, id: FileId) -> Result<&'static str, FileError> {
        match self.0.store.read(id, 0, HEAD_BYTES).await {
            Ok(head) => Ok(media::media_type(&head)),
            // Just removed.
            Err(FileError::Unknown) => Ok(UNKNOWN),
            Err(error) => Err(error),
        }
    }
}

/// Returns when a link ends that is made now, in seconds.
fn link_until(now: Timestamp) -> i64 {
    let time = i64::try_from(LINK_TIME.as_secs()).unwrap_or(i64::MAX);
    (now.as_millis() / 1000 / time + 2) * time
}
