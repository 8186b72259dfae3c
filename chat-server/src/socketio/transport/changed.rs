use std::pin::pin;

use tokio::sync::Notify;

/// Wakes those who wait for a condition on shared state.
#[derive(Debug, Default)]
pub(super) struct Changed(Notify);

impl Changed {
    /// Makes everybody who waits look again.
    pub(super) fn notify(&self) {
        self.0.notify_waiters();
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, has_come: impl Fn() -> bool) {
        loop {
            let mut changed = pin!(self.0.notified());
            // Registered first: a change in between must wake.
            changed.as_mut().enable();
            if has_come() {
                return;
            }
            changed.await;
        }
    }
}
