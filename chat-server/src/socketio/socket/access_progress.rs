use std::time::Duration;

use chat_store::AccessNumber;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How long a kick waits until this node has sent its user out. Afterwards it is still done, when the store can be read.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far this node has applied the store's log of changes to rooms, bans and mutes.
#[derive(Debug)]
pub(crate) struct AccessProgress {
    look: Notify,
    applied: watch::Sender<AccessNumber>,
}

impl AccessProgress {
    pub(crate) fn new() -> Self {
        Self { look: Notify::new(), applied: watch::Sender::new(AccessNumber::ZERO) }
    }

    /// Has the log read soon: there may be changes.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    /// Waits until somebody has asked to [look](Self::look). Cancel safe.
    pub(crate) async fn wanted(&self) {
        self.look.notified().await;
    }

    /// Notes that the changes up to this one are applied.
    pub(crate) fn note(&self, number: AccessNumber) {
        self.applied.send_replace(number);
    }

    /// Has a change applied that was just made, and waits for that.
    pub(crate) async fn reach(&self, number: AccessNumber) {
        self.look();
        let mut applied = self.applied.subscribe();
        let _ = timeout(PATIENCE, applied.wait_for(|applied| *applied >= number)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_waited_for_until_it_is_applied_or_too_late() {
        let progress = AccessProgress::new();
        let [first, second] = [1, 2].map(AccessNumber::new);
        let apply = async {
            progress.wanted().await;
            progress.note(first);
        };
        let begin = tokio::time::Instant::now();
        tokio::join!(apply, progress.reach(first));
        assert_eq!(begin.elapsed(), Duration::ZERO);
        progress.reach(first).await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "it is applied already");
        progress.reach(second).await;
        assert_eq!(begin.elapsed(), PATIENCE, "the store cannot be read");
    }
}
