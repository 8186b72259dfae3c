use crate::event::Handshake;
use crate::{Offset, RecoveryOffset};

/// How far a client has got in the log.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// The last message that arrived; none before the first one.
    position: Option<RecoveryOffset>,
    /// The end of the log when the client began, if it began there: where it goes on before its first message.
    start: Option<Offset>,
}

impl Inbox {
    pub(super) fn new(position: Option<RecoveryOffset>) -> Self {
        Self { position, start: None }
    }

    /// Moves to a message that arrives. Returns whether it is new.
    pub(super) fn accept(&mut self, at: &RecoveryOffset) -> bool {
        // The server has another log than before, and serves it from the beginning.
        let is_same_log = |position: &&RecoveryOffset| position.epoch == at.epoch;
        let known = self.position.as_ref().filter(is_same_log);
        // The server sends in order: only repeats have to be found.
        if known.is_some_and(|position| at.offset <= position.offset) {
            return false;
        }
        self.position = Some(at.clone());
        true
    }

    /// Begins anew: the position is not in the server's log.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns whether nobody knows where the client is in the log.
    pub(super) fn is_nowhere(&self) -> bool {
        self.position.is_none() && self.start.is_none()
    }

    /// Begins at the end of the log, if nothing has arrived before.
    pub(super) fn start_at(&mut self, tail: Offset) {
        self.start.get_or_insert(tail);
    }

    /// Tells the server where to go on.
    pub(super) fn fill(&self, handshake: &mut Handshake) {
        if let Some(position) = &self.position {
            handshake.server_offset = position.offset;
            handshake.offset = Some(position.clone());
        } else if let Some(start) = self.start {
            handshake.server_offset = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(epoch: &str, offset: u64) -> RecoveryOffset {
        RecoveryOffset::new(epoch.parse().unwrap(), Offset::new(offset).unwrap())
    }

    #[test]
    fn another_log_is_read_from_its_beginning() {
        let mut inbox = Inbox::new(Some(at("a", 7)));
        assert!(!inbox.accept(&at("a", 7)));
        assert!(inbox.accept(&at("b", 1)));
        assert!(!inbox.accept(&at("b", 1)));
        assert!(inbox.accept(&at("b", 2)));
    }

    proptest! {
        /// Whatever parts of the log a server repeats, each message arrives once and in order.
        #[test]
        fn each_message_counts_once(mut cuts in prop::collection::vec((0..50_u64, 0..50_u64), 0..20)) {
            cuts.push((0, 50));
            let (mut inbox, mut heard) = (Inbox::default(), 0);
            for (from, to) in cuts {
                // A server goes on at the latest where the client is.
                for offset in from.min(heard) + 1..=to {
                    prop_assert_eq!(inbox.accept(&at("a", offset)), offset == heard + 1);
                    heard = heard.max(offset);
                }
            }
            prop_assert_eq!(heard, 50);
        }
    }
}
