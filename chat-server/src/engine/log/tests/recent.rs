use std::sync::Arc;

use chat_core::{Feed, Message, NewMessage, Offset, RoomId, UserId};
use tokio::sync::Notify;
use tokio_test::{assert_pending, assert_ready, task};

use super::{message, offset, room};
use crate::engine::log::recent::{Push, Read, Recent};
use crate::engine::log::{Reader, ReaderId};

/// Room for everything that a test pushes.
const PLENTY: usize = 1 << 20;

pub(super) fn reader(number: u64) -> Arc<Reader> {
    Reader::new(ReaderId(number), &Arc::new(Notify::new()))
}

pub(super) fn feeds(rooms: &[RoomId]) -> Vec<Feed> {
    rooms.iter().cloned().map(Feed::Room).collect()
}

/// What a new reader of these rooms finds.
pub(super) fn read(
    recent: &Recent,
    rooms: &[RoomId],
    after: u64,
    limit: usize,
) -> Option<(Vec<u64>, u64)> {
    let reader = reader(u64::MAX);
    recent.attach(&reader, &feeds(rooms));
    let found = read_as(&reader, recent, after, limit);
    recent.detach(&reader, &feeds(rooms));
    found
}

/// What a reader finds in the rooms that it is attached to.
pub(super) fn read_as(
    reader: &Reader,
    recent: &Recent,
    after: u64,
    limit: usize,
) -> Option<(Vec<u64>, u64)> {
    match recent.read_after(reader, offset(after), limit) {
        Read::Covered { entries, upto, .. } => {
            let offsets = entries.iter().map(|entry| entry.offset().as_u64()).collect();
            Some((offsets, upto.as_u64()))
        }
        Read::TooOld => None,
    }
}

#[test]
fn messages_are_read_in_order_and_by_room() {
    let recent = Recent::new(Offset::ZERO, PLENTY);
    let messages = vec![message(1, "a"), message(2, "b"), message(3, "a"), message(4, "c")];
    assert_eq!(recent.push(Offset::ZERO, messages), Push::Applied);
    assert_eq!(read(&recent, &[room("a")], 0, 10), Some((vec![1, 3], 4)));
    assert_eq!(read(&recent, &[room("b"), room("a")], 1, 10), Some((vec![2, 3], 4)));
    assert_eq!(read(&recent, &[room("nobody")], 0, 10), Some((vec![], 4)));
    assert_eq!(read(&recent, &[room("b"), room("a")], 0, 2), Some((vec![1, 2], 2)));
    assert_eq!(read(&recent, &[room("a")], 9, 10), Some((vec![], 9)));
}

#[test]
fn whoever_follows_much_finds_the_same_as_whoever_follows_little() {
    let recent = Recent::new(Offset::ZERO, PLENTY);
    let room_of = |number: u64| number * number % 13;
    let messages = (1..=60).map(|number| message(number, &room_of(number).to_string()));
    recent.push(Offset::ZERO, messages.collect::<Vec<_>>());
    for rooms in 0..=13 {
        let followed: Vec<RoomId> = (0..rooms).map(|number| room(&number.to_string())).collect();
        for after in 0..=60 {
            for limit in [1, 2, 5, 100] {
                let mut expected: Vec<u64> =
                    (after + 1..=60).filter(|&number| room_of(number) < rooms).collect();
                let all = expected.len() < limit;
                expected.truncate(limit);
                let upto = if all { 60 } else { *expected.last().unwrap() };
                assert_eq!(read(&recent, &followed, after, limit), Some((expected, upto)));
            }
        }
    }
}

#[test]
fn a_hole_is_not_papered_over() {
    let recent = Recent::new(offset(5), PLENTY);
    assert_eq!(recent.push(offset(6), vec![message(7, "a")]), Push::Gap);
    assert_eq!(recent.tail(), offset(5));
    assert_eq!(recent.push(offset(5), vec![message(6, "a"), message(7, "a")]), Push::Applied);
    assert_eq!(read(&recent, &[room("a")], 5, 10), Some((vec![6, 7], 7)));
}

#[test]
fn what_is_known_is_not_taken_twice() {
    let recent = Recent::new(Offset::ZERO, PLENTY);
    recent.push(Offset::ZERO, vec![message(1, "a"), message(2, "a")]);
    // A late notification, and one that overlaps.
    assert_eq!(recent.push(Offset::ZERO, vec![message(1, "a")]), Push::Applied);
    assert_eq!(recent.push(offset(1), vec![message(2, "a"), message(3, "a")]), Push::Applied);
    assert_eq!(read(&recent, &[room("a")], 0, 10), Some((vec![1, 2, 3], 3)));
}

#[test]
fn what_was_there_before_the_start_has_to_be_read_from_the_store() {
    let recent = Recent::new(offset(5), PLENTY);
    assert_eq!(read(&recent, &[room("a")], 4, 10), None);
    assert_eq!(read(&recent, &[room("a")], 5, 10), Some((vec![], 5)));
}

/// In SQLite files somebody may have deleted the newest messages; their numbers are not used again.
#[test]
fn nothing_is_missing_upto_the_end_of_a_log_whose_last_messages_are_gone() {
    let recent = Recent::new(offset(5), PLENTY);
    recent.push(offset(5), vec![message(6, "a")]);
    recent.note_whole_upto(offset(9));
    assert_eq!(read(&recent, &[room("a")], 5, 10), Some((vec![6], 9)));
    assert_eq!(recent.push(offset(9), vec![message(10, "a")]), Push::Applied);
    recent.note_whole_upto(offset(8));
    assert_eq!(read(&recent, &[room("a")], 5, 10), Some((vec![6, 10], 10)));
}

#[test]
fn the_oldest_messages_go_first_and_readers_learn_that_they_are_gone() {
    let footprint = crate::engine::log::Entry::from(message(1, "a")).footprint();
    let recent = Recent::new(Offset::ZERO, 3 * footprint);
    for number in 1..=5 {
        recent.push(offset(number - 1), vec![message(number, "a")]);
    }
    assert_eq!(read(&recent, &[room("a")], 1, 10), None);
    assert_eq!(read(&recent, &[room("a")], 2, 10), Some((vec![3, 4, 5], 5)));
}

#[test]
fn a_busy_room_does_not_send_readers_of_a_quiet_one_to_the_store() {
    let footprint = crate::engine::log::Entry::from(message(1, "a")).footprint();
    let recent = Recent::new(Offset::ZERO, 3 * footprint);
    let quiet = [room("quiet")];
    recent.attach(&reader(1), &feeds(&quiet));
    for number in 1..=50 {
        recent.push(offset(number - 1), vec![message(number, "busy")]);
    }
    recent.push(offset(50), vec![message(51, "quiet")]);
    assert_eq!(read(&recent, &quiet, 0, 10), Some((vec![51], 51)));
    // Of a room that nobody reads, nothing is known about so far back.
    assert_eq!(read(&recent, &[room("other")], 0, 10), None);
}

#[test]
fn rooms_without_readers_or_messages_are_forgotten() {
    let footprint = crate::engine::log::Entry::from(message(1, "a")).footprint();
    let recent = Recent::new(Offset::ZERO, 3 * footprint);
    for number in 1..=100 {
        recent.push(offset(number - 1), vec![message(number, &format!("room {number}"))]);
        let reader = reader(number);
        let rooms = [room(&format!("reader {number}")).into()];
        recent.attach(&reader, &rooms);
        recent.detach(&reader, &rooms);
    }
    assert!(recent.feeds() <= 3, "{} rooms are kept", recent.feeds());
}

#[test]
fn readers_are_woken_by_their_rooms_only_and_also_before_they_wait() {
    let recent = Recent::new(Offset::ZERO, PLENTY);
    let (wake_a, wake_b) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let reader_a = Reader::new(ReaderId(1), &wake_a);
    recent.attach(&reader_a, &[room("a").into()]);
    recent.attach(&Reader::new(ReaderId(2), &wake_b), &[room("b").into()]);
    recent.push(Offset::ZERO, vec![message(1, "a"), message(2, "a")]);
    assert_ready!(task::spawn(wake_a.notified()).poll());
    assert_pending!(task::spawn(wake_b.notified()).poll());

    recent.detach(&reader_a, &[room("a").into()]);
    recent.push(offset(2), vec![message(3, "a")]);
    assert_pending!(task::spawn(wake_a.notified()).poll());
}

#[test]
fn an_erased_user_is_removed_from_what_is_in_memory() {
    let recent = Recent::new(Offset::ZERO, PLENTY);
    let by = |offset, user| {
        let mut message = message(offset, "a");
        (message.user, message.from) = (Some(user), Some("Ada".parse().unwrap()));
        message
    };
    let [ada, bob] = [1, 2].map(UserId::from_stored);
    let erasure = |at, of| {
        let erasure = NewMessage::erasure(room("a"), offset(of)).with_user(ada);
        Message::from_new(offset(at), erasure)
    };
    let messages = vec![by(1, ada), by(2, bob), by(3, ada), erasure(4, 1)];
    assert_eq!(recent.push(Offset::ZERO, messages), Push::Applied);
    assert_eq!(recent.push(offset(4), vec![by(5, ada), erasure(6, 3)]), Push::Applied);
    let names = (1..=6).map(|at| recent.at(offset(at)).unwrap().message.from.is_some());
    assert_eq!(names.collect::<Vec<_>>(), [false, true, false, false, false, false]);
    assert!(recent.at(offset(1)).unwrap().message.is_deleted());
}
