use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Link;
use super::fair_queue::Turn;

/// Decides when to read more from a client: not while it has too much in flight, nor after it has sent more than its
/// [`Rate`](crate::engine::rate::Rate) allows. Unread data stays in TCP's buffers and slows the client down.
///
/// The client's answer to a heartbeat is then stuck there too. That must not end the connection: from time to time a
/// pong is inserted as if the client had sent it. A client that has vanished is noticed when it is read from again,
/// or when something is written to it.
#[derive(Debug)]
pub(super) struct Incoming {
    link: Arc<Link>,
    /// Reading is paused until then, because of the rate.
    until: Option<Instant>,
    /// When the next pong is due if reading is paused.
    pong: Instant,
    /// The time between two pongs.
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When its next packet may be handled.
    turn: Turn,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Read from the client.
    Read,
    /// Insert a pong at the end of a packet, and confirm that with [`Incoming::ponged`].
    Pong,
}

impl Incoming {
    /// Creates the reader's state; `patience` is the sum of the ping interval and the ping timeout.
    pub(super) fn new(link: Arc<Link>, patience: Duration) -> Self {
        // Often enough for one between a ping and the deadline for its answer.
        const PONGS: u32 = 16;
        let (now, pause) = (Instant::now(), (patience / PONGS).max(Duration::from_millis(1)));
        let until = link.incoming.received(0);
        Self { link, until, pong: now + pause, pause, sleep: None, turn: Turn::default() }
    }

    /// Returns what to do, or wakes when that changes. Nearly free while it is to read.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            let waits = self.link.poll_may_read(context).is_pending();
            if !waits && (self.until.is_none() || self.link.is_closed()) {
                return Poll::Ready(Step::Read);
            }
            let now = Instant::now();
            self.until = self.until.filter(|&until| now < until);
            if !waits && self.until.is_none() {
                return Poll::Ready(Step::Read);
            }
            if now >= self.pong {
                return Poll::Ready(Step::Pong);
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
            // Polling it again after it has completed would panic.
            self.sleep = None;
        }
    }

    /// Becomes ready when a received packet may be handled. Call it at the beginning of each.
    pub(super) fn poll_packet(&mut self, context: &Context<'_>) -> Poll<()> {
        self.turn.poll(self.link.queue(), context)
    }

    /// Returns how many packets may be handed over at once: one if a rate counts them.
    pub(super) fn left(&self) -> u32 {
        if self.link.incoming.is_rated() { 1 } else { self.turn.left() }
    }

    /// Notes that this many are handed over.
    pub(super) fn hand_over(&mut self, packets: u32) {
        self.turn.begin(packets);
    }

    /// Notes that the packets that were handed over have been handled.
    pub(super) fn handled(&mut self) {
        self.turn.end();
    }

    /// Notes that there is nothing to handle at the moment, or that it has to wait.
    pub(super) fn pause(&mut self) {
        self.turn.pause();
    }

    /// Gives up its turn while nothing can be written to the client, so that a connection whose end depends on
    /// writing holds up nobody. It asks again when it continues reading.
    pub(super) fn give_way(&mut self) {
        if self.turn.pause() {
            self.link.incoming.wake();
        }
    }

    /// Notes that this many packets were read.
    pub(super) fn received(&mut self, packets: u64) {
        if packets > 0 {
            self.until = self.link.incoming.received(packets);
        }
    }

    /// Notes that a pong was inserted.
    pub(super) fn ponged(&mut self) {
        self.pong = Instant::now() + self.pause;
    }
}
