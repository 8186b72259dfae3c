use std::time::Duration;

use chat_core::Timestamp;
use chat_store::StoreError;
use tokio::time::sleep;

use super::Identities;

/// The time between two sweeps, and from the start to the first one.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The pause before the next batch, so that other work proceeds.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// The shortest time out of use after which a credential is deleted. Stores note uses to the hour.
const MIN_UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

impl Identities {
    /// Deletes expired nicknames from time to time, and then, if `users_too`, users of whom nothing is left. Never
    /// returns.
    pub(crate) async fn sweep(self, users_too: bool) {
        // Whoever issues tokens says who is a user, for how long as well.
        let users_too = users_too && !self.are_issued();
        loop {
            sleep(SWEEP_INTERVAL).await;
            let swept = self.sweep_nicknames().await;
            let swept = match swept {
                Ok(()) if users_too => self.sweep_credentials().await,
                swept => swept,
            };
            if let Err(error) = swept {
                tracing::debug!(
                    "not all expired nicknames and unused credentials were deleted: {error}"
                );
            }
        }
    }

    async fn sweep_nicknames(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            after = self.store.sweep_nicknames(self.clock.earliest(), after.as_ref()).await?;
            if after.is_none() {
                return Ok(());
            }
            sleep(SWEEP_PAUSE).await;
        }
    }

    async fn sweep_credentials(&self) -> Result<(), StoreError> {
        let unused = i64::try_from(self.lifetime.max(MIN_UNUSED).as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.earliest().as_millis();
        let unused_since = Timestamp::from_millis(now.saturating_sub(unused));
        let mut after = None;
        loop {
            after = self.store.sweep_credentials(unused_since, after).await?;
            if after.is_none() {
                return Ok(());
            }
            sleep(SWEEP_PAUSE).await;
        }
    }
}
