use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// The number of connections of a crowded address that may have their turn at a time.
const SLOTS: usize = 8;

/// Per this time, as many connections of a crowded address as there are slots get their turn at once. Waiting for a
/// turn means letting all ready tasks go first, which takes milliseconds in a room with a thousand readers.
const LULL: Duration = Duration::from_millis(2);

/// The number of packets handled per turn: as many as a fast client has in flight. With one per turn, batches are
/// smaller, and a quarter fewer messages are stored in the same time.
const PACKETS: u32 = 16;

/// An address with no more connections than this is not crowded: they do not queue.
const FEW_CONNECTIONS: usize = 64;

/// The queue in which the connections of one address wait to have their packets handled, a few in each [`Turn`].
///
/// Ready tasks are polled one after the other, whoever they belong to. Without a queue, an address that sends on a
/// thousand connections at once would have a thousand ready tasks, and everyone else would wait for all of them at
/// each step of a message. With it, an address has only a few ready tasks; the others wait here. Nothing is refused,
/// and nothing waits while the processor is idle.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    /// The number of connections of the address.
    connections: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of slots taken.
    taken: usize,
    waiting: VecDeque<Arc<Ticket>>,
    /// When immediate turns were last counted from zero, and how many there were.
    at_once: Option<(Instant, usize)>,
}

/// A place in the queue.
#[derive(Debug, Default)]
struct Ticket {
    /// A slot was assigned to it. Changes under the lock of the queue.
    called: AtomicBool,
    /// Nobody waits with it any more. Changes under the lock of the queue.
    void: AtomicBool,
    waker: AtomicWaker,
}

/// Decides when a connection may have its next packet handled.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The number of packets being handled.
    begun: u32,
    /// The number of packets handled since the task was polled.
    handled: u32,
    place: Option<QueuePlace>,
}

/// A slot, or a place in the queue. Given back when dropped.
#[derive(Debug)]
struct QueuePlace {
    queue: Arc<FairQueue>,
    /// None with a slot.
    ticket: Option<Arc<Ticket>>,
}

impl FairQueue {
    /// Sets the number of connections of the address.
    pub(super) fn set_connections(&self, connections: usize) {
        self.connections.store(connections, Ordering::Relaxed);
    }

    fn is_crowded(&self) -> bool {
        self.connections.load(Ordering::Relaxed) > FEW_CONNECTIONS
    }

    /// Returns whether a turn may begin at once: there were few recently.
    fn is_calm(&self) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        let lately = state.at_once.filter(|(since, _)| now - *since < LULL);
        let (since, turns) = lately.unwrap_or((now, 0));
        let is_calm = turns < SLOTS;
        state.at_once = Some((since, turns + usize::from(is_calm)));
        is_calm
    }

    /// Takes a slot, or a place in the queue.
    fn enter(self: &Arc<Self>) -> QueuePlace {
        let mut state = self.lock();
        let ticket = if state.taken < SLOTS {
            state.taken += 1;
            None
        } else {
            let ticket = Arc::default();
            state.waiting.push_back(Arc::clone(&ticket));
            Some(ticket)
        };
        QueuePlace { queue: Arc::clone(self), ticket }
    }

    /// Gives a slot to the connection that has waited longest.
    fn release(&self) {
        let mut state = self.lock();
        while let Some(next) = state.waiting.pop_front() {
            if !next.void.load(Ordering::Relaxed) {
                next.called.store(true, Ordering::Release);
                drop(state);
                next.waker.wake();
                return;
            }
        }
        state.taken -= 1;
        // Memory needed for a flood is released.
        state.waiting.shrink_to(SLOTS);
    }

    /// Stops waiting with this ticket.
    fn leave(&self, ticket: &Ticket) {
        let state = self.lock();
        ticket.void.store(true, Ordering::Relaxed);
        let has_slot = ticket.called.load(Ordering::Relaxed);
        drop(state);
        if has_slot {
            self.release();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueuePlace {
    /// Becomes ready with a slot.
    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        if let Some(ticket) = &self.ticket {
            // Registered first: a call in between must wake.
            ticket.waker.register(context.waker());
            if !ticket.called.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            self.ticket = None;
        }
        Poll::Ready(())
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        match &self.ticket {
            Some(ticket) => self.queue.leave(ticket),
            None => self.queue.release(),
        }
    }
}

impl Turn {
    /// Becomes ready when the next packet may be handled.
    pub(super) fn poll(
        &mut self,
        queue: Option<&Arc<FairQueue>>,
        context: &Context<'_>,
    ) -> Poll<()> {
        let queue = queue.filter(|queue| queue.is_crowded());
        let is_called = match (&mut self.place, queue) {
            (Some(place), _) => place.poll(context).is_ready(),
            // The turn continues, or may begin.
            (None, _) if (1..PACKETS).contains(&self.handled) => true,
            (None, queue) if self.handled == 0 && queue.is_none_or(|queue| queue.is_calm()) => true,
            (None, queue) => {
                self.handled = 0;
                let mut place = queue.map(FairQueue::enter);
                if place.as_mut().is_none_or(|place| place.poll(context).is_ready()) {
                    // All ready tasks go first.
                    context.waker().wake_by_ref();
                }
                self.place = place;
                false
            }
        };
        self.begun = is_called.into();
        if is_called { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Returns how many packets may be handled now, if one may.
    pub(super) fn left(&self) -> u32 {
        PACKETS.saturating_sub(self.handled)
    }

    /// Notes that this many packets are being handled.
    pub(super) fn begin(&mut self, packets: u32) {
        self.begun = self.begun.max(packets);
    }

    /// Notes that those packets have been handled. At the end of the turn the slot is given back.
    pub(super) fn end(&mut self) {
        self.handled += std::mem::take(&mut self.begun);
        if self.handled >= PACKETS {
            self.place = None;
        }
    }

    /// Gives back a slot, or a place in the queue, and returns whether there was one. Call it when the task waits for
    /// something else.
    pub(super) fn pause(&mut self) -> bool {
        let had_place = self.place.is_some();
        *self = Self::default();
        had_place
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio_test::task::{self, Spawn};
    use tokio_test::{assert_pending, assert_ready};

    use super::*;

    fn crowded() -> Arc<FairQueue> {
        let queue = Arc::new(FairQueue::default());
        queue.set_connections(FEW_CONNECTIONS + 1);
        assert!((0..SLOTS).all(|_| queue.is_calm()));
        queue
    }

    /// Has a slot after it has let others come first.
    fn called(queue: &Arc<FairQueue>) -> Turn {
        let mut turn = Turn::default();
        let context = Context::from_waker(Waker::noop());
        assert!(turn.poll(Some(queue), &context).is_pending());
        assert!(turn.poll(Some(queue), &context).is_ready());
        turn
    }

    fn waiting(queue: &Arc<FairQueue>) -> Spawn<Turn> {
        let mut waiting = task::spawn(Turn::default());
        assert_pending!(waiting.enter(|context, mut turn| turn.poll(Some(queue), context)));
        waiting
    }

    fn poll(waiting: &mut Spawn<Turn>) -> Poll<()> {
        waiting.enter(|context, mut turn| turn.poll(None, context))
    }

    fn take_turn(task: &mut Spawn<Turn>) {
        for _ in 0..PACKETS {
            assert_ready!(poll(task));
            task.end();
        }
    }

    #[test]
    fn who_has_few_connections_lets_others_come_first_after_each_turn_only() {
        let mut task = task::spawn(Turn::default());
        for _ in 0..3 {
            take_turn(&mut task);
            assert_pending!(poll(&mut task));
            assert!(task.is_woken(), "at once");
        }
        take_turn(&mut task);
        task.pause();
        assert_ready!(poll(&mut task));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_begins_at_once_when_there_were_few_lately() {
        let queue = crowded();
        assert!(!queue.is_calm());
        tokio::time::advance(LULL).await;
        let mut turn = Turn::default();
        let context = Context::from_waker(Waker::noop());
        for _ in 0..PACKETS {
            assert!(turn.poll(Some(&queue), &context).is_ready());
            turn.end();
        }
        assert!(turn.poll(Some(&queue), &context).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowded_address_has_so_many_slots_and_the_others_come_in_order() {
        let queue = crowded();
        let mut slots: Vec<_> = (0..SLOTS).map(|_| called(&queue)).collect();
        let mut waiting: Vec<_> = (0..3).map(|_| waiting(&queue)).collect();
        for next in 0..3 {
            assert!(waiting[next..].iter().all(|turn| !turn.is_woken()));
            for _ in 0..PACKETS {
                assert!(!waiting[next].is_woken());
                slots[next].end();
                slots[next].begin(1);
            }
            assert!(waiting[next].is_woken());
            assert_ready!(poll(&mut waiting[next]));
        }
        drop((slots, waiting));
        assert_eq!(queue.lock().taken, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_or_waits_for_something_else_holds_up_nobody() {
        let queue = crowded();
        let mut slots: Vec<_> = (0..SLOTS).map(|_| called(&queue)).collect();
        let (gone, mut paused, called_and_gone) =
            (waiting(&queue), waiting(&queue), waiting(&queue));
        let mut last = waiting(&queue);
        drop(gone);
        assert!(paused.pause());
        assert!(slots[0].pause());
        assert!(called_and_gone.is_woken() && !last.is_woken());
        drop(called_and_gone);
        assert!(last.is_woken());
        assert_ready!(poll(&mut last));
        assert!(!slots[0].pause(), "it has none any more");
        drop((slots, last));
        let state = queue.lock();
        assert_eq!((state.taken, state.waiting.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_was_long_takes_no_memory_later() {
        let queue = crowded();
        let slots: Vec<_> = (0..SLOTS).map(|_| called(&queue)).collect();
        let waiting: Vec<_> = (0..10_000).map(|_| waiting(&queue)).collect();
        drop((waiting, slots));
        assert!(queue.lock().waiting.capacity() <= 2 * SLOTS);
    }
}
