use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use chat_core::{FrameBody, Nickname, Offset, PresenceEntry, PresenceId, RoomId, UserId};
use tokio::time::Instant;

use super::peer::ENTRIES;
use super::room::Room;
use crate::engine::outgoing::Outgoing;

/// Maximum number of bytes of entries in one frame: PostgreSQL carries no more than 8,000 in total.
const FRAME_BYTES: usize = 6 * 1024;

/// Maximum number of frames of changes sent at a time, because messages use the same channel.
const CHANGES_AT_ONCE: usize = 32;

/// Maximum number of parts of a list sent at a time.
const PARTS_AT_ONCE: usize = 16;

/// The minimum time between two lists, and the time between two heartbeats.
const SECOND: Duration = Duration::from_secs(1);

/// The announcements of this node to other nodes.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Counts the frames of changes.
    version: u64,
    /// Users whose presence on this node may differ from what was last announced.
    changed: BTreeSet<(RoomId, PresenceId)>,
    /// Frames about users, which others may miss: who types, and who has read what.
    ephemeral: Vec<FrameBody>,
    wanted: bool,
    round: u64,
    listed: Option<Instant>,
    /// The parts of the list that are still to be sent.
    parts: VecDeque<FrameBody>,
    beat: Option<Instant>,
}

impl Report {
    pub(super) fn changed(&mut self, room: &RoomId, who: PresenceId) {
        self.changed.insert((room.clone(), who));
    }

    pub(super) fn typing(&mut self, room: &RoomId, who: PresenceId, typing: bool) {
        self.ephemeral.push(FrameBody::Typing { room: room.clone(), who, typing });
    }

    pub(super) fn read(&mut self, room: &RoomId, who: PresenceId, offset: Offset) {
        self.ephemeral.push(FrameBody::Read { room: room.clone(), who, offset });
    }

    pub(super) fn read_privately(&mut self, who: PresenceId, with: UserId, offset: Offset) {
        self.ephemeral.push(FrameBody::ReadPrivately { who, with, offset });
    }

    pub(super) fn typing_privately(
        &mut self,
        who: PresenceId,
        nickname: Nickname,
        to: UserId,
        typing: bool,
    ) {
        self.ephemeral.push(FrameBody::TypingPrivately { who, nickname, to, typing });
    }

    /// Notes that another node requests the list.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Sends what there is to announce. If `alone`, nobody would receive more than a heartbeat.
    pub(super) fn send(
        &mut self,
        rooms: &HashMap<RoomId, Room>,
        alone: bool,
        now: Instant,
        outgoing: &Outgoing,
    ) {
        if alone {
            // A node that starts later sees from the version that there is something to request.
            self.version += u64::from(!self.changed.is_empty());
            self.changed.clear();
            self.ephemeral.clear();
            self.parts.clear();
            self.wanted = false;
        }
        self.send_changes(rooms, outgoing);
        // After the changes: only users type and read.
        if self.changed.is_empty() {
            for frame in self.ephemeral.drain(..) {
                outgoing.presence(frame);
            }
            self.send_list(rooms, now, outgoing);
        }
        if self.beat.is_none_or(|beat| now >= beat + SECOND) {
            let version = self.version;
            let (came, left) = (Vec::new(), Vec::new());
            if outgoing.presence(FrameBody::Presence { from: version, version, came, left }) {
                self.beat = Some(now);
            }
        }
    }

    fn send_changes(&mut self, rooms: &HashMap<RoomId, Room>, outgoing: &Outgoing) {
        for _ in 0..CHANGES_AT_ONCE {
            let (mut came, mut left, mut keys) = (Vec::new(), Vec::new(), Vec::new());
            let mut bytes = 0;
            while let Some((room, who)) = self.changed.pop_first() {
                let (entry, is_here) = match rooms.get(&room) {
                    Some(state) => state.entry(&room, who),
                    None => (PresenceEntry { room: room.clone(), who, nickname: None }, false),
                };
                bytes += encoded_len(&entry);
                if bytes > FRAME_BYTES && !keys.is_empty() {
                    self.changed.insert((room, who));
                    break;
                }
                if is_here { &mut came } else { &mut left }.push(entry);
                keys.push((room, who));
            }
            if keys.is_empty() {
                return;
            }
            let (from, version) = (self.version, self.version + 1);
            if !outgoing.presence(FrameBody::Presence { from, version, came, left }) {
                // Announced next time, with the state at that time.
                self.changed.extend(keys);
                return;
            }
            self.version = version;
        }
    }

    fn send_list(&mut self, rooms: &HashMap<RoomId, Room>, now: Instant, outgoing: &Outgoing) {
        let rests = self.listed.is_some_and(|listed| now < listed + SECOND);
        if self.wanted && self.parts.is_empty() && !rests {
            self.wanted = false;
            self.listed = Some(now);
            self.parts = self.list(rooms);
        }
        for _ in 0..PARTS_AT_ONCE {
            let Some(part) = self.parts.pop_front() else { return };
            if !outgoing.presence(part.clone()) {
                self.parts.push_front(part);
                return;
            }
        }
    }

    fn list(&mut self, rooms: &HashMap<RoomId, Room>) -> VecDeque<FrameBody> {
        self.round += 1;
        let mut lists = vec![Vec::new()];
        let mut bytes = 0;
        for entry in rooms.iter().flat_map(|(room, state)| state.here(room)).take(ENTRIES) {
            bytes += encoded_len(&entry);
            if bytes > FRAME_BYTES && lists.last().is_some_and(|list| !list.is_empty()) {
                bytes = encoded_len(&entry);
                lists.push(Vec::new());
            }
            if let Some(list) = lists.last_mut() {
                list.push(entry);
            }
        }
        let (version, round) = (self.version, self.round);
        let parts = u32::try_from(lists.len()).unwrap_or(u32::MAX);
        let numbered = (0..parts).zip(lists);
        let frame =
            |(part, present)| FrameBody::PresenceSnapshot { version, round, part, parts, present };
        numbered.map(frame).collect()
    }
}

/// Returns its size in a frame in bytes, including the comma.
fn encoded_len(entry: &PresenceEntry) -> usize {
    serde_json::to_vec(entry).map_or(0, |json| json.len() + 1)
}
