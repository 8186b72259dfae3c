use std::sync::Arc;
use std::time::Duration;

use chat_store::MessageStore;
use tokio::time::sleep;

use crate::engine::outage::Outage;

/// How long after a failed append the store is asked for the first time whether it works again.
const FIRST: Duration = Duration::from_millis(500);

/// How long it is left alone at the most when it goes on to fail.
const LONGEST: Duration = Duration::from_secs(5);

/// Finds out when an outage of writes is over, also when no client writes: for ever. Does nothing at other times.
pub(super) async fn run(store: Arc<dyn MessageStore>, writing: Arc<Outage>) {
    loop {
        writing.begins().await;
        let mut pause = FIRST;
        while writing.is_on() {
            sleep(pause).await;
            // A client's message may have told meanwhile.
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
