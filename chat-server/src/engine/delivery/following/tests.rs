//! Connections that break anywhere, and a client that goes on where it was.

use std::collections::{BTreeMap, VecDeque};

use chat_core::{Audience, Offset, RoomId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::{Deserialize, Serialize};

use super::{Following, MAX_REWINDS, Past, Rewind, Since};

const ROOMS: usize = 3;

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    /// A message is stored.
    Append(usize),
    /// The server goes over so many messages.
    HandOver(usize),
    /// The client gets so many.
    Receive(usize),
    /// The client joins a room from somewhere on.
    Join(usize, Index),
    Leave(usize),
    /// The connection breaks, and the client resumes.
    Break,
}

/// One membership of a room: after which offset it began, and what the client got of it.
#[derive(Debug)]
struct Membership {
    room: usize,
    after: u64,
    got: Vec<u64>,
}

struct Scene {
    /// The room of each message.
    log: Vec<usize>,
    following: Following,
    cursor: Offset,
    /// On the way to the client, each with the rewinds it tells of, and the number of its membership.
    wire: VecDeque<(u64, u32, usize)>,
    /// The last message that the client got, and the rewinds it told of.
    position: Option<(u64, u32)>,
    memberships: Vec<Membership>,
    /// The membership of each room.
    now: [Option<usize>; ROOMS],
}

fn room(number: usize) -> RoomId {
    format!("room {number}").parse().unwrap()
}

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

impl Scene {
    fn new() -> Self {
        Self {
            log: Vec::new(),
            following: Following::new([(room(0), Offset::ZERO.into())].into(), None),
            cursor: Offset::ZERO,
            wire: VecDeque::new(),
            position: None,
            memberships: vec![Membership { room: 0, after: 0, got: Vec::new() }],
            now: [Some(0), None, None],
        }
    }

    fn room_of(&self, at: u64) -> usize {
        self.log[at as usize - 1]
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(number) => self.log.push(number),
            Step::HandOver(count) => (0..count).for_each(|_| self.hand_over()),
            Step::Receive(count) => (0..count).for_each(|_| self.receive()),
            Step::Join(number, from) => {
                let after = from.index(self.log.len() + 1) as u64;
                self.cursor = self.following.join(room(number), offset(after), self.cursor);
                self.now[number] = Some(self.memberships.len());
                self.memberships.push(Membership { room: number, after, got: Vec::new() });
            }
            Step::Leave(number) => {
                self.following.leave(&room(number));
                self.now[number] = None;
            }
            Step::Break => self.resume(),
        }
    }

    fn hand_over(&mut self) {
        let next = self.cursor.as_u64() + 1;
        if next > self.log.len() as u64 {
            return;
        }
        self.cursor = offset(next);
        let number = self.room_of(next);
        if self.following.includes(&Audience::Room(room(number)), self.cursor) {
            let membership = self.now[number].expect("it is in the room");
            self.wire.push_back((next, self.following.rewinds_at(self.cursor), membership));
        }
    }

    fn receive(&mut self) {
        let Some((at, rewinds, membership)) = self.wire.pop_front() else { return };
        self.position = Some((at, rewinds));
        self.memberships[membership].got.push(at);
    }

    /// The connection breaks, and the client goes on in its session as it was saved.
    fn resume(&mut self) {
        self.wire.clear();
        let saved = Saved::of(&self.following);
        let following = serde_json::from_str::<Saved>(&serde_json::to_string(&saved).unwrap());
        let following = following.unwrap().restored();
        assert_eq!(following, self.following);
        let (position, rewinds) = self.position.unwrap_or((following.start.as_u64(), 0));
        let resumed = following.resume(offset(position), rewinds);
        (self.following, self.cursor) = resumed.expect("a client can have this position");
    }

    /// Returns the messages that a client is to get in a membership.
    fn expected(&self, Membership { room, after, .. }: &Membership) -> Vec<u64> {
        (after + 1..=self.log.len() as u64).filter(|at| self.room_of(*at) == *room).collect()
    }

    /// Returns what the client got in each room that it is in, and what it is to get there.
    fn outcome(&self) -> impl Iterator<Item = (Vec<u64>, Vec<u64>)> {
        let current = self.now.iter().flatten().map(|membership| &self.memberships[*membership]);
        current.map(|membership| (membership.got.clone(), self.expected(membership)))
    }
}

/// What is followed, as a session saves it.
#[derive(Serialize, Deserialize)]
struct Saved(Offset, BTreeMap<RoomId, Since>, Past);

impl Saved {
    fn of(Following { start, rooms, past, .. }: &Following) -> Self {
        Self(*start, rooms.clone(), past.clone())
    }

    fn restored(self) -> Following {
        let Self(start, rooms, past) = self;
        Following { start, rooms, user: None, past }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let room = 0..ROOMS;
    let step = prop_oneof![
        6 => room.clone().prop_map(Step::Append),
        4 => (0..8usize).prop_map(Step::HandOver),
        4 => (0..6usize).prop_map(Step::Receive),
        2 => (room.clone(), any::<Index>()).prop_map(|(room, from)| Step::Join(room, from)),
        1 => room.prop_map(Step::Leave),
        2 => Just(Step::Break),
    ];
    vec(step, 0..60)
}

/// Everything is handed over and arrives.
fn finish(scene: &mut Scene) {
    scene.step(&Step::HandOver(2 * scene.log.len() + 1));
    scene.step(&Step::Receive(scene.wire.len()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn a_connection_that_breaks_anywhere_neither_omits_nor_repeats(steps in steps()) {
        let mut scene = Scene::new();
        for step in &steps {
            scene.step(step);
            for membership in &scene.memberships {
                prop_assert!(scene.expected(membership).starts_with(&membership.got), "{membership:?}");
            }
        }
        finish(&mut scene);
        for (got, expected) in scene.outcome() {
            prop_assert_eq!(got, expected);
        }
    }
}

#[test]
fn joins_with_nothing_in_between_are_one_rewind() {
    let mut following = Following::new([(room(0), Offset::ZERO.into())].into(), None);
    let mut cursor = offset(1_000);
    for number in 1..100 {
        cursor = following.join(room(number), offset(1_000 - number as u64), cursor);
    }
    assert_eq!(following.past.rewinds, [Rewind { from: offset(1_000), to: offset(901) }]);
}

#[test]
fn what_is_remembered_has_a_bound() {
    let mut following = Following::new([(room(0), Offset::ZERO.into())].into(), None);
    for number in 1..1_000 {
        following.join(room(number % 7), offset(number as u64), offset(1_000));
        following.leave(&room(number % 3));
    }
    assert_eq!(following.past.rewinds.len(), MAX_REWINDS);
    assert_eq!(following.past.forgotten as usize, 999 - MAX_REWINDS);
    assert_eq!(
        following.clone().resume(offset(1_000), 0),
        None,
        "it may be from before all of them"
    );
    assert!(following.clone().resume(offset(1_001), 0).is_some());
    let (resumed, _) = following.resume(offset(999), 999).unwrap();
    assert!(resumed.resume(offset(1_000), 0).is_some());
}

#[test]
fn a_position_that_no_client_can_have_is_refused() {
    let mut following = Following::new([(room(0), offset(3).into())].into(), None);
    assert_eq!(following.clone().resume(offset(2), 0), None, "before the beginning");
    assert_eq!(following.clone().resume(offset(9), 1), None, "after a rewind that was not");
    following.join(room(1), offset(1), offset(10));
    let (resumed, cursor) = following.clone().resume(offset(2), 1).unwrap();
    assert_eq!((resumed.past.forgotten, cursor), (1, offset(2)));
    assert_eq!(resumed.clone().resume(offset(9), 2), None);
    assert!(resumed.clone().resume(offset(4), 1).is_some());
    assert_eq!(following.resume(offset(2), u32::MAX), None);
}

/// The client has got nothing of its new session yet, and claims it with the position of the one before.
#[test]
fn rewinds_of_an_earlier_session_are_none_of_this_one() {
    let following = Following::new([(room(0), offset(17).into())].into(), None);
    let mut following = following.after_rewinds(1);
    following.join(room(1), offset(10), offset(19));
    let (resumed, cursor) = following.clone().resume(offset(17), 1).unwrap();
    assert_eq!(cursor, offset(10));
    assert!(resumed.includes(&Audience::Room(room(1)), offset(11)));
    assert_eq!(following.rewinds_at(offset(11)), 2);
    assert_eq!(following.resume(offset(11), 2).unwrap().1, offset(11));
}

/// As they were saved before there was anything to say of rewinds.
#[test]
fn what_was_saved_by_an_earlier_version_is_read() {
    let Saved(start, rooms, past) =
        serde_json::from_str(r#"[3,{"general":5},{"forgotten":0,"unclear_upto":0,"rewinds":[]}]"#)
            .unwrap();
    let general = "general".parse().unwrap();
    assert_eq!((start, rooms.get(&general)), (offset(3), Some(&offset(5).into())));
    assert!(past.is_empty());
}
