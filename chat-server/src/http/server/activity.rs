use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::engine::limits::Limits;

/// How many times the stall timeout a whole response may take.
const WRITE_TIMES: u64 = 10;

/// What an HTTP connection is doing and since when; its timeouts depend on it.
///
/// Only one task changes and reads it; it uses atomics because other tasks may hold a reference.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    phase: AtomicU8,
    /// When the phase began. All times here are milliseconds after `began`.
    since: AtomicU64,
    /// When a write had to wait for the client, plus one; zero while none waits.
    blocked: AtomicU64,
    /// When something was last written since then.
    progressed: AtomicU64,
    ended_by_client: AtomicBool,
}

/// Waiting for the headers of a request; the initial phase.
const HEAD: u8 = 0;
/// Waiting for another request.
const IDLE: u8 = 1;
/// Answering a request, without a timeout.
const SERVING: u8 = 2;
/// The connection is a websocket; HTTP timeouts do not apply.
const UPGRADED: u8 = 3;

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            phase: AtomicU8::new(HEAD),
            since: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            progressed: AtomicU64::new(0),
            ended_by_client: AtomicBool::new(false),
        }
    }

    /// Notes that something was read, or the end of the stream.
    pub(super) fn received(&self, bytes: usize) {
        if bytes == 0 {
            self.ended_by_client.store(true, Relaxed);
        } else if self.phase.load(Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// Notes that the headers of a request have arrived.
    pub(super) fn requested(&self) {
        self.enter(SERVING);
    }

    /// Notes that the response is ready. It may still have to be written.
    pub(super) fn responded(&self) {
        self.enter(IDLE);
    }

    pub(super) fn upgraded(&self) {
        self.enter(UPGRADED);
    }

    /// Notes whether a write completed without waiting.
    pub(super) fn wrote(&self, done: bool) {
        if self.is_upgraded() {
            return;
        }
        let waits = self.blocked.load(Relaxed) != 0;
        if !done && !waits {
            self.blocked.store(self.now() + 1, Relaxed);
        }
        if done == waits {
            self.progressed.store(self.now(), Relaxed);
        }
    }

    /// Notes that everything is written.
    pub(super) fn flushed(&self) {
        if self.blocked.load(Relaxed) != 0 {
            self.blocked.store(0, Relaxed);
            if self.phase.load(Relaxed) == IDLE {
                self.enter(IDLE);
            }
        }
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.phase.load(Relaxed) == UPGRADED
    }

    /// Returns whether the client has started to send a request but not finished its headers.
    pub(super) fn is_in_headers(&self) -> bool {
        self.phase.load(Relaxed) == HEAD
    }

    /// Returns whether the client will send nothing more.
    pub(super) fn is_ended_by_client(&self) -> bool {
        self.ended_by_client.load(Relaxed)
    }

    /// Becomes ready when the client has taken too long.
    pub(super) fn poll_too_long(
        &self,
        context: &mut Context<'_>,
        limits: &Limits,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<()> {
        while let Some(deadline) = self.deadline(limits) {
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            // A timer that fires too early is reset then, not at each request.
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(context));
        }
        Poll::Pending
    }

    /// Returns when the connection times out if nothing happens.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let after = |time: u64, patience: Duration| {
            Some(self.began + Duration::from_millis(time) + patience)
        };
        if let Some(blocked) = self.blocked.load(Relaxed).checked_sub(1) {
            let patience = limits.write_timeout;
            let in_all = after(blocked, patience * WRITE_TIMES as u32);
            return after(self.progressed.load(Relaxed), patience).min(in_all);
        }
        let since = self.since.load(Relaxed);
        match self.phase.load(Relaxed) {
            HEAD => after(since, limits.header_timeout),
            IDLE => after(since, limits.idle_timeout),
            _ => None,
        }
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.now(), Relaxed);
        self.phase.store(phase, Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until the connection would be ended.
    fn left(activity: &Activity) -> Option<u64> {
        let deadline = activity.deadline(&Limits::default())?;
        Some((deadline - Instant::now()).as_secs())
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_a_time_of_its_own() {
        let activity = Activity::new();
        pass(10).await;
        // The bytes of the headers come one by one: it is the time for all of them.
        activity.received(1);
        assert_eq!(left(&activity), Some(50));
        activity.requested();
        pass(100).await;
        assert_eq!(left(&activity), None, "a long poll takes as long as it takes");
        activity.responded();
        pass(70).await;
        assert_eq!(left(&activity), Some(5));
        activity.received(1);
        assert_eq!(left(&activity), Some(60), "the headers of the next request");
        activity.requested();
        activity.upgraded();
        activity.wrote(false);
        assert_eq!(left(&activity), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_has_time_while_it_is_being_taken_but_not_for_ever() {
        let activity = Activity::new();
        activity.requested();
        activity.wrote(true);
        activity.wrote(false);
        activity.responded();
        for _ in 0..10 {
            pass(59).await;
            assert_eq!(left(&activity), Some(1));
            activity.wrote(true);
            activity.wrote(false);
        }
        assert_eq!(left(&activity), Some(10), "of ten minutes");
        activity.wrote(true);
        activity.flushed();
        assert_eq!(left(&activity), Some(75), "the next request has its whole time");
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_follows_a_deadline_that_moves() {
        let (activity, limits) = (Activity::new(), Limits::default());
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::from_secs(60)));
        let mut elapsed = async |activity: &Activity| {
            let began = Instant::now();
            let late = std::future::poll_fn(|context| {
                activity.poll_too_long(context, &limits, timer.as_mut())
            });
            let late = tokio::time::timeout(Duration::from_secs(3600), late).await;
            late.ok().map(|()| began.elapsed().as_secs())
        };
        activity.requested();
        assert_eq!(elapsed(&activity).await, None);
        activity.responded();
        assert_eq!(elapsed(&activity).await, Some(75));
        activity.received(1);
        assert_eq!(elapsed(&activity).await, Some(60));
    }
}
