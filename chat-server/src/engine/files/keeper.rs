use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Kind, Message, Offset, Timestamp};
use chat_store::SessionStore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{ABANDONED, Files, FilesError, references_of};
use crate::engine::consumers::{Consumer, ConsumerError, Consuming, Consumption, consumer};
use crate::engine::log::READ_LIMIT;

/// How often the beginning of the log is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often files without a message are looked at, and what crashes have left.
const SWEEP: Duration = Duration::from_secs(60);

/// How often all messages with files are read again: something may have changed one without an entry of the log.
const REVIEW: Duration = Duration::from_secs(60 * 60);

/// How many messages are read before a pause, which is as long as that took, ten times.
const AT_ONCE: usize = 64;

/// How long it counts what users have uploaded on a day.
const DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Follows the log, on one of all nodes: files become those of their messages, and are removed with them.
pub(crate) struct Keeper(Files);

impl Keeper {
    /// Runs until `closing`.
    pub(crate) async fn run(
        files: Files,
        sessions: Arc<dyn SessionStore>,
        closing: CancellationToken,
    ) {
        let log = Arc::clone(&files.0.log);
        let keeper = Arc::new(Self(files.clone()));
        // The first time, too: messages with files may be there before this has begun.
        let everything = Consumption::new("files of messages").from_the_beginning();
        let consumption = everything.with_most_at_once(READ_LIMIT);
        let (following, run) = consumer(log, sessions, consumption, keeper, &closing);
        let sweep = closing.run_until_cancelled(Self(files).sweep_always(following));
        tokio::join!(run, sweep);
    }

    async fn sweep_always(self, following: Consuming) {
        let mut horizon = Offset::ZERO;
        let [mut swept, mut reviewed] = [None::<Instant>; 2];
        let is_due = |last: Option<Instant>, pause| last.is_none_or(|at| at.elapsed() >= pause);
        loop {
            sleep(LOOK).await;
            // What follows is for the node that has read the log up to its end.
            if following.position().is_none() {
                continue;
            }
            let now_gone = self.0.0.log.horizon();
            let done = async {
                if now_gone > horizon {
                    self.forget_upto(now_gone).await?;
                    horizon = now_gone;
                }
                if is_due(swept, SWEEP) {
                    self.sweep(&following).await?;
                    swept = Some(Instant::now());
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

    /// Removes the files of messages that are gone from the log.
    async fn forget_upto(&self, horizon: Offset) -> Result<(), FilesError> {
        let store = &self.0.0.store;
        let mut after = Offset::ZERO;
        loop {
            let offsets = store.offsets(after, AT_ONCE).await?;
            for &offset in offsets.iter().take_while(|&&offset| offset <= horizon) {
                for id in store.attached_to(offset).await? {
                    store.remove(id).await?;
                }
            }
            match offsets.last() {
                Some(&last) if last < horizon => after = last,
                _ => return Ok(()),
            }
        }
    }

    async fn sweep(&self, following: &Consuming) -> Result<(), FilesError> {
        let store = &self.0.0.store;
        let now = Timestamp::now();
        store.sweep(now.minus(DAYS)).await?;
        let end = self.0.0.log.end().await?;
        if following.position().is_none_or(|position| position < end) {
            return Ok(());
        }
        for file in store.unattached().await? {
            if now.since(file.record.at) >= ABANDONED {
                store.remove(file.record.id).await?;
            }
        }
        Ok(())
    }

    /// Removes the files of all messages that do not have them any more.
    async fn review(&self) -> Result<(), FilesError> {
        const REST: u32 = 10;
        let mut after = Offset::ZERO;
        loop {
            let began = Instant::now();
            let offsets = self.0.0.store.offsets(after, AT_ONCE).await?;
            for &offset in &offsets {
                self.settle(offset).await?;
            }
            let Some(&last) = offsets.last() else { return Ok(()) };
            after = last;
            sleep(began.elapsed() * REST).await;
        }
    }

    /// Removes the files that the message at an offset does not have any more.
    async fn settle(&self, offset: Offset) -> Result<(), FilesError> {
        let store = &self.0.0.store;
        let files = store.attached_to(offset).await?;
        if files.is_empty() {
            return Ok(());
        }
        let message = self.0.0.log.message(offset).await?;
        let references = message.as_ref().map(references_of).unwrap_or_default();
        for id in files {
            if !references.iter().any(|reference| reference.id == id) {
                store.remove(id).await?;
            }
        }
        Ok(())
    }

    async fn keep(&self, message: &Message) -> Result<(), FilesError> {
        if let Kind::Edit(of) | Kind::Deletion(of) = message.kind {
            return self.settle(of).await;
        }
        let store = &self.0.0.store;
        for reference in references_of(message) {
            let file = store.find(reference.id).await?;
            if file.is_some_and(|file| file.is_of(message)) {
                store.attach(reference.id, message.offset).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for Keeper {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        for message in messages {
            self.keep(message).await.map_err(ConsumerError::new)?;
        }
        Ok(())
    }
}
