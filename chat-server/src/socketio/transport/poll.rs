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
        self.outgoing.stall(false);
        let number = self.polls.fetch_add(1, Ordering::Relaxed) + 1;
        Poll { link: Some(Arc::clone(self)), number }
    }
}

impl Poll {
    /// Notes that it is answered without packets.
    pub(super) fn end(mut self) {
        self.take();
    }

    /// Notes that it is answered. If the answer is lost, the connection ends, unless the client has continued: once
    /// it has the answer, it polls again or moves to a websocket.
    pub(super) fn answered(mut self) -> OnLoss {
        let (link, number) = (self.take(), self.number);
        OnLoss::new(move || {
            let link = link.iter();
            let waiting = |link: &&Arc<Link>| {
                link.stage.is_polled() && link.polls.load(Ordering::Relaxed) == number
            };
            link.filter(waiting).for_each(|link| link.close(Farewell::Lost));
        })
    }

    fn take(&mut self) -> Option<Arc<Link>> {
        let link = self.link.take()?;
        link.outgoing.stall(true);
        Some(link)
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        if let Some(link) = self.take() {
            link.close(Farewell::Lost);
        }
    }
}
