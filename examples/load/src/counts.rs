//! What a receiver got, against what it should have got: counted exactly, message by message.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use serde::Serialize;

/// What went wrong with deliveries. All zero is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Deliveries that never came.
    pub(crate) missing: u64,
    /// Deliveries that came again.
    pub(crate) repeated: u64,
    /// Deliveries that came after a later one: of the same sender, or by the offset.
    pub(crate) out_of_order: u64,
    /// Receivers that got everything, but in another order than the first of them.
    pub(crate) other_order: u64,
    /// Messages that were sent and never acked, and those that were refused.
    pub(crate) unanswered: u64,
    /// Connections that were not accepted, or ended.
    pub(crate) disconnected: u64,
}

impl Counts {
    pub(crate) fn all_right(&self) -> bool {
        *self == Self::default()
    }
}

/// Missing, repeated and out of order, and what else went wrong.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.missing, self.repeated, self.out_of_order)?;
        for (count, what) in [
            (self.other_order, "receivers with another order"),
            (self.unanswered, "without an ack"),
            (self.disconnected, "disconnected"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
        self.other_order += other.other_order;
        self.unanswered += other.unanswered;
        self.disconnected += other.disconnected;
    }
}

/// What one receiver got.
#[derive(Debug)]
pub(crate) struct Received {
    /// By the number of the sender.
    senders: Vec<Progress>,
    last_offset: u64,
    repeated: u64,
    out_of_order: u64,
    /// Of all messages and their order.
    fingerprint: u64,
}

#[derive(Debug, Clone, Default)]
struct Progress {
    /// What was got so far lies before this, except for the gaps.
    next: u64,
    /// Where each gap begins and ends. The end is not part of it.
    gaps: BTreeMap<u64, u64>,
}

impl Received {
    /// A receiver that is to get the messages of so many senders from this one of each on.
    pub(crate) fn new(senders: usize, first: u64) -> Self {
        Self {
            senders: vec![Progress { next: first, gaps: BTreeMap::new() }; senders],
            last_offset: 0,
            repeated: 0,
            out_of_order: 0,
            fingerprint: 0,
        }
    }

    /// Notes a delivery. A message of an unknown sender counts as repeated: nobody should have got
    /// it.
    pub(crate) fn take(&mut self, sender: usize, sequence: u64, offset: Option<u64>) {
        let mixed = self.fingerprint.rotate_left(5) ^ sequence ^ (sender as u64) << 40;
        self.fingerprint = mixed.wrapping_mul(0x517c_c1b7_2722_0a95);
        let forward = offset.is_none_or(|offset| offset > self.last_offset);
        self.last_offset = offset.unwrap_or_default().max(self.last_offset);
        let Some(progress) = self.senders.get_mut(sender) else {
            self.repeated += 1;
            return;
        };
        if sequence >= progress.next {
            if sequence > progress.next {
                progress.gaps.insert(progress.next, sequence);
            }
            progress.next = sequence + 1;
            self.out_of_order += u64::from(!forward);
        } else if progress.fill(sequence) {
            self.out_of_order += 1;
        } else {
            self.repeated += 1;
        }
    }

    /// What went wrong, when senders have sent so many messages each; none for a sender that this
    /// receiver is not to hear.
    pub(crate) fn counts(&self, sent: impl Iterator<Item = Option<u64>>) -> Counts {
        let missing = self.senders.iter().zip(sent).filter_map(|(progress, sent)| {
            let gaps: u64 = progress.gaps.iter().map(|(begin, end)| end - begin).sum();
            sent.map(|sent| gaps + sent.saturating_sub(progress.next))
        });
        Counts {
            missing: missing.sum(),
            repeated: self.repeated,
            out_of_order: self.out_of_order,
            ..Counts::default()
        }
    }

    /// The same for receivers that got the same messages in the same order, and for no others.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl Progress {
    /// Takes a message out of the gaps. False when it lies in none.
    fn fill(&mut self, sequence: u64) -> bool {
        let gap = self.gaps.range(..=sequence).next_back().map(|(&begin, &end)| (begin, end));
        let Some((begin, end)) = gap.filter(|(_, end)| sequence < *end) else { return false };
        self.gaps.remove(&begin);
        if begin < sequence {
            self.gaps.insert(begin, sequence);
        }
        if sequence + 1 < end {
            self.gaps.insert(sequence + 1, end);
        }
        true
    }
}

/// Counts the receivers whose order is another one than that of the first, among those that got
/// everything once.
pub(crate) fn other_orders(fingerprints: impl IntoIterator<Item = u64>) -> u64 {
    let mut fingerprints = fingerprints.into_iter();
    let Some(first) = fingerprints.next() else { return 0 };
    fingerprints.filter(|&fingerprint| fingerprint != first).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(sequences: &[u64]) -> Received {
        let mut received = Received::new(1, 0);
        sequences.iter().for_each(|&sequence| received.take(0, sequence, None));
        received
    }

    fn counts(sequences: &[u64], sent: u64) -> [u64; 3] {
        let counts = received(sequences).counts([Some(sent)].into_iter());
        [counts.missing, counts.repeated, counts.out_of_order]
    }

    #[test]
    fn each_delivery_is_counted_for_what_it_is() {
        assert_eq!(counts(&[0, 1, 2, 3], 4), [0, 0, 0]);
        assert_eq!(counts(&[], 4), [4, 0, 0]);
        assert_eq!(counts(&[0, 1], 4), [2, 0, 0]);
        assert_eq!(counts(&[2, 3], 4), [2, 0, 0]);
        assert_eq!(counts(&[0, 1, 1, 2, 0, 3], 4), [0, 2, 0]);
        assert_eq!(counts(&[0, 2, 1, 3], 4), [0, 0, 1]);
        assert_eq!(counts(&[0, 5, 2, 3, 2], 6), [2, 1, 2]);
        assert_eq!(counts(&[9, 0, 5, 5, 1, 4], 10), [5, 1, 4]);
    }

    #[test]
    fn offsets_that_go_back_are_out_of_order() {
        let mut received = Received::new(2, 0);
        received.take(0, 0, Some(5));
        received.take(1, 0, Some(4));
        received.take(1, 1, Some(6));
        assert_eq!(received.counts([Some(1), Some(2)].into_iter()).out_of_order, 1);
    }

    #[test]
    fn receivers_with_another_order_are_counted() {
        let (same, other) = ([0, 1, 2], [0, 2, 1]);
        let fingerprints = [&same, &same, &other, &same].map(|order| received(order).fingerprint());
        assert_eq!(other_orders(fingerprints), 1);
    }

    #[test]
    fn a_sender_that_is_not_to_be_heard_is_not_missed() {
        let mut received = Received::new(2, 0);
        received.take(0, 0, None);
        assert!(received.counts([Some(1), None].into_iter()).all_right());
    }
}
