//! What systemd is told, or another service manager that sets `NOTIFY_SOCKET`. Without one, nothing happens.
//!
//! See `sd_notify(3)`: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>.

use sd_notify::NotifyState::{self, Ready, Status, Stopping, Watchdog};
use tokio::time::{MissedTickBehavior, interval};

/// Tells that clients can connect, and from then on as often as asked that the process is alive.
pub(crate) fn ready(status: &str) {
    tell(&[Ready, Status(status)]);
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut ticks = interval(patience / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tell(&[Watchdog]);
        }
    });
}

/// Tells that the process ends.
pub(crate) fn stopping() {
    tell(&[Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager is not told: {error}");
    }
}
