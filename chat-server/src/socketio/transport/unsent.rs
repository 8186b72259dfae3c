//! Data that waits to be written, over all clients: each connection has some bytes of its own, and any more need room
//! in a budget.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::budget::{Budget, Reservation};

/// The number of bytes that may wait for each connection, whatever the budget.
const FREE_BYTES: usize = 8 * 1024;

/// Room is taken in steps of this size.
const STEP_BYTES: usize = 64 * 1024;

/// When there is not enough room for all, a client that has not read its waiting data for this long is disconnected.
/// It can reconnect and continue.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time between two attempts to get room.
const PAUSE: Duration = Duration::from_millis(100);

/// Room for an answer, given back when dropped. Empty where nothing is shared.
#[derive(Debug)]
pub(crate) struct AnswerRoom(
    #[expect(dead_code, reason = "held for its drop")] Option<Reservation>,
);

/// The waiting data of one client.
#[derive(Debug)]
pub(super) struct Unsent {
    budget: Option<Arc<Budget>>,
    address: Option<IpAddr>,
    began: Instant,
    bytes: AtomicUsize,
    /// Since when data has waited without the client reading any, in milliseconds after `began`; zero until someone
    /// [checks](Self::overdue). Most data waits for less time than reading a clock takes.
    since: AtomicU64,
    has_room: AtomicBool,
    room: Mutex<Option<Reservation>>,
    /// Whether there was no room.
    refused: AtomicBool,
}

impl Unsent {
    pub(super) fn new(budget: Option<Arc<Budget>>, address: Option<IpAddr>) -> Self {
        Self {
            budget,
            address,
            began: Instant::now(),
            bytes: AtomicUsize::default(),
            since: AtomicU64::default(),
            has_room: AtomicBool::default(),
            room: Mutex::default(),
            refused: AtomicBool::default(),
        }
    }

    /// Counts bytes that are about to wait, if there is room for them. One task asks.
    pub(super) fn add(&self, bytes: usize) -> bool {
        let before = self.get();
        let is_granted = before + bytes <= FREE_BYTES || self.make_room(before + bytes);
        self.refused.store(!is_granted, Ordering::Relaxed);
        if is_granted {
            self.count(bytes);
        }
        is_granted
    }

    /// Returns room for an answer of this many bytes, in addition to everything else that waits.
    pub(super) fn room_for(&self, bytes: usize) -> Option<AnswerRoom> {
        match &self.budget {
            Some(budget) => budget.take(self.address, bytes).map(|room| AnswerRoom(Some(room))),
            None => Some(AnswerRoom(None)),
        }
    }

    /// Notes that nothing waits any more.
    pub(super) fn clear(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        if self.has_room.swap(false, Ordering::Relaxed) {
            *self.room() = None;
        }
    }

    /// Returns how many bytes wait.
    pub(super) fn get(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that have room already.
    pub(super) fn count(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before == 0 {
            self.moved();
        }
    }

    /// Uncounts bytes that do not wait after all.
    pub(super) fn take_back(&self, bytes: usize) {
        let less = |before: usize| Some(before.saturating_sub(bytes));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Returns whether there was no room at the last request.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Waits until there may be room where there was none.
    pub(super) async fn pause(&self) {
        sleep(PAUSE).await;
    }

    /// Notes that the client has read something.
    pub(super) fn moved(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Returns when others need this client's room, and it has not read its waiting data for some time.
    pub(super) async fn overdue(&self) {
        loop {
            let now = self.now();
            let began = self.since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            let stood = began.map_or_else(|since| now.saturating_sub(since), |_| 0);
            let left = PATIENCE.saturating_sub(Duration::from_millis(stood));
            let waits = self.get() > 0 && left.is_zero();
            let is_short = |budget: &Arc<Budget>| budget.is_short(self.address);
            if waits && self.budget.as_ref().is_some_and(is_short) {
                return;
            }
            sleep(left.max(PAUSE)).await;
        }
    }

    fn now(&self) -> u64 {
        1 + self.began.elapsed().as_millis() as u64
    }

    fn make_room(&self, bytes: usize) -> bool {
        let Some(budget) = &self.budget else { return true };
        let bytes = bytes.next_multiple_of(STEP_BYTES);
        let has_room = budget.grow(&mut self.room(), self.address, bytes);
        if has_room {
            self.has_room.store(true, Ordering::Relaxed);
        }
        has_room
    }

    fn room(&self) -> MutexGuard<'_, Option<Reservation>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    /// One address may use two steps of it.
    fn budget() -> Arc<Budget> {
        Arc::new(Budget::new("tests", 8 * STEP_BYTES))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_more_than_a_little_needs_room_and_gives_it_back() {
        let budget = budget();
        let [first, second] = [(); 2].map(|()| Unsent::new(Some(Arc::clone(&budget)), ADDRESS));
        assert!(first.add(FREE_BYTES) && second.add(FREE_BYTES));
        assert!(first.add(2 * STEP_BYTES - FREE_BYTES));
        assert!(!first.add(1) && !second.add(1));
        assert!(second.was_refused());
        first.clear();
        assert!(second.add(1) && !second.was_refused());
        assert!(first.add(STEP_BYTES));
        let elsewhere = Unsent::new(Some(budget), None);
        let answer = elsewhere.room_for(STEP_BYTES);
        assert!(answer.is_some() && first.room_for(STEP_BYTES).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_let_go_of_when_others_need_the_room() {
        let budget = budget();
        let [slow, quick] = [(); 2].map(|()| Unsent::new(Some(Arc::clone(&budget)), ADDRESS));
        assert!(slow.add(2 * STEP_BYTES));
        let mut overdue = task::spawn(slow.overdue());
        assert_pending!(overdue.poll());
        tokio::time::advance(10 * PATIENCE).await;
        assert_pending!(overdue.poll(), "nobody else wants it");
        assert!(!quick.add(STEP_BYTES));
        tokio::time::advance(PATIENCE).await;
        assert_ready!(overdue.poll());
        drop(overdue);
        // Who has read meanwhile stays.
        slow.clear();
        assert!(slow.add(2 * STEP_BYTES) && !quick.add(STEP_BYTES));
        let mut overdue = task::spawn(slow.overdue());
        assert_pending!(overdue.poll());
        tokio::time::advance(PATIENCE / 2).await;
        slow.clear();
        assert!(slow.add(2 * STEP_BYTES) && !quick.add(STEP_BYTES));
        tokio::time::advance(PATIENCE / 2).await;
        assert_pending!(overdue.poll());
    }

    /// As a connection does for which there is no room: it asks again and again, and waits in between.
    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_let_go_of_however_often_it_is_asked_for() {
        let budget = budget();
        let [slow, quick] = [(); 2].map(|()| Unsent::new(Some(Arc::clone(&budget)), ADDRESS));
        assert!(slow.add(2 * STEP_BYTES) && !quick.add(STEP_BYTES));
        let began = Instant::now();
        while tokio::time::timeout(PAUSE / 2, slow.overdue()).await.is_err() {
            assert!(began.elapsed() < 2 * PATIENCE);
            if began.elapsed() < PATIENCE / 2 {
                slow.moved();
            }
            assert!(!quick.add(STEP_BYTES));
        }
        assert!(began.elapsed() > PATIENCE, "it had taken something");
    }
}
