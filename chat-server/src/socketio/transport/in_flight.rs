use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::Link;
use super::unsent::AnswerRoom;
use crate::engine::delivery::Permit;

/// The bytes that a request counts in addition to its length: about the memory it needs until it is answered.
const REQUEST_OVERHEAD: usize = 256;

/// A request that is not answered yet.
#[derive(Debug)]
pub(crate) struct InFlight {
    link: Arc<Link>,
    bytes: usize,
    /// For a long answer.
    room: Option<AnswerRoom>,
    /// Released with it.
    turn: Option<OwnedMutexGuard<()>>,
}

impl InFlight {
    /// Counts a request of this length until the guard is dropped.
    pub(crate) fn new(link: &Arc<Link>, bytes: usize) -> Self {
        let bytes = bytes + REQUEST_OVERHEAD;
        link.incoming.begin(bytes);
        Self { link: Arc::clone(link), bytes, room: None, turn: None }
    }

    /// Ends the turn with this guard, so that the next one does not begin before the answer has been sent.
    pub(crate) fn keep(&mut self, turn: OwnedMutexGuard<()>) {
        self.turn = Some(turn);
    }
}

impl Permit for InFlight {
    /// A long answer needs room in the shared budget.
    fn grow(&mut self, bytes: usize, is_long: bool) -> bool {
        if is_long {
            self.room = self.link.outgoing.room_for_answer(bytes);
            if self.room.is_none() {
                return false;
            }
        }
        self.link.incoming.begin(bytes);
        self.bytes += bytes;
        true
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.link.incoming.end(self.bytes);
    }
}
