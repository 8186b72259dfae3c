use std::collections::VecDeque;
use std::sync::Arc;

use chat_core::{Feed, Offset};
use chat_store::StoreError;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::following::Following;
use super::read_position::ReadPosition;
use crate::engine::log::{Entry, Log, ReadEntries, Reader, ReaderId};

/// Reads the log for one connection from its [`ReadPosition`] on.
///
/// It reads and hands over, and if there is nothing, waits for an append notification. It registers before the first
/// read, and one notification is kept until it is waited for, so nothing committed in between is missed.
pub(crate) struct Subscription {
    log: Arc<Log>,
    reader: Arc<Reader>,
    position: Arc<ReadPosition>,
    /// What the reader is attached to.
    attached: Arc<Following>,
    /// Its feeds, sorted.
    feeds: Vec<Feed>,
    /// How often the cursor had been moved back or a room was left, as of the last look.
    breaks: u64,
    /// Whether there was a break since messages were last found. A read that fails does not forget it.
    is_broken: bool,
    /// How often a room had been joined or left when `page` was read.
    joins: u64,
    /// Whether nothing may be handed over, as of the last look.
    held: bool,
    /// Messages up to this offset were there before the connection followed their rooms: when they were submitted says
    /// nothing of how fast they are delivered.
    old_upto: Offset,
    /// When the first message of the page was submitted, until it is handed over. The others are not measured: that would
    /// cost a twentieth of a delivery.
    submitted: Option<Instant>,
    /// Messages that were read and not handed over yet.
    page: VecDeque<Arc<Entry>>,
    /// What has to be told before those: everything up to here was deleted.
    gone_upto: Option<Offset>,
}

/// What a subscription hands over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next<'a> {
    /// The next message.
    Message(&'a Entry),
    /// In place of messages that may have been deleted: those up to this offset.
    Gone(Offset),
}

/// The result of [`Subscription::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// There are messages to hand over.
    Messages,
    /// The same, after the cursor was moved back or a room was left: what the connection follows must be saved first.
    AfterBreak,
    /// All committed messages were handed over, or nothing may be handed over now.
    Nothing,
}

impl Subscription {
    /// Creates a subscription to what follows at `position`; `wake` is notified when there is more. Changes of the read
    /// position must notify it too.
    pub(crate) fn new(
        log: Arc<Log>,
        reader: ReaderId,
        position: Arc<ReadPosition>,
        wake: &Arc<Notify>,
    ) -> Self {
        let reader = Reader::new(reader, wake);
        let (attached, feeds, page) = (Arc::default(), Vec::new(), VecDeque::new());
        let mut this = Self {
            log,
            reader,
            position,
            attached,
            feeds,
            breaks: 0,
            is_broken: false,
            joins: 0,
            held: false,
            old_upto: Offset::ZERO,
            submitted: None,
            page,
            gone_upto: None,
        };
        this.look();
        this
    }

    /// Reads the next messages, in order. Does not wait for new ones. Cancel safe.
    pub(crate) async fn read(&mut self) -> Result<ReadOutcome, StoreError> {
        loop {
            let cursor = self.look();
            if self.held {
                return Ok(ReadOutcome::Nothing);
            }
            // Usually true once all messages read are handed over, and cheaper to check than the log, which all
            // connections share.
            if self.reader.has_nothing_after(cursor) {
                return Ok(ReadOutcome::Nothing);
            }
            let read = self.log.read_after(&self.reader, &self.feeds, cursor).await?;
            let ReadEntries { entries, upto, gone_upto } = read;
            if !entries.is_empty() || gone_upto.is_some() {
                self.submitted = entries
                    .first()
                    .filter(|first| first.offset() > self.old_upto)
                    .and_then(|first| first.submitted);
                (self.page, self.gone_upto) = (entries.into(), gone_upto);
                let is_broken = std::mem::take(&mut self.is_broken);
                return Ok(if is_broken { ReadOutcome::AfterBreak } else { ReadOutcome::Messages });
            }
            if upto <= cursor {
                return Ok(ReadOutcome::Nothing);
            }
            self.position.skip_to(self.joins, upto);
        }
    }

    /// Returns whether there are messages that were read and not handed over.
    pub(crate) fn has_next(&self) -> bool {
        self.gone_upto.is_some() || !self.page.is_empty()
    }

    /// Drops messages that were read and not handed over; they are read again later.
    pub(crate) fn let_go(&mut self) {
        (self.page, self.gone_upto) = (VecDeque::new(), None);
    }

    /// Hands over the next message with `hand_over`, unless it is no longer for this connection, and moves on. If it
    /// was not taken, it stays the next one. `hand_over` gets the rewinds that the position there tells of.
    pub(crate) fn hand_over<T>(
        &mut self,
        hand_over: impl FnOnce(Next<'_>, u32) -> Result<(), T>,
    ) -> Result<(), T> {
        if let Some(gone) = self.gone_upto {
            let tell = |rewinds| hand_over(Next::Gone(gone), rewinds);
            match self.position.pass(self.joins, gone, tell) {
                Some(Ok(())) => self.gone_upto = None,
                Some(Err(refused)) => return Err(refused),
                None => self.let_go(),
            }
            return Ok(());
        }
        let Some(entry) = self.page.front() else { return Ok(()) };
        let is_own = entry.origin == Some(self.reader.id());
        // Its deletion follows.
        let is_skipped = is_own || entry.message.is_deleted();
        let message = (&entry.message.audience, entry.offset());
        let advanced = self.position.advance(self.joins, message, |rewinds| {
            if is_skipped { Ok(()) } else { hand_over(Next::Message(entry), rewinds) }
        });
        match advanced {
            Some(Ok(())) => {
                if let Some(submitted) = self.submitted.take().filter(|_| !is_skipped) {
                    self.log.metrics().delivery_time.observe_time(submitted.elapsed());
                }
                self.page.pop_front();
            }
            Some(Err(refused)) => return Err(refused),
            None => self.page.clear(),
        }
        Ok(())
    }

    /// Returns its reader.
    pub(crate) fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    /// Attaches the reader to what the connection follows now, and returns the cursor.
    fn look(&mut self) -> Offset {
        let now = self.position.now(&self.attached);
        if let Some(following) = now.following {
            self.follow(following);
            self.old_upto = self.log.tail();
        }
        self.is_broken |= now.breaks != self.breaks;
        (self.breaks, self.joins, self.held) = (now.breaks, now.joins, now.held);
        now.cursor
    }

    fn follow(&mut self, now: Arc<Following>) {
        let feeds: Vec<Feed> = now.feeds().collect();
        debug_assert!(feeds.is_sorted(), "feeds are looked up in their order");
        let difference = |these: &[Feed], those: &[Feed]| -> Vec<Feed> {
            these.iter().filter(|feed| those.binary_search(feed).is_err()).cloned().collect()
        };
        self.log.attach(&self.reader, &difference(&feeds, &self.feeds));
        self.log.detach(&self.reader, &difference(&self.feeds, &feeds));
        (self.attached, self.feeds) = (now, feeds);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.log.detach(&self.reader, &self.feeds);
    }
}
