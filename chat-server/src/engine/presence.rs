//! Who is in which room, over all nodes, and who is typing.
//!
//! A *member* of a room is a person, or a client without a nickname. It is there as long as it has a
//! reason: a connection of this node, or another node that says so. Only the first reason and the last one
//! are told of, so tabs, reconnects and moves between nodes are not seen.
//!
//! ```text
//!   connections ─→ reasons ─→ rooms ─→ notices for the connections in the room
//!                     ▲         │
//!   other nodes ─→ peers        └→ report ─→ other nodes
//! ```
//!
//! Each node is the authority for its own connections, and numbers their changes. Whoever finds a number
//! missing asks for the whole list: frames may be lost, doubled, late and in any order. A node that is not
//! heard for five seconds is gone with its people. Frames may also be made up by somebody who reaches the broker. So
//! what they can have kept is bounded, and nothing that they say lasts when the node itself says something else.
//!
//! All of this is told at most once. The truth is what `users` answers, as far as this node knows it.

mod exchange;
mod few;
mod others;
mod pace;
mod peer;
mod report;
mod room;
mod state;
mod typing;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::{FrameBody, MemberId, Nickname, NodeId, PersonId, RoomId};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::room::ConnectionKey;
use self::state::State;
use crate::engine::delivery::Notices;
use crate::engine::outgoing::Outgoing;
use crate::engine::rate::Rate;

/// How often there is something to do. What happens in between is told to other nodes in one go.
const TICK: Duration = Duration::from_millis(50);

/// How many frames of other nodes may wait.
const HEARD: usize = 256;

/// Who is in which room, over all nodes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Roster(Arc<Shared>);

struct Shared {
    outgoing: Outgoing,
    state: Mutex<State>,
    /// What other nodes say, until there is time for it.
    heard: mpsc::Sender<(NodeId, FrameBody)>,
    hearing: tokio::sync::Mutex<mpsc::Receiver<(NodeId, FrameBody)>>,
}

/// A connection in its rooms. Dropped, it has broken: its user stays for the grace.
pub(crate) struct Attendance {
    roster: Roster,
    key: ConnectionKey,
}

impl Roster {
    /// A roster in which nobody is. A connection that broke counts as there for `grace`. It is `certain` when only
    /// nodes of this chat can say what it [takes](Self::take). A room is told no more than `notices` allow.
    pub(crate) fn new(
        node: NodeId,
        grace: Duration,
        certain: bool,
        notices: Option<Rate>,
        outgoing: Outgoing,
    ) -> Self {
        let state = Mutex::new(State::new(node, grace, certain, notices));
        let (heard, hearing) = mpsc::channel(HEARD);
        let hearing = tokio::sync::Mutex::new(hearing);
        Self(Arc::new(Shared { outgoing, state, heard, hearing }))
    }

    /// Does what time brings until `closing`, and then tells the other nodes that this one stops. They
    /// hear it if what is put into [`Outgoing`] is still published then.
    pub(crate) async fn run(self, closing: CancellationToken) {
        closing.run_until_cancelled(self.work()).await;
        self.lock().send(Instant::now(), &self.0.outgoing);
        self.0.outgoing.presence(FrameBody::NodeLeft);
    }

    /// The lock is held for one frame or one step at a time, and this thread is given to others after each.
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

    /// A connection that is in these rooms from now on. `client` stays the same when it connects again, on
    /// whichever node.
    pub(crate) fn enter(
        &self,
        client: &str,
        person: Option<(PersonId, Nickname)>,
        rooms: &[RoomId],
        notices: Arc<Notices>,
    ) -> Attendance {
        let key = self.lock().enter(hash(client), person, rooms, notices);
        Attendance { roster: self.clone(), key }
    }

    /// How many are in a room, and the names of the first of them: the JSON of [`chat_core::Users`], which is the
    /// same for all who ask until somebody comes or goes. None if it cannot be serialised.
    pub(crate) fn users(&self, room: &RoomId) -> Option<Arc<RawValue>> {
        self.lock().users(room)
    }

    /// How many are in a room.
    pub(crate) fn count(&self, room: &RoomId) -> usize {
        self.lock().count(room)
    }

    /// Whether a person is in a room, whichever it is and on whichever node.
    pub(crate) fn is_present(&self, person: PersonId) -> bool {
        self.lock().is_present(MemberId::person(person))
    }

    /// What another node says; frames about other things are ignored. Does not wait: when more is said than there is
    /// time for, it is not heard, and asked for later.
    pub(crate) fn take(&self, node: NodeId, body: FrameBody) {
        use FrameBody::{NodeLeft, Presence, PresenceSnapshot, PresenceWanted, Typing};
        if matches!(
            body,
            Presence { .. } | PresenceWanted { .. } | PresenceSnapshot { .. } | Typing { .. }
        ) || matches!(body, NodeLeft)
        {
            let _ = self.0.heard.try_send((node, body));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attendance {
    /// Is in a room from now on. Twice is once.
    pub(crate) fn join(&self, room: &RoomId) {
        self.roster.lock().join(self.key, room);
    }

    /// Is not in a room any more.
    pub(crate) fn leave(&self, room: &RoomId) {
        self.roster.lock().leave(self.key, room);
    }

    /// Is somebody else: in all rooms the old one leaves and the new one joins. A person under another name
    /// is the same, and nobody is told.
    pub(crate) fn rename(&self, person: Option<(PersonId, Nickname)>) {
        self.roster.lock().rename(self.key, person);
    }

    /// Types in a room, or does not any more.
    pub(crate) fn typing(&self, room: &RoomId, typing: bool) {
        self.roster.lock().typing(self.key, room, typing, Instant::now());
    }

    /// Ends: at once when the client wanted it, else when the grace is over and it has not come back.
    /// The first end counts, except that one on purpose ends the grace too.
    pub(crate) fn end(&self, on_purpose: bool) {
        self.roster.lock().end(self.key, on_purpose, Instant::now());
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// The same on all nodes, and as good as never the same for two clients.
fn hash(client: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(client).into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
