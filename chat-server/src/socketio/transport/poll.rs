use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Farewell, Link};
use crate::socketio::on_loss::OnLoss;

/// A poll that is being answered. If it is dropped before that because the client has gone, it ends the connection,
/// as Node.js does: nobody knows what Engine.IO has taken for the answer, and a later poll would omit it.
#[must_use]
pub(super) struct Poll {
    link: Arc<Link>,
    number: u64,
    /// Whether the client has gone, if it is dropped now.
    is_lost: bool,
}

impl Link {
    pub(super) fn begin_poll(self: &Arc<Self>) -> Poll {
        self.outgoing.stall(false);
        let number = self.polls.fetch_add(1, Ordering::Relaxed) + 1;
        self.stage.poll_begins();
        Poll { link: Arc::clone(self), number, is_lost: true }
    }
}

impl Poll {
    /// Notes that it is answered without packets.
    pub(super) fn end(mut self) {
        self.is_lost = false;
    }

    /// Notes that it is answered. If the answer is lost, the connection ends, unless the client has continued: once
    /// it has the answer, it polls again or moves to a websocket.
    pub(super) fn answered(mut self) -> OnLoss {
        self.is_lost = false;
        let (link, number) = (Arc::clone(&self.link), self.number);
        OnLoss::new(move || {
            if link.stage.is_polled() && link.polls.load(Ordering::Relaxed) == number {
                link.close(Farewell::Lost);
            }
        })
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.link.outgoing.stall(true);
        self.link.stage.poll_ends();
        if self.is_lost {
            self.link.close(Farewell::Lost);
        }
    }
}
