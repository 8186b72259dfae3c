use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Link;
use super::fair_queue::Turn;

/// When more may be read from a client: not while it has too much in flight, nor when it has sent more than its
/// [`Rate`](crate::engine::rate::Rate) allows. What is not read stays in TCP's buffers, and holds the client back.
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
    /// When its next packet may be handled.
    turn: Turn,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
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
        Self { link, until, pong: now + pause, pause, sleep: None, turn: Turn::default() }
    }

    /// Says what to do, or wakes when that changes. Costs next to nothing as long as it is to read.
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
            // Polled again when it is over, it would panic.
            self.sleep = None;
        }
    }

    /// Ready when a packet that has come may be handled. To be asked at the beginning of each.
    pub(super) fn poll_packet(&mut self, context: &Context<'_>) -> Poll<()> {
        self.turn.poll(self.link.queue(), context)
    }

    /// How many packets may be handed over at once: one, when they are counted to stay within a rate.
    pub(super) fn left(&self) -> u32 {
        if self.link.is_rated() { 1 } else { self.turn.left() }
    }

    /// So many are handed over.
    pub(super) fn hand_over(&mut self, packets: u32) {
        self.turn.begin(packets);
    }

    /// The packets that were handed over before are handled.
    pub(super) fn handled(&mut self) {
        self.turn.end();
    }

    /// There is nothing to handle for now, or it has to wait.
    pub(super) fn pause(&mut self) {
        self.turn.pause();
    }

    /// Gives up its turn while nothing can be written to the client, so that a connection whose end waits for that holds
    /// up nobody. It asks again when it goes on reading.
    pub(super) fn give_way(&mut self) {
        if self.turn.pause() {
            self.link.read_again();
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
