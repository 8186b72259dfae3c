//! Presence: who is in which room, over all nodes, and who is typing.
//!
//! Whoever is in a room is a user: one with a nickname, or an anonymous one, which is a client without a nickname.
//! A user is present as long as there is a source: a connection of this node, or another node that reports the user.
//! Only the first source and the end of the last one are announced, so tabs, reconnects and moves between nodes are
//! invisible.
//!
//! ```text
//!   connections ─→ sources ─→ rooms ─→ ephemeral events for the connections in the room
//!                     ▲         │
//!   other nodes ─→ peers        └→ report ─→ other nodes
//! ```
//!
//! Each node is the authority for its own connections and numbers their changes. A node that misses a number requests
//! the whole list: frames may be lost, duplicated, late and in any order. A node that is silent for five seconds is
//! gone, along with its users. Frames may also be forged by someone who can reach the broker. So the memory that
//! they can occupy is bounded, and nothing they claim lasts once the real node contradicts it.
//!
//! Everything is announced at most once. The answer to `users` is authoritative, as far as this node knows.

mod exchange;
mod few;
mod known;
mod others;
mod pace;
mod peer;
mod report;
mod room;
mod state;
mod typing;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::{FrameBody, Nickname, NodeId, Offset, PresenceId, RoomId, UserId};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub(crate) use self::known::Known;
use self::room::ConnectionKey;
use self::state::State;
use crate::engine::delivery::EphemeralEvents;
use crate::engine::outgoing::Outgoing;
use crate::engine::rate::Rate;

/// The interval of periodic work. Changes in between are sent to other nodes together.
const TICK: Duration = Duration::from_millis(50);

/// Maximum number of frames from other nodes that may wait.
const HEARD: usize = 256;

/// Presence: who is in which room, over all nodes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Presence(Arc<Shared>);

struct Shared {
    outgoing: Outgoing,
    state: Mutex<State>,
    /// Frames from other nodes that wait to be processed.
    heard: mpsc::Sender<(NodeId, FrameBody)>,
    hearing: tokio::sync::Mutex<mpsc::Receiver<(NodeId, FrameBody)>>,
}

/// The presence of one connection in its rooms. When dropped, the connection has broken: its user stays for the grace
/// period.
pub(crate) struct PresenceGuard {
    presence: Presence,
    key: ConnectionKey,
}

impl Presence {
    /// Creates an empty presence. A connection that broke counts as present for `grace`. `certain` means that only
    /// nodes of this chat can send the frames that it [takes](Self::take). A room gets at most as many updates as
    /// `ephemeral` allows.
    pub(crate) fn new(
        node: NodeId,
        grace: Duration,
        certain: bool,
        ephemeral: Option<Rate>,
        outgoing: Outgoing,
    ) -> Self {
        let state = Mutex::new(State::new(node, grace, certain, ephemeral));
        let (heard, hearing) = mpsc::channel(HEARD);
        let hearing = tokio::sync::Mutex::new(hearing);
        Self(Arc::new(Shared { outgoing, state, heard, hearing }))
    }

    /// Does periodic work until `closing`, and then tells the other nodes that this one stops. They receive that if
    /// frames from [`Outgoing`] are still published then.
    pub(crate) async fn run(self, closing: CancellationToken) {
        closing.run_until_cancelled(self.work()).await;
        self.lock().send(Instant::now(), &self.0.outgoing);
        self.0.outgoing.presence(FrameBody::NodeLeft);
    }

    /// The lock is held for one frame or one step at a time, and the task yields after each.
    async fn work(&self) {
        let mut hearing = self.0.hearing.lock().await;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_busy = self.lock().step();
            tokio::select! {
                biased;
                _ = ticks.tick() => self.lock().tick(Instant::now(), &self.0.outgoing),
                Some((node, body)) = hearing.recv(), if !is_busy => {
                    self.lock().take(node, body, Instant::now());
                }
                () = yield_now(), if is_busy => continue,
            }
            yield_now().await;
        }
    }

    /// Adds a connection that is in these rooms from now on, and sees all of them but the `unseen` ones. `client` stays
    /// the same when it reconnects, on whichever node.
    pub(crate) fn enter(
        &self,
        client: &str,
        user: Option<(UserId, Nickname)>,
        rooms: (&[RoomId], &[RoomId]),
        ephemeral: Arc<EphemeralEvents>,
    ) -> PresenceGuard {
        let key = self.lock().enter(hash(client), user, rooms, ephemeral);
        PresenceGuard { presence: self.clone(), key }
    }

    /// Returns the number of users in a room and the first nicknames, as the JSON of [`chat_core::event::Users`]. It is
    /// shared by all who ask until someone joins or leaves. None if it cannot be serialised.
    pub(crate) fn users(&self, room: &RoomId) -> Option<Arc<RawValue>> {
        self.lock().users(room)
    }

    /// Returns how much this node knows.
    pub(crate) fn known(&self) -> Known {
        self.lock().known()
    }

    /// Returns the other nodes that this one hears.
    pub(crate) fn nodes(&self) -> BTreeSet<NodeId> {
        self.lock().peers.keys().copied().collect()
    }

    /// Returns the number of frames of other nodes that wait, and how many may.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let heard = &self.0.heard;
        (heard.max_capacity() - heard.capacity(), heard.max_capacity())
    }

    /// Returns the number of users in a room.
    pub(crate) fn count(&self, room: &RoomId) -> usize {
        self.lock().count(room)
    }

    /// Returns whether a user is in any room, on any node.
    pub(crate) fn is_present(&self, user: UserId) -> bool {
        self.lock().is_present(PresenceId::user(user))
    }

    /// Takes a frame from another node; those about other things are ignored. Does not wait: a frame that exceeds the
    /// queue is dropped, and the information is requested later.
    pub(crate) fn take(&self, node: NodeId, body: FrameBody) {
        use FrameBody::{
            NodeLeft, Presence, PresenceSnapshot, PresenceWanted, Read, ReadPrivately, Typing,
            TypingPrivately,
        };
        if matches!(
            body,
            Presence { .. }
                | PresenceWanted { .. }
                | PresenceSnapshot { .. }
                | Typing { .. }
                | Read { .. }
                | ReadPrivately { .. }
                | TypingPrivately { .. }
        ) || matches!(body, NodeLeft)
        {
            let _ = self.0.heard.try_send((node, body));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PresenceGuard {
    /// Joins a room. Joining twice has no further effect.
    pub(crate) fn join(&self, room: &RoomId) {
        self.presence.lock().join(self.key, room);
    }

    /// Leaves a room.
    pub(crate) fn leave(&self, room: &RoomId) {
        self.presence.lock().leave(self.key, room);
    }

    /// Sets whether the connection is told who is typing in a room, joins it and leaves it. A connection sees a room that
    /// it joins, unless it was set otherwise before.
    pub(crate) fn see(&self, room: &RoomId, seen: bool) {
        self.presence.lock().see(self.key, room, seen);
    }

    /// Changes the identity: in all rooms the old user leaves and the new one joins. A user under another
    /// nickname is the same user, and nothing is announced.
    pub(crate) fn rename(&self, user: Option<(UserId, Nickname)>) {
        self.presence.lock().rename(self.key, user);
    }

    /// Sets whether it is typing in a room.
    pub(crate) fn typing(&self, room: &RoomId, typing: bool) {
        self.presence.lock().typing(self.key, room, typing, Instant::now());
    }

    /// Sets whether it is typing a private message to a user.
    pub(crate) fn typing_privately(&self, to: UserId, typing: bool) {
        self.presence.lock().typing_privately(self.key, to, typing, Instant::now());
    }

    /// Tells those in a room, and the user's other connections, that its user has read the room up to an offset.
    pub(crate) fn read(&self, room: &RoomId, offset: Offset) {
        self.presence.lock().read(self.key, room, offset);
    }

    /// Tells the user's other connections that its user has read the private messages with another one up to an offset.
    pub(crate) fn read_privately(&self, with: UserId, offset: Offset) {
        self.presence.lock().read_privately(self.key, with, offset);
    }

    /// Ends the presence: at once if the client wanted it, otherwise when the grace period is over and the client has
    /// not returned. The first end counts, except that one on purpose also ends the grace period.
    pub(crate) fn end(&self, on_purpose: bool) {
        self.presence.lock().end(self.key, on_purpose, Instant::now());
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// The same on all nodes, and practically never the same for two clients.
fn hash(client: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(client).into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
