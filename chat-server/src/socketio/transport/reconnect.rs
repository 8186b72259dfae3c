//! CONNECTs that socketioxide ignores. It tells a client that it is disconnected, refused or connected a moment before
//! it forgets the socket or has finished connecting it, and ignores a CONNECT to that namespace in between, or for as
//! long as an application's disconnect handler runs. The client would wait for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Link;

/// The time between two looks at unanswered CONNECTs.
const PAUSE: Duration = Duration::from_millis(500);

impl Link {
    /// Shows Engine.IO the CONNECTs again that nothing happens after, as long as there are some. It does no harm if
    /// they were seen: socketioxide ignores those to a namespace that is connected or connecting.
    pub(super) fn repeat_connects(self: &Arc<Self>) {
        // Without a runtime nothing is served.
        let Ok(runtime) = Handle::try_current() else { return };
        let link = Arc::downgrade(self);
        runtime.spawn(async move {
            loop {
                sleep(PAUSE).await;
                let Some(link) = link.upgrade().filter(|link| !link.is_closed()) else { return };
                let Some(unanswered) = link.namespaces.unanswered() else { return };
                // The answer may be on its way.
                if !link.outgoing.is_stalled() {
                    unanswered.into_iter().for_each(|connect| link.insert(connect));
                }
            }
        });
    }
}
