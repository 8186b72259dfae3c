use std::sync::Arc;
use std::time::Duration;

use chat_store::MessageStore;
use tokio::time::sleep;

use crate::engine::outage::Outage;

/// The time from a failed append to the first probe of the store.
const FIRST: Duration = Duration::from_millis(500);

/// The longest time between two probes while the store keeps failing.
const LONGEST: Duration = Duration::from_secs(5);

/// Detects the end of a write outage even if no client writes. Never returns. Does nothing outside of an outage.
pub(super) async fn run(store: Arc<dyn MessageStore>, writing: Arc<Outage>) {
    loop {
        writing.begins().await;
        let mut pause = FIRST;
        while writing.is_on() {
            sleep(pause).await;
            // A client's message may have found out meanwhile.
            if !writing.is_unproven() {
                continue;
            }
            pause = (2 * pause).min(LONGEST);
            match store.try_commit().await {
                // Only the next append can tell.
                Ok(false) => {}
                tried => {
                    let _ = writing.watch(tried);
                }
            }
        }
    }
}
