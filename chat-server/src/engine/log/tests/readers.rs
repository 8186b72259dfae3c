//! A reader that has been there before looks only into what has grown, and misses nothing.

use std::slice;

use chat_core::{Offset, RoomId};
use proptest::prelude::*;

use super::recent::{feeds, read, read_as, reader};
use super::{message, offset, room};
use crate::engine::log::Entry;
use crate::engine::log::recent::{Push, Recent};

const ROOMS: u8 = 9;

#[derive(Debug, Clone)]
enum Step {
    /// Messages in these rooms, in one batch.
    Push(Vec<u8>),
    Join(u8),
    Leave(u8),
    /// From so far before the end of the log.
    Read {
        back: u64,
        limit: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let limit = prop_oneof![Just(1_usize), Just(2), Just(5), Just(1000)];
    prop::collection::vec(
        prop_oneof![
            3 => prop::collection::vec(0..ROOMS, 1..12).prop_map(Step::Push),
            2 => (0..ROOMS).prop_map(Step::Join),
            1 => (0..ROOMS).prop_map(Step::Leave),
            4 => (0..20_u64, limit).prop_map(|(back, limit)| Step::Read { back, limit }),
        ],
        1..60,
    )
}

proptest! {
    /// Wherever its cursor is moved, and whatever it joins and leaves.
    #[test]
    fn it_finds_the_same_as_a_new_one(steps in steps(), kept in prop_oneof![3..30_usize, Just(1000)]) {
        let footprint = Entry::from(message(1, "1")).footprint();
        let recent = Recent::new(Offset::ZERO, kept * footprint);
        let reader = reader(1);
        let (mut followed, mut written) = (Vec::<RoomId>::new(), 0);
        for step in steps {
            match step {
                Step::Push(rooms) => {
                    let messages = (written + 1..).zip(&rooms);
                    let messages = messages.map(|(number, room)| message(number, &room.to_string()));
                    prop_assert_eq!(recent.push(offset(written), messages), Push::Applied);
                    written += rooms.len() as u64;
                }
                Step::Join(number) => {
                    let room = room(&number.to_string());
                    if !followed.contains(&room) {
                        recent.attach(&reader, &feeds(slice::from_ref(&room)));
                        followed.push(room);
                    }
                }
                Step::Leave(number) => {
                    let room = room(&number.to_string());
                    if let Some(index) = followed.iter().position(|followed| *followed == room) {
                        recent.detach(&reader, &feeds(slice::from_ref(&room)));
                        followed.remove(index);
                    }
                }
                Step::Read { back, limit } => {
                    let after = written.saturating_sub(back);
                    let expected = read(&recent, &followed, after, limit);
                    prop_assert_eq!(read_as(&reader, &recent, after, limit), expected);
                }
            }
        }
    }
}
