use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::sleep;

/// How long it must be quiet until the episode is over.
const QUIET: Duration = Duration::from_secs(10);

/// An event that is logged once when it begins and once when it is over, however often it happens.
#[derive(Debug)]
pub(crate) struct Episode {
    lasts: AtomicBool,
    times: AtomicU64,
    /// The text to log at the end, after the number of times it happened.
    end: &'static str,
}

impl Episode {
    pub(crate) fn new(end: &'static str) -> Arc<Self> {
        Arc::new(Self { lasts: AtomicBool::new(false), times: AtomicU64::new(0), end })
    }

    /// Notes that it happened. Calls `begin`, which logs it, the first time.
    pub(crate) fn happens(self: &Arc<Self>, begin: impl FnOnce()) {
        self.times.fetch_add(1, Relaxed);
        if !self.lasts.swap(true, Relaxed) {
            begin();
            tokio::spawn(Arc::clone(self).until_quiet());
        }
    }

    async fn until_quiet(self: Arc<Self>) {
        let mut times = 0;
        while times != self.times.load(Relaxed) {
            times = self.times.load(Relaxed);
            sleep(QUIET).await;
        }
        self.lasts.store(false, Relaxed);
        self.times.store(0, Relaxed);
        tracing::info!("{times} {}", self.end);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_begins_again_when_it_was_over() {
        let (episode, begins) = (Episode::new("times it happened"), Cell::new(0));
        let happens = || episode.happens(|| begins.set(begins.get() + 1));
        for _ in 0..20 {
            happens();
            sleep(QUIET / 2).await;
        }
        assert_eq!(begins.get(), 1);
        sleep(QUIET * 2).await;
        happens();
        assert_eq!(begins.get(), 2);
    }
}
