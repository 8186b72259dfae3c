use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_adapter::{Broadcast, BroadcastError, Incoming, Subscriber};
use chat_core::{Content, Frame, FrameBody};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::faults::Fault;
use crate::plants::Plant;
use crate::world::{Life, World};

/// The network between the nodes.
#[derive(Default)]
pub(crate) struct Network(Mutex<BTreeMap<(usize, u64), Mailbox>>);

/// What is on its way to one node's subscriber.
struct Mailbox {
    life: Arc<Life>,
    sender: UnboundedSender<(Instant, Incoming)>,
    /// Frames arrive in the order in which they were sent.
    last: Instant,
    /// Something was lost since the last frame.
    gap: bool,
    cut_off: bool,
}

impl Network {
    fn mailboxes(&self) -> MutexGuard<'_, BTreeMap<(usize, u64), Mailbox>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts a node off from the others, or ends that.
    pub(crate) fn cut_off(&self, node: usize, cut_off: bool) {
        for ((_, _), mailbox) in self.mailboxes().iter_mut().filter(|((to, _), _)| *to == node) {
            mailbox.cut_off = cut_off;
            if !cut_off && std::mem::take(&mut mailbox.gap) {
                mailbox.send(Duration::ZERO, Incoming::Gap);
            }
        }
    }

    fn is_cut_off(&self, node: usize) -> bool {
        self.mailboxes().iter().any(|((of, _), mailbox)| *of == node && mailbox.cut_off)
    }
}

impl Mailbox {
    fn send(&mut self, delay: Duration, incoming: Incoming) {
        self.last = self.last.max(Instant::now() + delay);
        // A node that has crashed does not listen.
        let _ = self.sender.send((self.last, incoming));
    }
}

/// One node's access to the network.
pub(crate) struct SimulatedBroadcast {
    world: Arc<World>,
    life: Arc<Life>,
    network: Arc<Network>,
    authenticated: bool,
}

impl SimulatedBroadcast {
    pub(crate) fn new(world: &Arc<World>, life: &Arc<Life>, network: &Arc<Network>) -> Self {
        let authenticated = world.random(|rng| rng.chance(500)) && !world.is_forging()
            || world.plant == Some(Plant::ForgedTrusted);
        Self { world: world.clone(), life: life.clone(), network: network.clone(), authenticated }
    }

    /// Returns a frame as somebody else could have sent it.
    fn forged(&self, frame: &Frame) -> Option<Frame> {
        if !self.world.happens(Fault::FrameForged)
            && !self.world.is_planted(Plant::ForgedTrusted, 300)
        {
            return None;
        }
        let mut frame = frame.clone();
        let FrameBody::Appended { messages, tail, .. } = &mut frame.body else { return None };
        for message in messages {
            message.content = Content::from_stored("forged");
        }
        *tail = tail.next();
        Some(frame)
    }
}

#[async_trait]
impl Broadcast for SimulatedBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        self.world.take_time().await;
        self.life.go_on().await;
        let forged = self.forged(&frame).map(Arc::new);
        let cut_off = self.network.is_cut_off(self.life.node);
        let mut mailboxes = self.network.mailboxes();
        mailboxes.retain(|_, mailbox| mailbox.life.is_alive() && !mailbox.sender.is_closed());
        for ((to, _), mailbox) in mailboxes.iter_mut() {
            // A node on its own cannot be told that it has missed something.
            if cut_off != mailbox.cut_off || mailbox.cut_off && *to != self.life.node {
                mailbox.gap = true;
                continue;
            }
            if self.world.happens(Fault::FrameLost) {
                mailbox.gap = true;
                continue;
            }
            if std::mem::take(&mut mailbox.gap) {
                mailbox.send(Duration::ZERO, Incoming::Gap);
            }
            let late = self.world.happens(Fault::FrameLate);
            let delay = self.world.random(|rng| rng.millis(0, if late { 3000 } else { 5 }));
            if let Some(forged) = &forged {
                mailbox.send(delay, Incoming::Frame(forged.clone()));
            }
            mailbox.send(delay, Incoming::Frame(frame.clone()));
            if self.world.happens(Fault::FrameDoubled) {
                mailbox.send(delay, Incoming::Frame(frame.clone()));
            }
        }
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.life.go_on().await;
        let (sender, receiver) = unbounded_channel();
        let (life, last) = (self.life.clone(), Instant::now());
        let mailbox = Mailbox { life: life.clone(), sender, last, gap: false, cut_off: false };
        let number = self.world.random(|rng| rng.next());
        self.network.mailboxes().insert((life.node, number), mailbox);
        Ok(Box::new(SimulatedSubscriber { life, receiver, next: None }))
    }

    fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    async fn close(&self) {}
}

struct SimulatedSubscriber {
    life: Arc<Life>,
    receiver: UnboundedReceiver<(Instant, Incoming)>,
    next: Option<(Instant, Incoming)>,
}

#[async_trait]
impl Subscriber for SimulatedSubscriber {
    async fn next(&mut self) -> Option<Incoming> {
        if self.next.is_none() {
            self.next = Some(self.receiver.recv().await?);
        }
        if let Some((at, _)) = &self.next {
            sleep_until(*at).await;
        }
        self.life.go_on().await;
        self.next.take().map(|(_, incoming)| incoming)
    }
}
