use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Pace;
use super::shared::Shared;
use crate::client::{Connection, Outgoing, Packet, Pipeline, now_micros};
use crate::counts::Received;

/// How long a sender that waits until a message has reached everybody waits before it gives up on
/// it.
const LOST: Duration = Duration::from_millis(500);

/// One client.
pub(super) struct Member {
    pub(super) connection: Connection,
    /// What it sends, if it does.
    pub(super) pipeline: Option<Rc<RefCell<Pipeline>>>,
    pub(super) received: Rc<RefCell<Received>>,
    pub(super) shared: Rc<Shared>,
    pub(super) in_flight: usize,
    pub(super) pace: Pace,
    /// The time between two messages, when there is one.
    pub(super) interval: Option<Duration>,
}

impl Member {
    /// Sends and receives until the connection ends.
    pub(super) async fn run(self) {
        let shared = Rc::clone(&self.shared);
        let pipeline = self.pipeline.clone();
        let ended = match (pipeline, self.pace) {
            (None, _) => self.receive().await,
            (Some(pipeline), Pace::Acked) => self.send_when_acked(&pipeline).await,
            (Some(pipeline), Pace::Delivered) => self.send_when_landed(&pipeline).await,
            (Some(pipeline), Pace::Rate(_)) => self.send_at_rate(&pipeline).await,
        };
        // A client stays until it is stopped: this one was sent away.
        let Err(_) = ended;
        shared.disconnected.set(shared.disconnected.get() + 1);
    }

    async fn receive(mut self) -> io::Result<Infallible> {
        let mut handle = handler(&self.shared, &self.received, None, self.pace);
        loop {
            self.connection.turn(&mut handle).await?;
        }
    }

    async fn send_when_acked(mut self, pipeline: &RefCell<Pipeline>) -> io::Result<Infallible> {
        let mut handle = handler(&self.shared, &self.received, Some(pipeline), self.pace);
        let first = |out: &mut Outgoing| {
            (0..self.in_flight).for_each(|_| pipeline.borrow_mut().send(out));
        };
        self.connection.send(first).await?;
        loop {
            self.connection.turn(&mut handle).await?;
        }
    }

    async fn send_when_landed(mut self, pipeline: &RefCell<Pipeline>) -> io::Result<Infallible> {
        let shared = Rc::clone(&self.shared);
        let mut handle = handler(&shared, &self.received, Some(pipeline), self.pace);
        loop {
            let launch = |out: &mut Outgoing| {
                while shared.sending.get() && shared.air.borrow().len() < self.in_flight {
                    shared.air.borrow_mut().launch();
                    pipeline.borrow_mut().send(out);
                }
            };
            self.connection.send(launch).await?;
            tokio::select! {
                turn = self.connection.turn(&mut handle) => turn?,
                () = shared.landed.notified() => {}
                () = sleep(LOST) => shared.air.borrow_mut().clear(),
            }
        }
    }

    async fn send_at_rate(mut self, pipeline: &RefCell<Pipeline>) -> io::Result<Infallible> {
        let mut handle = handler(&self.shared, &self.received, Some(pipeline), self.pace);
        let mut ticks = interval(self.interval.unwrap_or(Duration::from_secs(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                turn = self.connection.turn(&mut handle) => turn?,
                _ = ticks.tick() => if self.shared.sending.get() {
                    self.connection.send(|out| pipeline.borrow_mut().send(out)).await?;
                }
            }
        }
    }
}

/// Counts what comes, and sends the next message where the pace says so.
fn handler<'a>(
    shared: &'a Shared,
    received: &'a RefCell<Received>,
    pipeline: Option<&'a RefCell<Pipeline>>,
    pace: Pace,
) -> impl FnMut(Packet, &mut Outgoing) + use<'a> {
    move |packet, outgoing| match packet {
        Packet::Delivery(stamp, offset) => {
            received.borrow_mut().take(stamp.sender, stamp.sequence, offset);
            shared.delivered.set(shared.delivered.get() + 1);
            if shared.measuring.get() {
                let micros = now_micros().saturating_sub(stamp.sent_at);
                shared.delivery_latency.borrow_mut().record(micros);
            }
            if pace == Pace::Delivered && shared.air.borrow_mut().reached(stamp.sequence) {
                shared.landed.notify_one();
            }
        }
        Packet::Ack { id, refused } => {
            let Some(pipeline) = pipeline else { return };
            let mut pipeline = pipeline.borrow_mut();
            // One that nobody waits for is not counted: then another one is missing.
            let Some(micros) = pipeline.answered(id, now_micros()) else { return };
            if refused {
                return;
            }
            shared.acked.set(shared.acked.get() + 1);
            if shared.measuring.get() {
                shared.ack_latency.borrow_mut().record(micros);
            }
            if pace == Pace::Acked && shared.sending.get() {
                pipeline.send(outgoing);
            }
        }
        Packet::Ping | Packet::Connected | Packet::Other => {}
    }
}
