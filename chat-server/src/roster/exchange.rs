//! What a node does with what others say, and what it says itself.

use std::collections::HashSet;
use std::time::Duration;

use chat_core::{Attendee, FrameBody, NodeId};
use tokio::time::Instant;

use super::peer::{Change, News, Peer};
use super::room::Source;
use super::state::State;
use crate::relay::Outgoing;

/// A node that was not heard for so long is gone, with its people. It says something every second.
const LEASE: Duration = Duration::from_secs(5);

/// When this node itself was halted for so long, what others said meanwhile may still be on its way.
const HALTED: Duration = Duration::from_secs(2);

impl State {
    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant, outgoing: &Outgoing) {
        if self.ticked.is_some_and(|ticked| now >= ticked + HALTED) {
            self.peers.values_mut().for_each(|peer| peer.heard = now);
        }
        self.ticked = Some(now);
        self.expire(now);
        let is_gone = |peer: &Peer| peer.leaves.unwrap_or(peer.heard + LEASE) <= now;
        let gone: Vec<_> =
            self.peers.iter().filter(|(_, peer)| is_gone(peer)).map(|(node, _)| *node).collect();
        for node in gone {
            self.peers.remove(&node);
            self.replace(node, &[]);
        }
        self.tick_typing(now);
        self.send(now, outgoing);
    }

    /// Says what there is to say, and asks for what is missing.
    pub(super) fn send(&mut self, now: Instant, outgoing: &Outgoing) {
        let alone = self.peers.values().all(|peer| peer.leaves.is_some());
        self.report.send(&self.rooms, alone, now, outgoing);
        for (&of, peer) in &mut self.peers {
            if peer.asks(now) {
                outgoing.presence(FrameBody::PresenceWanted { of });
            }
        }
    }

    /// Another node says something.
    pub(super) fn take(&mut self, node: NodeId, body: &FrameBody, now: Instant) {
        if node == self.node {
            return;
        }
        if matches!(body, FrameBody::NodeLeft) {
            // Its clients are on their way to other nodes.
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.leaves.get_or_insert(now + self.grace);
            }
            return;
        }
        let peer = self.peers.entry(node).or_insert_with(|| Peer::new(now));
        if peer.leaves.is_some() {
            return;
        }
        peer.heard = now;
        let news = match body {
            FrameBody::Presence { from, version, came, left } => {
                let (came, left) = (came.clone(), left.clone());
                peer.change(*from, Change { version: *version, came, left })
            }
            FrameBody::PresenceSnapshot { version, round, part, parts, present } => {
                peer.part((*round, *version), (*part, *parts), present, now)
            }
            FrameBody::PresenceWanted { of } => {
                if *of == self.node {
                    self.report.want();
                }
                return;
            }
            FrameBody::Typing { room, member, typing } => {
                self.set_typing(room, *member, *typing, false, now);
                return;
            }
            _ => return,
        };
        for news in news {
            match news {
                News::All(present) => self.replace(node, &present),
                News::Change(Change { came, left, .. }) => {
                    for gone in left {
                        self.withdraw(&gone.room, gone.member, Source::Node(node));
                    }
                    self.add_all(node, &came);
                }
            }
        }
    }

    /// Has exactly these as the members of another node.
    fn replace(&mut self, node: NodeId, present: &[Attendee]) {
        let listed: HashSet<_> = present.iter().map(|there| (&there.room, there.member)).collect();
        let mut gone = Vec::new();
        for (room, state) in &self.rooms {
            let members = state.of_node(node).filter(|&member| !listed.contains(&(room, member)));
            gone.extend(members.map(|member| (room.clone(), member)));
        }
        for (room, member) in gone {
            self.withdraw(&room, member, Source::Node(node));
        }
        self.add_all(node, present);
    }

    fn add_all(&mut self, node: NodeId, present: &[Attendee]) {
        for Attendee { room, member, nickname } in present {
            self.add(room, *member, nickname.as_ref(), Source::Node(node));
        }
    }
}
