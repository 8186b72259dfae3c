use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::Link;
use super::write_multiplexer::WriteMultiplexer;

/// The websocket of a connection, written to by Engine.IO's stream and the [direct writer](super::DirectWriter).
#[derive(Debug)]
pub(crate) struct Websocket {
    pub(super) link: Arc<Link>,
    /// The write multiplexer, while there is a stream.
    multiplexer: Mutex<Option<WriteMultiplexer>>,
}

impl Websocket {
    /// Creates the websocket of a link; its stream follows later.
    pub(super) fn of(link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { link, multiplexer: Mutex::default() })
    }

    pub(super) fn multiplexer(&self) -> MutexGuard<'_, Option<WriteMultiplexer>> {
        self.multiplexer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation on the multiplexer. If it has to wait, both writers are woken to try again: a stream
    /// remembers only one waker.
    pub(super) fn poll_multiplexer<T>(
        self: &Arc<Self>,
        poll: impl FnOnce(&mut WriteMultiplexer, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let waker = Waker::from(Arc::clone(self));
        match &mut *self.multiplexer() {
            Some(multiplexer) => poll(multiplexer, &mut Context::from_waker(&waker)),
            None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    /// Notes that Engine.IO has nothing to write at the moment.
    pub(super) fn note_drained(&self) {
        let is_clear = self.multiplexer().as_ref().is_none_or(WriteMultiplexer::is_clear);
        self.link.outgoing.note_drained(is_clear);
    }
}

/// The multiplexer can be written to again.
impl Wake for Websocket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.link.outgoing.may_write();
    }
}
