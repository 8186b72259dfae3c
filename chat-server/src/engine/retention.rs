//! Deletes the beginning of the log, as far as it need not be kept: on one of all nodes, in small steps.
//!
//! ```text
//!   the log     … 94 95 96 97 98 99
//!          deleted ─┘  └ kept: so many, so much, or so young
//! ```

mod sizes;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Offset, Timestamp};
use chat_store::{SearchIndex, SessionStore, StoreError, Trim, Trimmed};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::sizes::Sizes;
use crate::engine::consumers::{Lease, Lost};
use crate::engine::log::Log;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// After each step, the pause is so many times as long as the step took: messages are stored in between.
const REST: u32 = 4;

/// The shortest pause after a step.
const SHORTEST_REST: Duration = Duration::from_millis(5);

/// How much of the log is kept; all of it by default. Each limit that is set counts.
///
/// The beginning of the log is deleted, in all rooms and private conversations alike. Offsets go on, and the chat's
/// promises hold for everything after the [horizon](chat_store::MessageStore::horizon).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How long messages are kept.
    pub age: Option<Duration>,
    /// How many of the newest entries are kept: messages, edits, deletions, reactions and events.
    pub messages: Option<u64>,
    /// How many bytes of contents are kept. With the names, keys and indexes around them, a store needs more.
    pub bytes: Option<u64>,
    /// How long the key of a message is kept at least, from when the message was received, so that a retry of a deleted
    /// message is recognised. Choose longer than a client keeps trying.
    pub keys: Duration,
}

impl Retention {
    /// How long keys are kept by default: a week.
    pub const KEYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Returns whether everything is kept.
    pub fn is_everything(&self) -> bool {
        self.age.is_none() && self.messages.is_none() && self.bytes.is_none()
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: None, messages: None, bytes: None, keys: Self::KEYS }
    }
}

/// What deletes.
pub(crate) struct Retainer {
    pub(crate) log: Arc<Log>,
    pub(crate) index: Option<Arc<dyn SearchIndex>>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) retention: Retention,
}

impl Retainer {
    /// Deletes until `closing`.
    pub(crate) async fn run(self, closing: CancellationToken) {
        while !closing.is_cancelled() {
            let begin = || async { Ok(Offset::ZERO) };
            let taking = Lease::take(&self.sessions, "retention", self.log.epoch(), begin);
            let Some(mut lease) = closing.run_until_cancelled(taking).await else { return };
            let mut sizes = Sizes::default();
            let work = async {
                while let Ok(()) = lease.renew_while(self.look(&mut sizes)).await {}
                Lost
            };
            if closing.run_until_cancelled(work).await.is_none() {
                return lease.release().await;
            }
        }
    }

    /// Deletes what need not be kept now, and waits.
    async fn look(&self, sizes: &mut Sizes) {
        if let Err(error) = self.retain(sizes).await {
            tracing::debug!("the beginning of the log is not deleted for now: {error}");
        }
        sleep(LOOK).await;
    }

    async fn retain(&self, sizes: &mut Sizes) -> Result<(), StoreError> {
        let (upto, before) = (self.upto(sizes).await?, self.log.horizon());
        if upto > before {
            tracing::debug!("deleting messages up to {upto}, from {before} on");
        }
        let forget_keys_before = Timestamp::now().minus(self.retention.keys);
        let trim = Trim { upto: upto.max(before), forget_keys_before };
        self.step_by_step(|| self.log.trim(&trim)).await?;
        let horizon = self.log.horizon();
        match &self.index {
            Some(index) if horizon > Offset::ZERO => {
                self.step_by_step(|| index.forget_upto(horizon)).await
            }
            _ => Ok(()),
        }
    }

    /// Returns the last message that need not be kept.
    async fn upto(&self, sizes: &mut Sizes) -> Result<Offset, StoreError> {
        let Retention { age, messages, bytes, .. } = self.retention;
        let mut upto = Offset::ZERO;
        if let Some(count) = messages {
            upto = upto.max(self.log.tail().minus(count));
        }
        if let Some(age) = age {
            let oldest = self.log.offset_at(Timestamp::now().minus(age)).await?;
            upto = upto.max(oldest.previous());
        }
        if let Some(bytes) = bytes {
            upto = upto.max(sizes.beyond(bytes, &self.log).await?);
        }
        Ok(upto.min(self.log.tail()))
    }

    async fn step_by_step<S: Future<Output = Result<Trimmed, StoreError>>>(
        &self,
        step: impl Fn() -> S,
    ) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            if step().await? == Trimmed::All {
                return Ok(());
            }
            sleep((began.elapsed() * REST).max(SHORTEST_REST)).await;
        }
    }
}
