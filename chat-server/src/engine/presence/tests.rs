//! The presence of several nodes without a socket, and a way between them that can fail.

mod forged;
mod pace;
mod random;
mod reading;
mod several_nodes;
mod typing;
mod users;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chat_core::event::{
    PRIVATE_TYPING, PrivateTyping, READ, Seen, TYPING, Typing, USER_JOINED, UserChange, Users,
};
use chat_core::{FrameBody, Nickname, NodeId, RoomId, UserId};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Presence, PresenceGuard};
use crate::engine::delivery::EphemeralEvents;
use crate::engine::outgoing::Outgoing;
use crate::engine::rate::Rate;

const GRACE: Duration = Duration::from_secs(5);

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

fn general() -> RoomId {
    RoomId::general()
}

/// The user who has this name.
fn user(name: &str) -> Option<(UserId, Nickname)> {
    let id = name
        .bytes()
        .fold(7, |id: i64, byte| id.wrapping_mul(31).wrapping_add(i64::from(byte)) & i64::MAX);
    Some((UserId::from_stored(id), name.parse().unwrap()))
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// A presence that runs.
struct Node {
    id: NodeId,
    presence: Presence,
    said: Receiver<FrameBody>,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Node {
    fn new(number: u8) -> Self {
        Self::hearing(number, true)
    }

    /// One that is `certain` of whom it hears, or not.
    fn hearing(number: u8, certain: bool) -> Self {
        Self::telling(number, certain, None)
    }

    /// One that tells each room no more than this.
    fn telling(number: u8, certain: bool, ephemeral: Option<Rate>) -> Self {
        let id = NodeId::from_random([number; 8]);
        let (outgoing, said) = Outgoing::new();
        let presence = Presence::new(id, GRACE, certain, ephemeral, outgoing);
        let closing = CancellationToken::new();
        let task = tokio::spawn(presence.clone().run(closing.clone()));
        Self { id, presence, said, closing, task }
    }

    fn enter(&self, client: &str, name: Option<&str>, rooms: &[RoomId]) -> Client {
        let ephemeral = Arc::new(EphemeralEvents::new(Arc::new(Notify::new())));
        let who = name.and_then(user);
        let presence = self.presence.enter(client, who, (rooms, &[]), Arc::clone(&ephemeral));
        Client { presence, ephemeral }
    }

    fn ada(&self) -> Client {
        self.enter("a", Some("Ada"), &[general()])
    }

    fn count(&self) -> usize {
        self.presence.count(&general())
    }

    fn users(&self, room: &RoomId) -> Users {
        serde_json::from_str(self.presence.users(room).unwrap().get()).unwrap()
    }

    fn names(&self, room: &RoomId) -> BTreeSet<String> {
        self.users(room).nicknames.into_iter().map(String::from).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection, and what it is told.
struct Client {
    presence: PresenceGuard,
    ephemeral: Arc<EphemeralEvents>,
}

impl Client {
    /// What it was told since the last time, in words.
    fn hears(&self) -> Vec<String> {
        let words = self.ephemeral.take().into_iter().map(|event| {
            let argument = event.argument.get();
            let name = |name: Option<Nickname>| name.map_or("somebody".into(), String::from);
            if event.name == TYPING {
                let typing: Typing = serde_json::from_str(argument).unwrap();
                let does = if typing.typing { "types" } else { "rests" };
                return format!("{} {does}", name(typing.nickname));
            }
            if event.name == PRIVATE_TYPING {
                let typing: PrivateTyping = serde_json::from_str(argument).unwrap();
                let does = if typing.typing { "types" } else { "rests" };
                return format!("{} {does} privately", typing.nickname);
            }
            if event.name == READ {
                let seen: Seen = serde_json::from_str(argument).unwrap();
                let what = match (seen.room, seen.with) {
                    (Some(room), _) => room.to_string(),
                    (None, with) => format!("the messages with {:?}", with.unwrap()),
                };
                return format!("{} read {what}: {}", name(seen.nickname), seen.offset);
            }
            let change: UserChange = serde_json::from_str(argument).unwrap();
            let what = if event.name == USER_JOINED { "joined" } else { "left" };
            format!("{} {what} {}: {}", name(change.nickname), change.room, change.users)
        });
        words.collect()
    }
}

/// What happens to one frame on its way to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    IsLost,
    ArrivesTwice,
    /// It arrives after the next frames to this node.
    IsLate,
}

/// Nodes, and the way between them.
struct Net {
    nodes: Vec<Node>,
    /// For each node what is late.
    late: Vec<VecDeque<(NodeId, FrameBody)>>,
    /// How many frames went to each node.
    sent: usize,
}

impl Net {
    fn of(nodes: u8) -> Self {
        let nodes: Vec<_> = (1..=nodes).map(Node::new).collect();
        let late = nodes.iter().map(|_| VecDeque::new()).collect();
        Self { nodes, late, sent: 0 }
    }

    /// Lets time pass, during which frames travel without fail.
    async fn pass(&mut self, millis: u64) {
        self.pass_with(millis, |_, _, _| Fate::Arrives).await;
    }

    /// Lets time pass, during which `fate` says what becomes of each frame: it is given the number of the
    /// node that gets it, and of the one that sends it.
    async fn pass_with(
        &mut self,
        millis: u64,
        mut fate: impl FnMut(usize, usize, &FrameBody) -> Fate,
    ) {
        for _ in 0..millis.div_ceil(10) {
            pass(9).await;
            for sender in 0..self.nodes.len() {
                while let Ok(body) = self.nodes[sender].said.try_recv() {
                    self.sent += 1;
                    let id = self.nodes[sender].id;
                    for to in (0..self.nodes.len()).filter(|&to| to != sender) {
                        let fate = fate(to, sender, &body);
                        self.carry(to, (id, body.clone()), fate);
                    }
                }
            }
            // Time for the nodes to do with it what is to be done.
            pass(1).await;
        }
    }

    fn carry(&mut self, to: usize, frame: (NodeId, FrameBody), fate: Fate) {
        let presence = &self.nodes[to].presence;
        let times = match fate {
            Fate::IsLost => return,
            Fate::IsLate => return self.late[to].push_back(frame),
            Fate::Arrives => 1,
            Fate::ArrivesTwice => 2,
        };
        for _ in 0..times {
            presence.take(frame.0, frame.1.clone());
        }
        if self.late[to].len() > 2 {
            for (node, body) in self.late[to].drain(..).rev() {
                presence.take(node, body);
            }
        }
    }

    fn counts(&self) -> Vec<usize> {
        self.nodes.iter().map(Node::count).collect()
    }
}
