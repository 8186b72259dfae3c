use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_core::{Message, Offset};
use chat_store::{MessageStore, StoreError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::recent::{Push, Recent};
use crate::engine::metrics::Metrics;
use crate::engine::outage::Outage;

/// How long a message of another node may go unnoticed when its append notification is lost.
const POLL: Duration = Duration::from_secs(1);

/// How many reads in a row may find nothing before the next one has to wait. This happens now and then, when the
/// messages have arrived another way.
const IN_VAIN: u32 = 4;

/// The length of that wait, so that forged append notifications cannot make the store work more often.
const REST: Duration = Duration::from_millis(10);

/// The number of messages per read from the store.
const PAGE: usize = 1024;

/// Returns the last `count` messages of a log, as far as there is room for them.
pub(crate) async fn recent(
    store: &dyn MessageStore,
    count: u64,
    budget: usize,
) -> Result<Recent, StoreError> {
    let tail = store.tail().await?;
    let oldest = tail.minus(count);
    // Newest first: with large messages there is room for few of them.
    let (mut floor, mut bytes, mut parts) = (tail, 0, Vec::new());
    while floor > oldest && bytes < budget {
        let after = floor.minus(PAGE as u64).max(oldest);
        let messages = between(store, after, floor).await?;
        bytes += messages.iter().map(|message| message.content.as_str().len()).sum::<usize>();
        parts.push((after, messages));
        floor = after;
    }
    // After reading: what is missing is below it, and was never here.
    let horizon = store.horizon().await?;
    let recent = Recent::new(floor.max(horizon), budget);
    recent.forget_upto(horizon);
    for (after, messages) in parts.into_iter().rev() {
        recent.note_whole_upto(after);
        recent.push(after, messages);
    }
    // The last of them may have been deleted.
    recent.note_whole_upto(tail);
    Ok(recent)
}

/// Returns the messages after one offset up to another.
async fn between(
    store: &dyn MessageStore,
    after: Offset,
    last: Offset,
) -> Result<Vec<Message>, StoreError> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let after = messages.last().map_or(after, |message| message.offset);
        let page = store.read_after(None, after, PAGE).await?;
        messages.extend(page.messages.into_iter().take_while(|message| message.offset <= last));
        let is_whole = messages.last().is_some_and(|message| message.offset >= last);
        if is_whole || !page.more {
            return Ok(messages);
        }
    }
}

/// The log follower: reads messages from the store that this node did not write itself.
pub(crate) struct LogFollower {
    store: Arc<dyn MessageStore>,
    recent: Arc<Recent>,
    reading: Arc<Outage>,
    metrics: Arc<Metrics>,
    look: Notify,
    told: OnceLock<Told>,
}

/// What is called with the messages of others.
type Told = Box<dyn Fn(&[Message]) + Send + Sync>;

impl LogFollower {
    pub(crate) fn new(
        store: Arc<dyn MessageStore>,
        recent: Arc<Recent>,
        reading: Arc<Outage>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { store, recent, reading, metrics, look: Notify::new(), told: OnceLock::new() }
    }

    /// Sets what is called with the messages of others, once.
    pub(crate) fn on_messages(&self, told: Told) {
        let _ = self.told.set(told);
    }

    pub(crate) fn tell(&self, messages: &[Message]) {
        if let Some(told) = self.told.get() {
            told(messages);
        }
    }

    /// Requests a read soon, before the next poll.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    /// Reads on request and from time to time, until `closing`.
    pub(crate) async fn run(self: Arc<Self>, closing: CancellationToken) {
        let follow = async {
            let mut in_vain = 0_u32;
            loop {
                // Either way it is time to read.
                let is_notified = timeout(POLL, self.look.notified()).await.is_ok();
                let found = self.catch_up().await;
                if !is_notified {
                    self.metrics.frames.repaired.add(found);
                }
                in_vain = if found > 0 { 0 } else { in_vain.saturating_add(1) };
                if in_vain >= IN_VAIN {
                    sleep(REST).await;
                }
            }
        };
        closing.run_until_cancelled(follow).await;
    }

    /// Reads until nothing is left, and returns the number of messages that it found. A store that fails is asked again at the
    /// next read.
    async fn catch_up(&self) -> u64 {
        let mut found = 0;
        loop {
            let after = self.recent.tail();
            let read = self.store.read_after(None, after, PAGE).await;
            let Ok(page) = self.reading.watch(read) else { return found };
            found += page.messages.len() as u64;
            self.tell(&page.messages);
            // The tail has not moved back since, so this cannot leave a gap.
            // Before its messages can be read without those that are missing.
            self.recent.forget_upto(page.horizon);
            let pushed = self.recent.push(after, page.messages);
            debug_assert_eq!(pushed, Push::Applied);
            if !page.more {
                return found;
            }
        }
    }
}
