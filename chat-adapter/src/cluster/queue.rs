use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Maximum number of pieces that wait for a slow reader.
const MAX_PIECES: usize = 1024;

/// Maximum number of bytes that wait for a slow reader. Room for a few of the largest frames.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A part of a stream of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<T> {
    Frame(T),
    /// Frames are missing here.
    Gap,
}

/// A bounded queue with one reader. Writers never wait: when it is full, it drops its oldest pieces and has a gap in
/// their place.
///
/// It drops the oldest ones so that the newest frame always arrives, which has the latest end of the log.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Notify,
}

#[derive(Debug)]
struct State<T> {
    /// Each with its size in bytes.
    pieces: VecDeque<(Piece<T>, usize)>,
    bytes: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = State { pieces: VecDeque::new(), bytes: 0, closed: false };
        Self { state: Mutex::new(state), ready: Notify::new() }
    }

    pub(super) fn push(&self, frame: T, bytes: usize) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let mut forgotten = false;
        while state.pieces.len() >= MAX_PIECES || state.bytes + bytes > MAX_BYTES {
            let Some((_, size)) = state.pieces.pop_front() else { break };
            state.bytes -= size;
            forgotten = true;
        }
        if forgotten {
            state.pieces.push_front((Piece::Gap, 0));
        }
        state.pieces.push_back((Piece::Frame(frame), bytes));
        state.bytes += bytes;
        drop(state);
        self.ready.notify_one();
    }

    /// Notes that frames are missing after those that wait.
    pub(super) fn push_gap(&self) {
        let mut state = self.lock();
        if state.closed || matches!(state.pieces.back(), Some((Piece::Gap, _))) {
            return;
        }
        state.pieces.push_back((Piece::Gap, 0));
        drop(state);
        self.ready.notify_one();
    }

    /// Drops everything that waits.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.pieces.clear();
        state.bytes = 0;
        drop(state);
        self.push_gap();
    }

    /// Stops accepting pieces; waiting ones can still be read.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for the next piece; `None` once closed and empty. Cancel safe.
    pub(super) async fn next(&self) -> Option<Piece<T>> {
        loop {
            if let Some(piece) = self.try_next() {
                return Some(piece);
            }
            if self.lock().closed {
                return None;
            }
            self.ready.notified().await;
        }
    }

    /// Returns the next piece if there is one.
    pub(super) fn try_next(&self) -> Option<Piece<T>> {
        let mut state = self.lock();
        let (piece, bytes) = state.pieces.pop_front()?;
        state.bytes -= bytes;
        Some(piece)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(queue: &Queue<usize>) -> Vec<Piece<usize>> {
        std::iter::from_fn(|| queue.try_next()).collect()
    }

    #[test]
    fn a_full_queue_forgets_its_oldest_and_has_one_gap_in_their_place() {
        let queue = Queue::new();
        (0..5 * MAX_PIECES).for_each(|number| queue.push(number, 1));
        let newest = (4 * MAX_PIECES..5 * MAX_PIECES).map(Piece::Frame);
        let expected: Vec<_> = std::iter::once(Piece::Gap).chain(newest).collect();
        assert_eq!(rest(&queue), expected);
    }

    #[test]
    fn many_bytes_fill_a_queue_as_many_frames_do() {
        let queue = Queue::new();
        (0..4).for_each(|number| queue.push(number, MAX_BYTES / 2));
        assert_eq!(rest(&queue), [Piece::Gap, Piece::Frame(2), Piece::Frame(3)]);
    }

    #[test]
    fn a_gap_stays_between_the_frames_around_it() {
        let queue = Queue::new();
        queue.push(1, 1);
        queue.push_gap();
        queue.push_gap();
        queue.push(2, 1);
        assert_eq!(rest(&queue), [Piece::Frame(1), Piece::Gap, Piece::Frame(2)]);
    }

    #[tokio::test]
    async fn what_waits_is_read_after_closing_and_nothing_else() {
        let queue = Queue::new();
        queue.push(1, 1);
        queue.close();
        queue.push(2, 1);
        queue.push_gap();
        assert_eq!(queue.next().await, Some(Piece::Frame(1)));
        assert_eq!(queue.next().await, None);
    }
}
