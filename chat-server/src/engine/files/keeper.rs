use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_core::{Feed, FileId, Message, Offset, RecoveryOffset, Timestamp};
use chat_store::{FileAudience, FileState, KeptFile};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::allowance::TOTAL_TIME;
use super::concern::{Concern, Heard, Later};
use super::uploads::UPLOAD_TIME;
use super::{ABANDONED, Files, FilesError, references_of};
use crate::engine::log::READ_LIMIT;

/// How often the beginning of the log is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often what crashes have left is looked at.
const SWEEP: Duration = Duration::from_secs(60);

/// How often files without a message are looked at: a node may have ended after the commit of their message.
const ADOPTION: Duration = Duration::from_secs(60 * 60);

/// How often all files and messages are compared, and when a node starts: all may have ended after a change was committed.
const REVIEW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after an edit, and after what others have committed, the files of a message are looked at: an edit that was checked
/// on another node before may still bring them back, and who has committed it does the same.
const IN_FLIGHT: Duration = Duration::from_secs(3);

/// How long what has failed waits for the next try.
const AGAIN: Duration = Duration::from_secs(30);

/// How many messages are read before a pause, which is as long as that took, ten times.
const AT_ONCE: usize = 64;

/// How long it counts what users have uploaded on a day.
const DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How much the clocks of two nodes may differ.
const CLOCKS: Duration = Duration::from_secs(10 * 60);

/// Sees to it that files become those of their messages, and are removed with them: at once for what this node commits,
/// and later for whatever has gone wrong on any node. All nodes have one; what one has done, the others leave.
///
/// It does not follow the log: reading and keeping a position would take a seventh of the work of storing a message, on a
/// server that has no files.
pub(crate) struct Keeper {
    files: Files,
    /// Something was not done: everything has to be compared.
    missed: Arc<AtomicBool>,
}

impl Keeper {
    pub(super) fn new(files: Files, missed: Arc<AtomicBool>) -> Self {
        Self { files, missed }
    }

    /// Runs until `closing`.
    pub(crate) async fn run(files: Files, heard: Heard, closing: CancellationToken) {
        let Heard { queue, missed } = heard;
        let keeper = Self::new(files, missed);
        let both = async { tokio::join!(keeper.follow(queue), keeper.review_always()) };
        closing.run_until_cancelled(both).await;
    }

    async fn follow(&self, mut queue: mpsc::Receiver<Concern>) {
        let mut later = Later::default();
        loop {
            let concern = tokio::select! {
                concern = queue.recv() => match concern {
                    None => return,
                    Some(Concern::ChangesSoon(of)) => {
                        self.put_off(&mut later, IN_FLIGHT, Concern::Changes(of));
                        continue;
                    }
                    Some(concern) => concern,
                },
                concern = later.next() => concern,
            };
            if let Err(error) = self.take(&concern).await {
                tracing::debug!("a file is left for later: {error}");
                self.put_off(&mut later, AGAIN, concern);
            }
        }
    }

    async fn take(&self, concern: &Concern) -> Result<(), FilesError> {
        match concern {
            Concern::Carries(message) => self.attach(message).await,
            Concern::Changes(of) | Concern::ChangesSoon(of) => self.settle(*of).await,
        }
    }

    fn put_off(&self, later: &mut Later, pause: Duration, concern: Concern) {
        if !later.add(pause, concern) {
            self.missed.store(true, Ordering::Release);
        }
    }

    async fn review_always(&self) {
        let mut horizon = Offset::ZERO;
        let [mut swept, mut counted, mut adopted, mut reviewed] = [None::<Instant>; 4];
        let is_due = |last: Option<Instant>, pause| last.is_none_or(|at| at.elapsed() >= pause);
        loop {
            sleep(LOOK).await;
            let now_gone = self.files.0.log.horizon();
            let done = async {
                if now_gone > horizon {
                    self.forget(horizon, now_gone).await?;
                    horizon = now_gone;
                }
                if is_due(counted, TOTAL_TIME) {
                    self.files.look_at_totals().await?;
                    counted = Some(Instant::now());
                }
                if !is_due(swept, SWEEP) {
                    return Ok(());
                }
                self.files.0.store.sweep(Timestamp::now().minus(DAYS)).await?;
                swept = Some(Instant::now());
                if self.missed.swap(false, Ordering::AcqRel) {
                    (adopted, reviewed) = (None, None);
                }
                if is_due(adopted, ADOPTION) {
                    self.adopt().await?;
                    adopted = Some(Instant::now());
                }
                if is_due(reviewed, REVIEW) {
                    self.review().await?;
                    reviewed = Some(Instant::now());
                }
                Ok::<_, FilesError>(())
            };
            if let Err(error) = done.await {
                tracing::warn!("files are not removed for now: {error}");
                sleep(SWEEP / 2).await;
            }
        }
    }

    /// Removes the files of messages that are gone from the log: those after an offset, up to the horizon.
    pub(super) async fn forget(&self, after: Offset, horizon: Offset) -> Result<(), FilesError> {
        let store = &self.files.0.store;
        let mut after = after;
        loop {
            let offsets = store.offsets(after, AT_ONCE).await?;
            for &offset in offsets.iter().take_while(|&&offset| offset <= horizon) {
                for id in store.attached_to(offset).await? {
                    if self.is_of_this_log(id, offset).await? {
                        self.files.remove(id).await?;
                    }
                }
            }
            match offsets.last() {
                Some(&last) if last < horizon => after = last,
                _ => return Ok(()),
            }
        }
    }

    /// Removes the files of all messages that do not have them any more.
    pub(super) async fn review(&self) -> Result<(), FilesError> {
        let mut after = Offset::ZERO;
        loop {
            let began = Instant::now();
            let offsets = self.files.0.store.offsets(after, AT_ONCE).await?;
            for &offset in &offsets {
                self.settle(offset).await?;
            }
            let Some(&last) = offsets.last() else { return Ok(()) };
            after = last;
            rest(began).await;
        }
    }

    /// Gives files without a message to those that have them in the log, and removes what no message will have.
    pub(super) async fn adopt(&self) -> Result<(), FilesError> {
        let store = &self.files.0.store;
        let now = Timestamp::now();
        let is_abandoned = |file: &KeptFile| now.since(file.record.at) >= ABANDONED;
        // Each conversation is read once, however many files there are.
        let mut complete = BTreeMap::<Feed, Vec<KeptFile>>::new();
        for file in store.unattached().await? {
            match file.state {
                FileState::Complete { .. } => {
                    complete.entry(conversation(&file)).or_default().push(file);
                }
                // Nothing else takes back the room that it was given.
                FileState::Incomplete { received: 0 }
                    if now.since(file.record.at) >= 2 * UPLOAD_TIME =>
                {
                    self.files.remove(file.record.id).await?;
                }
                FileState::Incomplete { .. } if is_abandoned(&file) => {
                    self.files.remove(file.record.id).await?;
                }
                FileState::Incomplete { .. } => {}
            }
        }
        for (feed, mut files) in complete {
            self.adopt_in(&feed, &mut files).await?;
            for file in files.iter().filter(|file| is_abandoned(file)) {
                self.files.remove(file.record.id).await?;
            }
        }
        Ok(())
    }

    /// Looks through a conversation for messages that have these files, and keeps those that none has.
    async fn adopt_in(&self, feed: &Feed, files: &mut Vec<KeptFile>) -> Result<(), FilesError> {
        let Files(inner) = &self.files;
        let Some(first) = files.iter().map(|file| file.record.at).min() else { return Ok(()) };
        let mut after = inner.log.offset_at(first.minus(CLOCKS)).await?.previous();
        while !files.is_empty() {
            let began = Instant::now();
            let feeds = Some(std::slice::from_ref(feed));
            let page = inner.log.read_feeds_after(feeds, after, READ_LIMIT).await?;
            for message in &page.messages {
                for reference in references_of(message) {
                    let of =
                        |file: &KeptFile| file.record.id == reference.id && file.is_of(message);
                    if let Some(index) = files.iter().position(of) {
                        inner.store.attach(reference.id, &self.files.position(message)).await?;
                        files.swap_remove(index);
                    }
                }
            }
            match page.messages.last() {
                Some(last) if page.more => after = last.offset,
                _ => break,
            }
            rest(began).await;
        }
        Ok(())
    }

    /// Removes the files that the message at an offset does not have any more.
    pub(super) async fn settle(&self, offset: Offset) -> Result<(), FilesError> {
        let Files(inner) = &self.files;
        let files = inner.store.attached_to(offset).await?;
        if files.is_empty() {
            return Ok(());
        }
        // One that is not there says nothing: the log may be another one, or have lost its end.
        let Some(message) = inner.log.message(offset).await? else { return Ok(()) };
        let references = references_of(&message);
        for id in files {
            if references.iter().any(|reference| reference.id == id) {
                continue;
            }
            let file = inner.store.find(id).await?;
            if file.is_some_and(|file| file.is_attached_to(&message)) {
                self.files.remove(id).await?;
            }
        }
        Ok(())
    }

    /// Returns whether a file belongs to the message that this log had at an offset. A restored log, which is another one,
    /// leaves the files of earlier messages that it does not retain.
    async fn is_of_this_log(&self, id: FileId, offset: Offset) -> Result<bool, FilesError> {
        let Files(inner) = &self.files;
        let message = inner.store.find(id).await?.and_then(|file| file.message);
        let is_it = |at: RecoveryOffset| at.offset == offset && at.epoch == *inner.log.epoch();
        Ok(message.is_some_and(is_it))
    }

    /// Makes files those of the message that has them.
    pub(super) async fn attach(&self, message: &Message) -> Result<(), FilesError> {
        let store = &self.files.0.store;
        for reference in references_of(message) {
            let file = store.find(reference.id).await?;
            if file.is_some_and(|file| file.is_of(message)) {
                store.attach(reference.id, &self.files.position(message)).await?;
            }
        }
        Ok(())
    }
}

/// Returns the feed with the message that has a file, if one has it.
fn conversation(file: &KeptFile) -> Feed {
    match &file.record.audience {
        FileAudience::Room(room) => Feed::Room(room.clone()),
        FileAudience::With(user) => Feed::Between(file.record.owner, *user),
    }
}

/// Leaves the machine to others after some work, for ten times as long as that took.
async fn rest(began: Instant) {
    sleep(began.elapsed() * 10).await;
}
