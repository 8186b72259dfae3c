use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Farewell, Link};
use crate::socketio::on_loss::OnLoss;

/// A poll that is being answered. If it is dropped before that because the client has gone, it ends the connection,
/// as Node.js does: nobody knows what Engine.IO has taken for the answer, and a later poll would omit it.
#[must_use]
pub(super) struct Poll {
    link: Option<Arc<Link>>,
    number: u64,
}

impl Link {
    pub(super) fn begin_poll(self: &Arc<Self>) -> Poll {
        let number = self.polls.fetch_add(1, Ordering::Relaxed) + 1;
        Poll { link: Some(Arc::clone(self)), number }
    }
}

impl Poll {
    /// Notes that it is answered without packets.
    pub(super) fn end(mut self) {
        self.link = None;
    }

    /// Notes that it is answered. If the answer is lost, the connection ends, unless the client has continued: once
    /// it has the answer, it polls again or moves to a websocket.
    pub(super) fn answered(mut self) -> OnLoss {
        let (link, number) = (self.link.take(), self.number);
        OnLoss::new(move || {
            let link = link.iter();
            let waiting = |link: &&Arc<Link>| {
                link.is_polled() && link.polls.load(Ordering::Relaxed) == number
            };
            link.filter(waiting).for_each(|link| link.close(Farewell::Lost));
        })
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.close(Farewell::Lost);
        }
    }
}
