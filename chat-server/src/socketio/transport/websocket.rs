use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::Link;
use super::write_multiplexer::WriteMultiplexer;

/// The websocket of a connection, which Engine.IO's stream and the [direct writer](super::DirectWriter) write to.
#[derive(Debug)]
pub(crate) struct Websocket {
    pub(super) link: Arc<Link>,
    /// What is written to, while there is a stream.
    multiplexer: Mutex<Option<WriteMultiplexer>>,
}

impl Websocket {
    /// The websocket of a link, of which the stream is still to come.
    pub(super) fn of(link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { link, multiplexer: Mutex::default() })
    }

    pub(super) fn multiplexer(&self) -> MutexGuard<'_, Option<WriteMultiplexer>> {
        self.multiplexer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the multiplexer. When it has to wait, whoever writes to it is woken to try again:
    /// a stream remembers one waker only.
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

    /// Nothing is left of Engine.IO's to be written for the moment.
    pub(super) fn has_drained(&self) {
        let is_clear = self.multiplexer().as_ref().is_none_or(WriteMultiplexer::is_clear);
        self.link.has_drained(is_clear);
    }
}

/// The multiplexer can be written to again.
impl Wake for Websocket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.link.may_write();
    }
}
