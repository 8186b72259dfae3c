//! The exchange of presence between nodes: processing received frames and sending this node's own.

use std::time::Duration;

use chat_core::{FrameBody, NodeId};
use tokio::time::Instant;

use super::peer::{Change, News, Peer, Present};
use super::state::State;
use crate::engine::outgoing::Outgoing;

/// A node that is silent for this long is gone, with its users. Every node sends something every second.
const LEASE: Duration = Duration::from_secs(5);

/// If this node itself was suspended for this long, frames sent meanwhile may still be on their way.
const HALTED: Duration = Duration::from_secs(2);

/// A node that has stopped sends nothing within this time; one that does has not stopped.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Maximum number of other nodes known at once.
const PEERS: usize = 512;

/// At the maximum, a node that was silent for this long is replaced by one that speaks.
const SILENCE: Duration = Duration::from_secs(2);

/// Maximum number of entries in a received frame. A node's own frames have room for half of that.
const FRAME_ENTRIES: usize = 512;

/// Maximum number of users kept from incomplete lists and from changes after a missing one, over all nodes.
const HELD: usize = 500_000;

impl State {
    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant, outgoing: &Outgoing) {
        if self.ticked.is_some_and(|ticked| now >= ticked + HALTED) {
            self.peers.values_mut().for_each(|peer| peer.heard = now);
        }
        self.ticked = Some(now);
        self.expire(now);
        let is_gone = |peer: &Peer| peer.leaves.unwrap_or(peer.heard + LEASE) <= now;
        let gone = self.peers.extract_if(|_, peer| is_gone(peer));
        for (node, _) in gone {
            self.others.push(node, News::All(Present::new()));
        }
        self.tick_paced();
        self.tick_typing(now);
        self.send(now, outgoing);
    }

    /// Sends announcements, and requests what is missing.
    pub(super) fn send(&mut self, now: Instant, outgoing: &Outgoing) {
        let alone = self.peers.values().all(|peer| peer.leaves.is_some());
        self.report.send(&self.rooms, alone, now, outgoing);
        for (&of, peer) in &mut self.peers {
            if peer.asks(self.certain, now) {
                outgoing.presence(FrameBody::PresenceWanted { of });
            }
        }
    }

    /// Takes a frame from another node. [`step`](Self::step) then applies it.
    pub(super) fn take(&mut self, node: NodeId, body: FrameBody, now: Instant) {
        if node == self.node || entries(&body) > FRAME_ENTRIES {
            return;
        }
        if let FrameBody::Typing { room, who, typing } = body {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.heard = now;
            }
            self.set_typing(&room, who, typing, false, now);
            return;
        }
        if let FrameBody::Read { room, who, offset } = body {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.heard = now;
            }
            self.tell_read(&room, who, None, offset);
            return;
        }
        if let FrameBody::ReadPrivately { who, with, offset } = body {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.heard = now;
            }
            self.tell_read_privately(who, None, with, offset);
            return;
        }
        if let FrameBody::TypingPrivately { who, nickname, to, typing } = body {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.heard = now;
            }
            self.tell_typing_privately(who, &nickname, to, typing);
            return;
        }
        if matches!(body, FrameBody::NodeLeft) {
            // Its clients are on their way to other nodes.
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.leaves.get_or_insert(now + self.grace.max(LAST_WORD));
            }
            return;
        }
        let Some(peer) = self.peer(node, now) else { return };
        peer.heard = now;
        // `NodeLeft` is the last frame of a node, so an earlier one was forged.
        peer.leaves = None;
        let news = match body {
            FrameBody::Presence { from, version, .. } if from == version => peer.beat(version),
            FrameBody::Presence { from, version, came, left } => {
                peer.change(from, Change { version, came, left })
            }
            FrameBody::PresenceSnapshot { version, round, part, parts, present } => {
                peer.part((round, version), (part, parts), &present, now)
            }
            FrameBody::PresenceWanted { of } if of == self.node => {
                self.report.want();
                return;
            }
            _ => return,
        };
        if peer.held() > 0 && self.peers.values().map(Peer::held).sum::<usize>() > HELD {
            // Its list is requested again.
            self.peers.entry(node).and_modify(Peer::forget);
        }
        for news in news {
            self.others.push(node, news);
        }
    }

    /// Returns the state of a node; none if there are too many nodes.
    fn peer(&mut self, node: NodeId, now: Instant) -> Option<&mut Peer> {
        if self.peers.len() >= PEERS && !self.peers.contains_key(&node) {
            let (&silent, peer) = self.peers.iter().min_by_key(|(_, peer)| peer.heard)?;
            if now < peer.heard + SILENCE {
                tracing::debug!(frame.node = %node, "a node was not heard: there are too many");
                return None;
            }
            self.peers.remove(&silent);
            self.others.push(silent, News::All(Present::new()));
        }
        Some(self.peers.entry(node).or_insert_with(|| Peer::new(now)))
    }
}

/// Returns the number of entries in a frame.
fn entries(body: &FrameBody) -> usize {
    match body {
        FrameBody::Presence { came, left, .. } => came.len() + left.len(),
        FrameBody::PresenceSnapshot { present, .. } => present.len(),
        _ => 0,
    }
}
