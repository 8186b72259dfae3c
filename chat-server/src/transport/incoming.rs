use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Link;

/// When more may be read from a client: not while it has too much in flight, nor when it has sent more than its
/// [`Rate`](crate::rate::Rate) allows. What is not read stays in TCP's buffers, and holds the client back.
///
/// So does its answer to a heartbeat then. That must not end the connection: from time to time a pong is to be
/// taken for it, as the client would send it. One that has gone without a word is noticed when it is read from
/// again, or when something is written to it.
#[derive(Debug)]
pub(super) struct Incoming {
    link: Arc<Link>,
    /// No more may be read before, for the rate.
    until: Option<Instant>,
    /// When the next pong is due, if nothing may be read then.
    pong: Instant,
    /// Between two pongs.
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Read from the client.
    Read,
    /// Take a pong for read, at the end of a packet, and say so with [`Incoming::ponged`].
    Pong,
}

impl Incoming {
    /// `patience` is the sum of the times that a client has for a heartbeat.
    pub(super) fn new(link: Arc<Link>, patience: Duration) -> Self {
        // Often enough for one between a ping and the time by which it has to be answered.
        const PONGS: u32 = 16;
        let (now, pause) = (Instant::now(), (patience / PONGS).max(Duration::from_millis(1)));
        let until = link.received(0);
        Self { link, until, pong: now + pause, pause, sleep: None }
    }

    /// Says what to do, or wakes when that changes. Costs next to nothing as long as it is to read.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            let waits = self.link.poll_may_read(context).is_pending();
            if !waits && (self.until.is_none() || self.link.is_closed()) {
                return Poll::Ready(Turn::Read);
            }
            let now = Instant::now();
            self.until = self.until.filter(|&until| now < until);
            if !waits && self.until.is_none() {
                return Poll::Ready(Turn::Read);
            }
            if now >= self.pong {
                return Poll::Ready(Turn::Pong);
            }
            let wake = if waits {
                self.pong
            } else {
                self.until.map_or(now, |until| until.min(self.pong))
            };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(wake)));
            if sleep.deadline() != wake {
                sleep.as_mut().reset(wake);
            }
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            // Polled again when it is over, it would panic.
            self.sleep = None;
        }
    }

    /// So many packets were read.
    pub(super) fn received(&mut self, packets: u64) {
        if packets > 0 {
            self.until = self.link.received(packets);
        }
    }

    /// A pong was taken for read.
    pub(super) fn ponged(&mut self) {
        self.pong = Instant::now() + self.pause;
    }
}
