use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::NewMessage;
use chat_store::Appended;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ReaderId;

/// Maximum number of messages in a commit, so that the first of them does not wait long.
pub(super) const MAX_BATCH: usize = 1024;

/// Maximum number of bytes of messages in a commit, unless it has only one message.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// How many bytes a change of a message counts in addition: the store looks up what it is about, and a flood of them
/// delays the texts of others by a hundred in a commit at the most.
const CHANGE_BYTES: usize = 8 * 1024;

/// The cost of a message beyond its bytes.
const MESSAGE_COST: u64 = 256;

/// A source that has let this many other messages go first takes its turn, however many others wait.
const LONGEST_WAIT: u64 = 4 * MAX_BATCH as u64;

/// At most one of this many messages is from such a source.
const LONGEST_EVERY: u64 = 8;

/// The outcome of a submitted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The store has answered.
    Answered(Appended),
    /// The store has failed or is closed. The message may be sent again.
    Unavailable,
}

/// Called when the outcome of a message is known. Must not block.
pub(crate) type Reply = Box<dyn FnOnce(Outcome) + Send>;

/// A message that waits for its commit.
pub(super) struct Submission {
    /// The source whose turn it takes.
    pub(super) source: ReaderId,
    pub(super) message: NewMessage,
    /// The reader that does not want it back.
    pub(super) origin: Option<ReaderId>,
    pub(super) reply: Reply,
    /// When it was submitted.
    pub(super) since: Instant,
}

impl Submission {
    /// Returns its length, and for a change what that counts in addition.
    fn bytes(&self) -> usize {
        let change = if self.message.kind.depends_on().is_some() { CHANGE_BYTES } else { 0 };
        self.message.content.as_str().len() + change
    }

    fn cost(&self) -> u64 {
        MESSAGE_COST + self.bytes() as u64
    }
}

/// The queue to the writer: many producers, one consumer.
///
/// Adding a message costs a lock and a push, whoever else waits. [`WaitingSubmissions`], which belongs to the writer alone,
/// decides whose turn it is.
#[derive(Default)]
pub(super) struct Queue {
    arrived: Mutex<Arrived>,
    /// Notified when a message arrives in an empty queue, and when it is closed.
    changed: Notify,
}

#[derive(Default)]
struct Arrived {
    submissions: Vec<Submission>,
    closed: bool,
}

impl Queue {
    /// Adds a message; returns it if the queue is closed.
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

    /// Stops accepting messages.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Moves the queued messages to the end of `submissions`, and returns whether more may arrive.
    fn drain_into(&self, submissions: &mut Vec<Submission>) -> bool {
        let mut arrived = self.lock();
        if submissions.is_empty() {
            // Swapping leaves room for producers and moves nothing under the lock.
            std::mem::swap(&mut arrived.submissions, submissions);
        } else {
            submissions.append(&mut arrived.submissions);
        }
        !arrived.closed
    }

    /// Waits until there is something to take, or nothing will come. May return early.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages that the writer has taken from the [`Queue`] and not committed yet. Sources share the batches evenly
/// by the cost of their messages, and each source keeps its order.
///
/// This is [fair queueing](https://doi.org/10.1145/75247.75248) with the clock of [start-time fair
/// queueing](https://doi.org/10.1145/248156.248171): each message begins and ends at times of a virtual clock, the
/// one that ends first is taken first, and the clock shows when the last message taken began. A source that starts to
/// wait begins at the current time, or where its last message ended. So a message of a source that sends little is in
/// the next batch, however full the queues of others are, and however large their messages are.
#[derive(Default)]
pub(super) struct WaitingSubmissions {
    arrived: Vec<Submission>,
    sources: HashMap<ReaderId, Source>,
    /// The sources in their order.
    turns: BTreeSet<(Turn, ReaderId)>,
    /// The sources by the number of their turn.
    asked: BTreeMap<u64, ReaderId>,
    /// When the last message of a source that no longer waits ended, if that is in the future.
    ends: HashMap<ReaderId, u64>,
    clock: u64,
    taken: u64,
    turns_asked: u64,
}

/// The waiting messages of one source, at least one.
struct Source {
    messages: VecDeque<Submission>,
    turn: Turn,
}

/// When the next message of a source ends, the number of its turn, and when it begins. The earliest end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    end: u64,
    number: u64,
    start: u64,
}

impl WaitingSubmissions {
    /// Returns the next batch, empty if nothing waits, and whether more may come.
    pub(super) fn take(&mut self, queue: &Queue) -> (Vec<Submission>, bool) {
        let open = queue.drain_into(&mut self.arrived);
        // Usually everything fits into one batch, and nobody has to wait.
        if self.sources.is_empty() && fit(&self.arrived) {
            self.ends = HashMap::new();
            // Leaves the same capacity for the next messages without moving them.
            let room = Vec::with_capacity(self.arrived.len());
            return (std::mem::replace(&mut self.arrived, room), open);
        }
        self.ends.retain(|_, end| *end > self.clock);
        let mut arrived = std::mem::take(&mut self.arrived);
        for submission in arrived.drain(..) {
            let id = submission.source;
            if let Some(source) = self.sources.get_mut(&id) {
                source.messages.push_back(submission);
            } else {
                let start = self.ends.remove(&id).unwrap_or(0).max(self.clock);
                self.wait(id, start, VecDeque::from([submission]));
            }
        }
        // Leaves room for the next messages; after a flood, memory is released.
        arrived.shrink_to(2 * MAX_BATCH);
        self.arrived = arrived;
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

    /// Adds a waiting source whose next message begins at `start`.
    fn wait(&mut self, id: ReaderId, start: u64, messages: VecDeque<Submission>) {
        let Some(cost) = messages.front().map(Submission::cost) else {
            if start > self.clock {
                self.ends.insert(id, start);
            }
            return;
        };
        self.turns_asked += 1;
        let turn = Turn { end: start + cost, number: self.turns_asked, start };
        self.turns.insert((turn, id));
        self.asked.insert(turn.number, id);
        self.sources.insert(id, Source { messages, turn });
    }

    /// Takes the message whose turn it is.
    fn next(&mut self) -> Option<Submission> {
        self.taken += 1;
        let (&number, &longest) = self.asked.first_key_value()?;
        let is_late = self.turns_asked - number >= LONGEST_WAIT;
        let id = if is_late && self.taken.is_multiple_of(LONGEST_EVERY) {
            longest
        } else {
            let &(turn, id) = self.turns.first()?;
            self.clock = self.clock.max(turn.start);
            id
        };
        let Source { mut messages, turn } = self.sources.remove(&id)?;
        self.turns.remove(&(turn, id));
        self.asked.remove(&turn.number);
        let submission = messages.pop_front();
        self.wait(id, turn.end, messages);
        submission
    }
}

/// Returns whether all of these fit into one batch.
fn fit(submissions: &[Submission]) -> bool {
    submissions.len() <= MAX_BATCH
        && submissions.iter().map(Submission::bytes).sum::<usize>() <= MAX_BATCH_BYTES
}

#[cfg(test)]
mod tests {
    use chat_core::{Kind, Offset};
    use proptest::prelude::*;

    use super::*;
    use crate::engine::log::tests::new_message;

    fn submission(source: u64, content: &str) -> Submission {
        Submission {
            source: ReaderId(source),
            message: new_message("general", content),
            origin: None,
            reply: Box::new(|_| {}),
            since: Instant::now(),
        }
    }

    /// Sources and contents of a batch.
    fn shown(batch: &[Submission]) -> Vec<(u64, String)> {
        let shown = |s: &Submission| (s.source.0, s.message.content.as_str().to_owned());
        batch.iter().map(shown).collect()
    }

    #[test]
    fn a_flood_of_changes_leaves_commits_short() {
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
        for _ in 0..1000 {
            let mut edit = submission(1, "edit");
            edit.message.kind = Kind::Edit(Offset::FIRST);
            assert!(queue.push(edit).is_ok());
        }
        assert!(queue.push(submission(2, "text")).is_ok());
        let (batch, _) = waiting.take(&queue);
        assert!((100..150).contains(&batch.len()), "{}", batch.len());
        assert!(shown(&batch).contains(&(2, "text".to_owned())));
    }

    proptest! {
        /// Against a plain model, a list for each source: nothing is lost or doubled, each source keeps its order,
        /// a batch that is not full has all there was, those who have waited since the last batch get the same share of
        /// it up to a message of each, and everybody who began to wait gets a turn.
        #[test]
        fn batches_are_full_in_order_and_even(
            rounds in proptest::collection::vec(
                proptest::collection::vec((0usize..6, 1usize..300), 0..9), 1..9,
            )
        ) {
            const PADDING: [usize; 6] = [0, 0, 10, 100, 1000, 3000];
            let cost = |source: &u64| MESSAGE_COST + PADDING[*source as usize] as u64 + 5;
            let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
            let mut model: BTreeMap<u64, VecDeque<String>> = BTreeMap::new();
            let mut number = 0;
            // With rounds enough to take all of it.
            for round in rounds.into_iter().chain(std::iter::repeat_n(Vec::new(), 60)) {
                let old: BTreeSet<u64> = model.keys().copied().collect();
                for (source, count) in round {
                    for _ in 0..count {
                        number += 1;
                        let content = format!("{number}{}", "x".repeat(PADDING[source]));
                        prop_assert!(queue.push(submission(source as u64, &content)).is_ok());
                        model.entry(source as u64).or_default().push_back(content);
                    }
                }
                let there: usize = model.values().map(VecDeque::len).sum();
                let (batch, open) = waiting.take(&queue);
                prop_assert!(open);
                let bytes: usize = batch.iter().map(Submission::bytes).sum();
                prop_assert!(batch.len() == there.min(MAX_BATCH) || bytes >= MAX_BATCH_BYTES);
                let mut turns: BTreeMap<u64, u64> = BTreeMap::new();
                for (source, content) in shown(&batch) {
                    let expected = model.get_mut(&source).and_then(VecDeque::pop_front);
                    prop_assert_eq!(expected, Some(content));
                    *turns.entry(source).or_default() += 1;
                }
                model.retain(|_, left| !left.is_empty());
                let turns = |source: &u64| turns.get(source).copied().unwrap_or(0);
                let even: Vec<_> = old.iter().filter(|source| model.contains_key(source)).collect();
                for (one, other) in even.iter().flat_map(|one| even.iter().map(move |other| (one, other))) {
                    let shares = [one, other].map(|source| turns(source) * cost(source));
                    let bound = 2 * (cost(one) + cost(other));
                    prop_assert!(shares[0].abs_diff(shares[1]) <= bound, "{one} {other} {shares:?}");
                }
                prop_assert!(model.keys().all(|source| turns(source) >= 1));
            }
            prop_assert!(model.is_empty());
        }
    }

    /// A second message that is sent before the first is stored does not wait for a turn of everybody.
    #[test]
    fn who_sends_little_is_in_the_next_batch_whatever_others_send() {
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
        let large = "x".repeat(60_000);
        for _ in 0..20 {
            (0..300).for_each(|source| assert!(queue.push(submission(source, &large)).is_ok()));
        }
        for _ in 0..50 {
            for _ in 0..5 {
                assert!(queue.push(submission(1000, "small")).is_ok());
            }
            let (batch, _) = waiting.take(&queue);
            assert_eq!(batch.iter().filter(|one| one.source.0 == 1000).count(), 5);
        }
    }

    #[test]
    fn however_many_begin_to_wait_those_before_them_get_on() {
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
        let large = "x".repeat(60_000);
        (0..10).for_each(|_| assert!(queue.push(submission(0, &large)).is_ok()));
        let mut taken = 0;
        for batch in 1..=60 {
            for n in 0..MAX_BATCH as u64 {
                assert!(queue.push(submission(batch * 10_000 + n, "small")).is_ok());
            }
            let (batch, _) = waiting.take(&queue);
            taken += batch.iter().filter(|one| one.source.0 == 0).count();
        }
        assert_eq!(taken, 10);
    }

    #[test]
    fn nothing_is_kept_of_sources_that_are_gone() {
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
        for source in 0..20_000 {
            assert!(queue.push(submission(source, "hi")).is_ok());
        }
        while !waiting.take(&queue).0.is_empty() {}
        assert!(waiting.turns.is_empty() && waiting.asked.is_empty());
        assert!(waiting.sources.is_empty() && waiting.ends.is_empty());
    }

    #[test]
    fn large_messages_one_at_a_time_are_not_always_before_those_of_others() {
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
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
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
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
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
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
        let (queue, mut waiting) = (Queue::default(), WaitingSubmissions::default());
        assert!(queue.push(submission(1, "before")).is_ok());
        queue.close();
        assert!(queue.push(submission(1, "after")).is_err());
        let (batch, open) = waiting.take(&queue);
        assert_eq!((shown(&batch), open), (vec![(1, "before".into())], false));
        assert!(waiting.take(&queue).0.is_empty());
    }
}
