use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::NewMessage;
use tokio::sync::Notify;

use super::ReaderId;
use super::writer::Reply;

/// A commit takes no more messages than this, so that the first of them does not wait for long.
pub(super) const MAX_BATCH: usize = 1024;

/// A commit takes no more messages than have this many bytes in all, or one.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// A source whose message is larger, with what it has had in the last batches, is not fresh when it begins to wait: with
/// few messages in flight at a time, but large ones, it would be always.
const FRESH_BYTES: usize = 4096;

/// A message that waits for its commit.
pub(super) struct Submission {
    /// Whose turn it takes.
    pub(super) source: ReaderId,
    pub(super) message: NewMessage,
    /// The reader that does not want it back.
    pub(super) origin: Option<ReaderId>,
    pub(super) reply: Reply,
}

impl Submission {
    fn bytes(&self) -> usize {
        self.message.content.as_str().len()
    }
}

/// The way to the writer: many put in, one takes out.
///
/// Putting in costs a lock and a push, whoever else waits. Whose turn it is, is decided by [`Waiting`], which the
/// writer has to itself.
#[derive(Default)]
pub(super) struct Queue {
    arrived: Mutex<Arrived>,
    /// Notified when something has arrived where nothing was, and when it is closed.
    changed: Notify,
}

#[derive(Default)]
struct Arrived {
    submissions: Vec<Submission>,
    closed: bool,
}

impl Queue {
    /// Adds a message; gives it back when the queue is closed.
    pub(super) fn push(&self, submission: Submission) -> Result<(), Box<Submission>> {
        let mut arrived = self.lock();
        if arrived.closed {
            return Err(submission.into());
        }
        arrived.submissions.push(submission);
        let is_first = arrived.submissions.len() == 1;
        drop(arrived);
        if is_first {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Moves what has arrived to the end of `submissions`, and says whether more may arrive.
    fn drain_into(&self, submissions: &mut Vec<Submission>) -> bool {
        let mut arrived = self.lock();
        if submissions.is_empty() {
            // The one who puts in finds room, and the one who takes out moves nothing under the lock.
            std::mem::swap(&mut arrived.submissions, submissions);
        } else {
            submissions.append(&mut arrived.submissions);
        }
        !arrived.closed
    }

    /// Waits until there is something to take, or none will come. May return early.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the writer has taken from the [`Queue`] and not committed yet: it goes into batches in turn from each
/// source, each in its own order.
///
/// A source that begins to wait does not stand behind all others: of two turns one is for those that have not had
/// any since. So the message of somebody who waits for each ack is in the next batch, however many have filled
/// their queues, and those advance all the same.
#[derive(Default)]
pub(super) struct Waiting {
    arrived: Vec<Submission>,
    sources: HashMap<ReaderId, VecDeque<Submission>>,
    /// Sources that have begun to wait and had no turn since, nor much in the last batches.
    fresh: VecDeque<ReaderId>,
    /// Sources that had a turn and wait for the next.
    served: VecDeque<ReaderId>,
    /// How many bytes each source has had in the last batches, each batch counting for less than the one after it.
    spent: HashMap<ReaderId, usize>,
    /// Whether the next turn is for one that was served.
    served_next: bool,
}

impl Waiting {
    /// The next batch, nothing when nothing waits, and whether more may come.
    pub(super) fn take(&mut self, queue: &Queue) -> (Vec<Submission>, bool) {
        let open = queue.drain_into(&mut self.arrived);
        // Mostly all of it goes into one batch, and nobody has to wait for a turn.
        if self.sources.is_empty() && fit(&self.arrived) {
            self.spent = HashMap::new();
            // The next ones find as much room, without being moved.
            let room = Vec::with_capacity(self.arrived.len());
            return (std::mem::replace(&mut self.arrived, room), open);
        }
        self.spent.retain(|_, bytes| {
            *bytes -= bytes.div_ceil(8);
            *bytes > 0
        });
        for submission in self.arrived.drain(..) {
            let source = submission.source;
            let waiting = self.sources.entry(source).or_insert_with(|| {
                let spent = self.spent.get(&source).copied().unwrap_or(0);
                let is_fresh = spent + submission.bytes() <= FRESH_BYTES;
                if is_fresh { &mut self.fresh } else { &mut self.served }.push_back(source);
                VecDeque::new()
            });
            waiting.push_back(submission);
        }
        // A flood that is over takes no memory.
        self.arrived.shrink_to(2 * MAX_BATCH);
        let (mut batch, mut bytes) = (Vec::with_capacity(MAX_BATCH), 0);
        while batch.len() < MAX_BATCH
            && bytes < MAX_BATCH_BYTES
            && let Some(submission) = self.next()
        {
            bytes += submission.bytes();
            batch.push(submission);
        }
        (batch, open)
    }

    /// The message whose turn it is.
    fn next(&mut self) -> Option<Submission> {
        let (first, second) = if self.served_next {
            (&mut self.served, &mut self.fresh)
        } else {
            (&mut self.fresh, &mut self.served)
        };
        let source = first.pop_front().or_else(|| second.pop_front())?;
        self.served_next = !self.served_next;
        let waiting = self.sources.get_mut(&source)?;
        let submission = waiting.pop_front();
        let bytes = submission.as_ref().map_or(0, Submission::bytes);
        *self.spent.entry(source).or_default() += bytes;
        if waiting.is_empty() {
            self.sources.remove(&source);
        } else {
            self.served.push_back(source);
        }
        submission
    }
}

/// Whether all of these go into one batch.
fn fit(submissions: &[Submission]) -> bool {
    submissions.len() <= MAX_BATCH
        && submissions.iter().map(Submission::bytes).sum::<usize>() <= MAX_BATCH_BYTES
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::log::tests::new_message;

    fn submission(source: u64, content: &str) -> Submission {
        Submission {
            source: ReaderId(source),
            message: new_message("general", content),
            origin: None,
            reply: Box::new(|_| {}),
        }
    }

    /// Sources and contents of a batch.
    fn shown(batch: &[Submission]) -> Vec<(u64, String)> {
        let shown = |s: &Submission| (s.source.0, s.message.content.as_str().to_owned());
        batch.iter().map(shown).collect()
    }

    proptest! {
        /// Against a plain model, a list for each source: nothing is lost or doubled, each source keeps its order,
        /// a batch that is not full has all there was, those who have waited since the last batch get the same
        /// number of turns up to one, and everybody who began to wait gets one.
        #[test]
        fn batches_are_full_in_order_and_even(
            rounds in proptest::collection::vec(
                proptest::collection::vec((0u64..6, 1usize..900), 0..12), 1..12,
            )
        ) {
            let (queue, mut waiting) = (Queue::default(), Waiting::default());
            let mut model: BTreeMap<u64, VecDeque<String>> = BTreeMap::new();
            let mut number = 0;
            // With rounds enough to take all of it.
            for round in rounds.into_iter().chain(std::iter::repeat_n(Vec::new(), 130)) {
                let old: BTreeSet<u64> = model.keys().copied().collect();
                for (source, count) in round {
                    for _ in 0..count {
                        number += 1;
                        prop_assert!(queue.push(submission(source, &number.to_string())).is_ok());
                        model.entry(source).or_default().push_back(number.to_string());
                    }
                }
                let there: usize = model.values().map(VecDeque::len).sum();
                let (batch, open) = waiting.take(&queue);
                prop_assert!(open);
                prop_assert_eq!(batch.len(), there.min(MAX_BATCH));
                let mut turns: BTreeMap<u64, usize> = BTreeMap::new();
                for (source, content) in shown(&batch) {
                    let expected = model.get_mut(&source).and_then(VecDeque::pop_front);
                    prop_assert_eq!(expected, Some(content));
                    *turns.entry(source).or_default() += 1;
                }
                model.retain(|_, left| !left.is_empty());
                let turns = |source: &u64| turns.get(source).copied().unwrap_or(0);
                let even: Vec<_> = old.iter().filter(|source| model.contains_key(source)).map(turns).collect();
                if let (Some(least), Some(most)) = (even.iter().min(), even.iter().max()) {
                    prop_assert!(most - least <= 1, "{:?}", even);
                }
                prop_assert!(model.keys().all(|source| turns(source) >= 1));
            }
            prop_assert!(model.is_empty());
        }
    }

    #[test]
    fn large_messages_one_at_a_time_are_not_always_before_those_of_others() {
        let (queue, mut waiting) = (Queue::default(), Waiting::default());
        let large = "x".repeat(60_000);
        // Each sends the next when it has the ack for the one before: several batches' worth at a time.
        (0..300).for_each(|source| assert!(queue.push(submission(source, &large)).is_ok()));
        for round in 0..100 {
            let small = round >= 20;
            if small {
                assert!(queue.push(submission(1000 + round % 5, "small")).is_ok());
            }
            let (batch, _) = waiting.take(&queue);
            for (source, content) in shown(&batch) {
                assert!(content.len() > 5 || source >= 1000);
                if source < 1000 {
                    assert!(queue.push(submission(source, &large)).is_ok());
                }
            }
            let has_small = batch.iter().any(|one| one.source.0 == 1000 + round % 5);
            assert_eq!(has_small, small, "round {round}");
        }
    }

    #[test]
    fn a_batch_has_so_many_bytes_or_one_message() {
        let (queue, mut waiting) = (Queue::default(), Waiting::default());
        let large = "x".repeat(65_536);
        for _ in 0..100 {
            assert!(queue.push(submission(1, &large)).is_ok());
        }
        assert!(queue.push(submission(2, "small")).is_ok());
        let batch = shown(&waiting.take(&queue).0);
        assert_eq!(batch.len(), MAX_BATCH_BYTES / large.len() + 1);
        assert!(batch[..3].contains(&(2, "small".into())), "it does not wait behind them");
        assert_eq!(waiting.take(&queue).0.len(), MAX_BATCH_BYTES / large.len());
    }

    #[test]
    fn those_who_wait_for_each_answer_do_not_stop_those_who_have_filled_their_queues() {
        let (queue, mut waiting) = (Queue::default(), Waiting::default());
        for n in 0..3000 {
            assert!(queue.push(submission(0, &n.to_string())).is_ok());
        }
        for _ in 0..3 {
            (1..=1500).for_each(|source| assert!(queue.push(submission(source, "hi")).is_ok()));
            let batch = waiting.take(&queue).0;
            assert!(batch.iter().filter(|taken| taken.source.0 == 0).count() >= 1);
        }
    }

    #[test]
    fn a_closed_queue_gives_back_and_is_emptied() {
        let (queue, mut waiting) = (Queue::default(), Waiting::default());
        assert!(queue.push(submission(1, "before")).is_ok());
        queue.close();
        assert!(queue.push(submission(1, "after")).is_err());
        let (batch, open) = waiting.take(&queue);
        assert_eq!((shown(&batch), open), (vec![(1, "before".into())], false));
        assert!(waiting.take(&queue).0.is_empty());
    }
}
