//! From the log to a connection without a socket: a sink that a test fills, empties and breaks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_core::event::Joined;
use chat_core::{Ack, Audience, NewMessage, Offset, Timestamp, UserId};
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, MessageStore, Trim};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::subscription::{Next, ReadOutcome};
use super::{
    Answer, EphemeralEvent, Following, NotTaken, Permit, ReadPosition, Sink, Subscription, Taken,
    Waiting, deliver,
};
use crate::engine::log::tests::{log_on, log_with, memory_log, message, new_message, offset, room};
use crate::engine::log::{Entry, Log};

/// What a connection got, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Message(u64),
    Gone(u64),
    Answer(i64),
    EphemeralEvent(String),
}

/// The bytes of answers that were not handed over yet.
#[derive(Default)]
struct TestPermit(Arc<AtomicUsize>);

impl Permit for TestPermit {
    fn grow(&mut self, bytes: usize, _: bool) -> bool {
        self.0.fetch_add(bytes, Ordering::SeqCst);
        true
    }
}

impl Drop for TestPermit {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

/// A connection that takes as many packets as a test gives it room for.
#[derive(Default)]
struct TestSink {
    got: Mutex<Vec<Got>>,
    room: AtomicUsize,
    more_room: Notify,
    changed: Notify,
    /// How often it was waited for what the connection follows to be saved.
    saves: AtomicUsize,
    /// Saving lasts until this is notified.
    saving: Mutex<Option<Arc<Notify>>>,
}

impl TestSink {
    fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self { room: AtomicUsize::new(room), ..Self::default() })
    }

    fn give_room(&self, packets: usize) {
        self.room.fetch_add(packets, Ordering::SeqCst);
        self.more_room.notify_one();
    }

    fn take(&self, got: Got) -> Taken {
        let used = |room: usize| room.checked_sub(1);
        if self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, used).is_err() {
            return Err(NotTaken::Full);
        }
        self.got.lock().unwrap().push(got);
        self.changed.notify_one();
        Ok(())
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    async fn has(&self, count: usize) -> Vec<Got> {
        let enough = async {
            while self.got.lock().unwrap().len() < count {
                self.changed.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), enough).await.expect("it arrives");
        self.got()
    }
}

impl Sink for TestSink {
    fn deliver(&self, entry: &Entry, _: u32) -> Taken {
        self.take(Got::Message(entry.offset().as_u64()))
    }

    fn tell_gone(&self, upto: Offset, _: u32) -> Taken {
        self.take(Got::Gone(upto.as_u64()))
    }

    fn answer(&self, ack_id: i64, _: &Answer) -> Taken {
        self.take(Got::Answer(ack_id))
    }

    async fn room(&self) {
        self.more_room.notified().await;
    }

    fn flush(&self) -> Taken {
        Ok(())
    }

    async fn flushed(&self) {}

    fn notify(&self, event: &EphemeralEvent) -> Taken {
        self.take(Got::EphemeralEvent(event.argument.get().to_owned()))
    }

    async fn saved(&self) {
        self.saves.fetch_add(1, Ordering::SeqCst);
        let saving = self.saving.lock().unwrap().clone();
        if let Some(saving) = saving {
            saving.notified().await;
        }
    }
}

/// A read position at `cursor` in rooms, each joined at an offset.
fn read_position<const N: usize>(cursor: u64, rooms: [(&str, u64); N]) -> Arc<ReadPosition> {
    let rooms = rooms.map(|(name, joined_after)| (room(name), offset(joined_after).into())).into();
    Arc::new(ReadPosition::new(Following::new(rooms, None), offset(cursor), true))
}

fn subscription(log: &Arc<Log>, position: &Arc<ReadPosition>, wake: &Arc<Notify>) -> Subscription {
    Subscription::new(Arc::clone(log), log.reader(), Arc::clone(position), wake)
}

/// Reads what there is and hands it over.
async fn next(subscription: &mut Subscription) -> Vec<u64> {
    let mut offsets = Vec::new();
    while subscription.read().await.unwrap() != ReadOutcome::Nothing {
        while subscription.has_next() {
            let taken: Result<(), ()> = subscription.hand_over(|next, _| {
                let Next::Message(entry) = next else { panic!("nothing is deleted") };
                offsets.push(entry.offset().as_u64());
                Ok(())
            });
            taken.unwrap();
        }
    }
    offsets
}

struct Running {
    waiting: Arc<Waiting<TestPermit>>,
    position: Arc<ReadPosition>,
    task: JoinHandle<()>,
}

impl Running {
    fn answer(&self, ack_id: i64) {
        let answer = Answer::Ack(Ack::new(Offset::FIRST, false));
        self.waiting.outbox.push(ack_id, answer, TestPermit::default());
    }
}

/// Starts delivering `room` after `cursor`.
fn start(log: &Arc<Log>, room_name: &str, cursor: u64, sink: &Arc<TestSink>) -> Running {
    let waiting = Arc::new(Waiting::new());
    let position = read_position(cursor, [(room_name, 0)]);
    let subscription = subscription(log, &position, &waiting.wake);
    let task = tokio::spawn({
        let (waiting, sink) = (Arc::clone(&waiting), Arc::clone(sink));
        async move { deliver(subscription, &waiting, &*sink).await }
    });
    Running { waiting, position, task }
}

fn messages(offsets: impl IntoIterator<Item = u64>) -> Vec<Got> {
    offsets.into_iter().map(Got::Message).collect()
}

async fn append(log: &Log, room_name: &str, count: usize) {
    for _ in 0..count {
        log.append(new_message(room_name, "hi")).await;
    }
}

#[tokio::test]
async fn history_comes_first_and_then_what_is_written() {
    let (store, log) = memory_log().await;
    store.append(&vec![new_message("a", "old"); 600]).await.unwrap();
    log.seen(600).await;
    let sink = TestSink::with_room(usize::MAX / 2);
    start(&log, "a", 0, &sink);
    append(&log, "a", 50).await;
    assert_eq!(sink.has(650).await, messages(1..=650));
}

#[tokio::test]
async fn a_cursor_gets_what_follows_it_and_only_of_its_room() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "a", "b", "b", "a"] {
        append(&log, name, 1).await;
    }
    let sink = TestSink::with_room(100);
    start(&log, "a", 1, &sink);
    assert_eq!(sink.has(2).await, messages([3, 6]));
}

#[tokio::test]
async fn what_was_sent_to_a_room_before_it_was_joined_is_left_out() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "a", "b", "a"] {
        append(&log, name, 1).await;
    }
    let position = read_position(0, [("a", 1), ("b", 3)]);
    let mut subscription = subscription(&log, &position, &Arc::default());
    assert_eq!(next(&mut subscription).await, [3, 4, 5]);
}

#[tokio::test]
async fn rooms_can_be_joined_and_left_while_reading() {
    let (_, log) = memory_log().await;
    let position = read_position(0, [("a", 0)]);
    let mut subscription = subscription(&log, &position, &Arc::default());
    append(&log, "b", 1).await;
    append(&log, "a", 1).await;
    assert_eq!(next(&mut subscription).await, [2]);
    position.join(room("b"), log.tail(), |_| ());
    append(&log, "b", 1).await;
    assert_eq!(next(&mut subscription).await, [3]);
    append(&log, "b", 1).await;
    append(&log, "a", 1).await;
    position.leave(&room("b"));
    assert_eq!(next(&mut subscription).await, [5]);
    drop(subscription);
    assert_eq!(log.readers_of(&room("a")) + log.readers_of(&room("b")), 0);
}

/// A change of access holds the delivery until it is known what may still be read.
#[tokio::test]
async fn what_was_read_is_not_handed_over_while_held_and_then_only_if_the_room_is_still_followed() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "a", "b", "a"] {
        append(&log, name, 1).await;
    }
    let sink = TestSink::with_room(1);
    let running = start(&log, "a", 0, &sink);
    running.position.join(room("b"), Offset::ZERO, |_| ());
    assert_eq!(sink.has(1).await, messages([1]));
    // The rest of the page waits for room in the connection.
    running.position.hold();
    sink.give_room(100);
    running.answer(7);
    assert_eq!(sink.has(2).await, [Got::Message(1), Got::Answer(7)], "answers do not wait");
    append(&log, "a", 1).await;
    log.seen(6).await;
    assert_eq!(sink.got().len(), 2);
    running.position.leave(&room("b"));
    running.position.release();
    running.waiting.wake.notify_one();
    assert_eq!(sink.has(5).await[2..], messages([3, 5, 6]));
}

/// The other rooms are at 6, the joined one goes on from 2: what lies between comes from it alone.
#[tokio::test]
async fn a_room_joined_from_an_earlier_offset_on_repeats_nothing_of_the_others() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "b", "a", "b", "a"] {
        append(&log, name, 1).await;
    }
    let position = read_position(0, [("a", 0)]);
    let mut subscription = subscription(&log, &position, &Arc::default());
    assert_eq!(next(&mut subscription).await, [1, 4, 6]);
    position.join(room("b"), offset(2), |_| ());
    append(&log, "b", 1).await;
    append(&log, "a", 1).await;
    assert_eq!(next(&mut subscription).await, [3, 5, 7, 8]);
}

/// The page that was read before the join is not handed over: part of it will be read again.
#[tokio::test]
async fn a_room_joined_in_the_middle_of_a_page_neither_repeats_nor_leaves_out() {
    let (_, log) = memory_log().await;
    for name in ["b", "a", "b", "a", "b", "a"] {
        append(&log, name, 1).await;
    }
    let sink = TestSink::with_room(1);
    let running = start(&log, "a", 0, &sink);
    assert_eq!(sink.has(1).await, messages([2]));
    running.position.join(room("b"), Offset::ZERO, |_| ());
    running.waiting.wake.notify_one();
    sink.give_room(100);
    assert_eq!(sink.has(6).await, messages([2, 1, 3, 4, 5, 6]));
    assert_eq!(sink.saves.load(Ordering::SeqCst), 1, "what it follows is saved before");
}

/// The page that was read before the join reaches further than the offset at which the room is joined.
#[tokio::test]
async fn a_room_joined_after_the_cursor_and_before_the_end_of_a_page_leaves_out_nothing() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "b", "a"] {
        append(&log, name, 1).await;
    }
    let sink = TestSink::with_room(1);
    let running = start(&log, "a", 0, &sink);
    assert_eq!(sink.has(1).await, messages([1]));
    running.position.join(room("b"), offset(2), |_| ());
    running.waiting.wake.notify_one();
    sink.give_room(100);
    assert_eq!(sink.has(3).await, messages([1, 3, 4]));
}

/// A client that has got what comes after a message of the room could otherwise recover what it followed before, and
/// never get that message.
#[tokio::test]
async fn what_comes_after_a_room_was_left_waits_until_that_is_saved() {
    let (_, log) = memory_log().await;
    for name in ["a", "b", "a"] {
        append(&log, name, 1).await;
    }
    let sink = TestSink::with_room(1);
    let running = start(&log, "a", 0, &sink);
    running.position.join(room("b"), Offset::ZERO, |_| ());
    assert_eq!(sink.has(1).await, messages([1]));
    let saved = Arc::new(Notify::new());
    *sink.saving.lock().unwrap() = Some(Arc::clone(&saved));
    running.position.leave(&room("b"));
    // It was not in this one.
    running.position.leave(&room("c"));
    running.waiting.wake.notify_one();
    sink.give_room(100);
    running.answer(7);
    assert_eq!(sink.has(2).await, [Got::Message(1), Got::Answer(7)], "answers do not wait");
    log.seen(3).await;
    tokio::task::yield_now().await;
    assert_eq!(sink.got().len(), 2);
    saved.notify_one();
    assert_eq!(sink.has(3).await[2..], messages([3]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_room_has_comes_after_the_answer_to_its_join_which_comes_when_it_is_saved() {
    let (_, log) = memory_log().await;
    append(&log, "b", 3).await;
    let sink = TestSink::with_room(100);
    let running = start(&log, "a", 3, &sink);
    let room = room("b");
    running.position.join(room.clone(), Offset::ZERO, |_| {
        running.waiting.wake.notify_one();
        // the delivery task has time to read what the room has, and must not.
        std::thread::sleep(Duration::from_millis(50));
        let joined = Answer::Joined(Joined::new(room, 1, offset(3)));
        running.waiting.outbox.push(7, joined, TestPermit::default());
    });
    assert_eq!(sink.has(4).await, [&[Got::Answer(7)][..], &messages(1..=3)].concat());
    assert_eq!(sink.saves.load(Ordering::SeqCst), 2, "before the answer, and before the rewind");
}

#[tokio::test]
async fn who_is_sent_out_of_a_room_is_told_after_the_answer_to_the_join() {
    let (_, log) = memory_log().await;
    let (sink, saved) = (TestSink::with_room(100), Arc::new(Notify::new()));
    *sink.saving.lock().unwrap() = Some(Arc::clone(&saved));
    let running = start(&log, "a", 0, &sink);
    let event = |name: &str| EphemeralEvent::new("event", &[name]).unwrap();
    let joined = Answer::Joined(Joined::new(room("b"), 1, Offset::ZERO));
    running.waiting.outbox.push(7, joined, TestPermit::default());
    running.waiting.outbox.tell(event("out"));
    running.waiting.ephemeral.push(event("typing"));
    running.answer(8);
    let got = |name: &str| Got::EphemeralEvent(format!("[{name:?}]"));
    // What does not depend on the session does not wait.
    let before = [Got::Answer(8), got("typing")];
    assert_eq!(sink.has(2).await, before);
    saved.notify_one();
    assert_eq!(sink.has(4).await, [&before[..], &[Got::Answer(7), got("out")]].concat());
}

#[tokio::test]
async fn a_reader_that_does_not_want_its_own_messages_does_not_get_them_live() {
    let (_, log) = memory_log().await;
    let position = read_position(0, [("a", 0)]);
    let reader = log.reader();
    let mut subscription =
        Subscription::new(Arc::clone(&log), reader, Arc::clone(&position), &Arc::default());
    log.append(new_message("a", "of another")).await;
    log.append_from(reader, new_message("a", "its own")).await;
    log.append(new_message("a", "of another")).await;
    assert_eq!(next(&mut subscription).await, [1, 3]);
}

#[tokio::test]
async fn private_messages_reach_the_two_they_are_for() {
    let (_, log) = memory_log().await;
    let [ada, bob, eve] = [1, 2, 3].map(UserId::from_stored);
    let private = |from, to| {
        let audience = Audience::Private { from, to, nickname: "somebody".parse().unwrap() };
        NewMessage::new(audience, "psst".parse().unwrap())
    };
    let of = |user| {
        let following = Following::new(BTreeMap::new(), Some((user, offset(1).into())));
        subscription(
            &log,
            &Arc::new(ReadPosition::new(following, Offset::ZERO, true)),
            &Arc::default(),
        )
    };
    for message in [private(ada, bob), private(bob, ada), private(ada, eve), private(eve, bob)] {
        log.append(message).await;
    }
    assert_eq!(next(&mut of(ada)).await, [2, 3]);
    assert_eq!(next(&mut of(bob)).await, [2, 4]);
    assert_eq!(next(&mut of(eve)).await, [3, 4]);
}

#[tokio::test]
async fn of_too_many_ephemeral_events_the_newest_are_delivered() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(0);
    let running = start(&log, "a", 0, &sink);
    for number in 0..100 {
        running.waiting.ephemeral.extend(EphemeralEvent::new("typing", &number));
    }
    append(&log, "a", 1).await;
    sink.give_room(1000);
    let got = sink.has(65).await;
    let ephemeral: Vec<_> =
        got.iter().filter(|got| matches!(got, Got::EphemeralEvent(_))).collect();
    assert_eq!(ephemeral.last(), Some(&&Got::EphemeralEvent("99".into())));
    assert!(got.contains(&Got::Message(1)));
    assert!(ephemeral.len() <= 66, "{}", ephemeral.len());
}

#[tokio::test]
async fn a_full_connection_keeps_its_place() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(3);
    start(&log, "a", 0, &sink);
    append(&log, "a", 10).await;
    assert_eq!(sink.has(3).await, messages(1..=3));
    sink.give_room(2);
    assert_eq!(sink.has(5).await, messages(1..=5));
    sink.give_room(100);
    assert_eq!(sink.has(10).await, messages(1..=10));
}

/// Nothing but the cursor: many that stall at different offsets would hold much.
#[tokio::test(start_paused = true)]
async fn a_connection_that_stalls_keeps_no_messages_and_gets_them_all_the_same() {
    let memory = Arc::new(MemoryStore::new());
    memory.append(&vec![new_message("a", "old"); 10]).await.unwrap();
    let held = Arc::new(HeldStore::new(memory));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    let sink = TestSink::with_room(3);
    let running = start(&log, "a", 0, &sink);
    assert_eq!(sink.has(3).await, messages(1..=3));
    tokio::time::sleep(Duration::from_secs(2)).await;
    held.reads.close();
    sink.give_room(1);
    // It is read again, and somebody else looks for new messages of other nodes.
    held.reads.waiting(2).await;
    held.reads.open();
    assert_eq!(sink.has(4).await, messages(1..=4));
    // An answer that cannot be handed over is a stall as well.
    running.answer(7);
    tokio::time::sleep(Duration::from_secs(2)).await;
    held.reads.close();
    sink.give_room(1);
    held.reads.waiting(2).await;
    sink.give_room(100);
    held.reads.open();
    let mut expected = messages(1..=4);
    expected.push(Got::Answer(7));
    expected.extend(messages(5..=10));
    assert_eq!(sink.has(11).await, expected);
}

/// What is long counts until it has left: nothing more is read from the client meanwhile.
#[tokio::test]
async fn a_long_answer_counts_with_its_length() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(0);
    let running = start(&log, "a", 0, &sink);
    let permit = TestPermit::default();
    let counted = Arc::clone(&permit.0);
    let long = serde_json::value::to_raw_value(&"x".repeat(300_000)).unwrap();
    running.waiting.outbox.push(7, Answer::Made(long.into()), permit);
    assert_eq!(counted.load(Ordering::SeqCst), 300_002);
    sink.give_room(1);
    sink.has(1).await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while counted.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it has left");
}

#[tokio::test]
async fn an_answer_waits_for_room_and_then_overtakes_the_messages() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(2);
    let running = start(&log, "a", 0, &sink);
    append(&log, "a", 5).await;
    sink.has(2).await;
    running.answer(7);
    running.answer(8);
    sink.give_room(100);
    let mut expected = messages([1, 2]);
    expected.extend([Got::Answer(7), Got::Answer(8)]);
    expected.extend(messages([3, 4, 5]));
    assert_eq!(sink.has(7).await, expected);
}

/// The worst moment: a message is committed after the reader found nothing and before it waits.
#[tokio::test]
async fn a_message_between_the_read_and_the_wait_is_not_missed() {
    let (_, log) = memory_log().await;
    let wake = Arc::new(Notify::new());
    let mut subscription = subscription(&log, &read_position(0, [("a", 0)]), &wake);
    assert_eq!(subscription.read().await.unwrap(), ReadOutcome::Nothing);
    append(&log, "a", 1).await;
    tokio::time::timeout(Duration::from_secs(10), wake.notified()).await.expect("woken");
    assert_eq!(next(&mut subscription).await, [1]);
}

/// A page of history is held back while newer messages are committed: they must not overtake it.
#[tokio::test]
async fn live_messages_wait_for_the_replay() {
    let memory = Arc::new(MemoryStore::new());
    memory.append(&vec![new_message("a", "old"); 10]).await.unwrap();
    let held = Arc::new(HeldStore::new(memory));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    held.reads.close();
    let sink = TestSink::with_room(100);
    start(&log, "a", 0, &sink);
    held.reads.waiting(1).await;
    append(&log, "a", 5).await;
    assert_eq!(sink.got(), []);
    held.reads.open();
    assert_eq!(sink.has(15).await, messages(1..=15));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_makes_a_delivery_late_not_wrong() {
    let memory = Arc::new(MemoryStore::new());
    memory.append(&vec![new_message("a", "old"); 300]).await.unwrap();
    let failing = Arc::new(FailingStore::new(memory));
    let log = log_on(Arc::<FailingStore>::clone(&failing)).await;
    failing.fail_reads(3);
    let sink = TestSink::with_room(1000);
    start(&log, "a", 0, &sink);
    append(&log, "a", 1).await;
    assert_eq!(sink.has(301).await, messages(1..=301));
}

#[tokio::test]
async fn what_it_follows_is_saved_before_earlier_messages_also_when_reading_them_fails_at_first() {
    let memory = Arc::new(MemoryStore::new());
    memory.append(&vec![new_message("b", "old"); 3]).await.unwrap();
    let failing = Arc::new(FailingStore::new(memory));
    let log = log_on(Arc::<FailingStore>::clone(&failing)).await;
    let sink = TestSink::with_room(100);
    let running = start(&log, "a", 3, &sink);
    append(&log, "a", 1).await;
    assert_eq!(sink.has(1).await, messages([4]));
    failing.fail_reads(1);
    running.position.join(room("b"), Offset::ZERO, |_| ());
    running.waiting.wake.notify_one();
    assert_eq!(sink.has(4).await, messages([4, 1, 2, 3]));
    assert_eq!(sink.saves.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_reader_far_behind_catches_up_while_others_write() {
    let log = log_with(Arc::new(MemoryStore::new()), 4000, 0).await;
    let slow = TestSink::with_room(1);
    start(&log, "a", 0, &slow);
    let fast = TestSink::with_room(10_000);
    start(&log, "a", 0, &fast);
    append(&log, "a", 500).await;
    assert_eq!(fast.has(500).await, messages(1..=500));
    assert_eq!(slow.has(1).await, messages([1]));
    slow.give_room(10_000);
    append(&log, "a", 500).await;
    assert_eq!(slow.has(1000).await, messages(1..=1000));
}

#[tokio::test]
async fn draining_hands_over_the_answers_and_ends() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(0);
    let running = start(&log, "a", 0, &sink);
    append(&log, "a", 5).await;
    running.answer(7);
    running.waiting.drain();
    sink.give_room(2);
    tokio::time::timeout(Duration::from_secs(10), running.task).await.expect("it ends").unwrap();
    // At most the one message that was being handed over is ahead of the answer.
    assert_eq!(sink.got().last(), Some(&Got::Answer(7)));
}

#[tokio::test]
async fn append_notifications_and_own_messages_mix_without_repeat() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(100);
    start(&log, "a", 0, &sink);
    append(&log, "a", 2).await;
    log.appended(offset(1), vec![message(2, "a")]);
    log.appended(offset(2), vec![message(3, "a")]);
    log.appended(offset(2), vec![message(3, "a"), message(4, "a")]);
    assert_eq!(sink.has(4).await, messages(1..=4));
}

/// Reads what there is; messages that may be gone are below zero.
async fn next_or_gone(subscription: &mut Subscription) -> Vec<i64> {
    let mut got = Vec::new();
    while subscription.read().await.unwrap() != ReadOutcome::Nothing {
        while subscription.has_next() {
            let taken: Result<(), ()> = subscription.hand_over(|next, _| {
                got.push(match next {
                    Next::Message(entry) => entry.offset().as_u64().cast_signed(),
                    Next::Gone(upto) => -upto.as_u64().cast_signed(),
                });
                Ok(())
            });
            taken.unwrap();
        }
    }
    got
}

fn trim(upto: u64) -> Trim {
    Trim { upto: offset(upto), forget_keys_before: Timestamp::from_millis(0) }
}

#[tokio::test]
async fn who_may_have_missed_messages_that_are_gone_is_told_once() {
    let (_store, log) = memory_log().await;
    for _ in 0..5 {
        log.append(new_message("a", "a")).await;
        log.append(new_message("b", "b")).await;
    }
    let wake = Arc::new(Notify::new());
    let behind = read_position(2, [("a", 0)]);
    let mut behind = subscription(&log, &behind, &wake);
    let current = read_position(9, [("a", 0)]);
    let mut current = subscription(&log, &current, &wake);
    assert_eq!(next(&mut current).await, [0; 0]);
    log.trim(&trim(6)).await.unwrap();
    assert_eq!(next_or_gone(&mut behind).await, [-6, 7, 9]);
    log.append(new_message("a", "more")).await;
    assert_eq!(next_or_gone(&mut behind).await, [11]);
    // Whoever has all knows that nothing is missing, also when all of it is gone.
    log.trim(&trim(11)).await.unwrap();
    assert_eq!(next_or_gone(&mut behind).await, [0; 0]);
    assert_eq!(next_or_gone(&mut current).await, [-11]);
    log.append(new_message("a", "more")).await;
    assert_eq!(next_or_gone(&mut current).await, [12]);
    assert_eq!(next_or_gone(&mut behind).await, [12]);
}

/// Nothing of it is in memory, so it is not known whether there was something for it.
#[tokio::test]
async fn who_comes_back_from_before_the_horizon_is_told_even_if_nothing_is_left() {
    let (store, log) = memory_log().await;
    for _ in 0..5 {
        log.append(new_message("a", "a")).await;
    }
    log.trim(&trim(5)).await.unwrap();
    for log in [log, log_on(store).await] {
        let wake = Arc::new(Notify::new());
        let position = read_position(2, [("a", 0)]);
        assert_eq!(next_or_gone(&mut subscription(&log, &position, &wake)).await, [-5]);
        assert_eq!(position.cursor(), offset(5));
        assert_eq!(next_or_gone(&mut subscription(&log, &position, &wake)).await, [0; 0]);
        let fresh = read_position(5, [("a", 5)]);
        assert_eq!(next_or_gone(&mut subscription(&log, &fresh, &wake)).await, [0; 0]);
    }
}

#[tokio::test]
async fn a_node_that_starts_after_messages_were_deleted_never_had_them() {
    let (store, log) = memory_log().await;
    for _ in 0..5 {
        log.append(new_message("a", "a")).await;
    }
    log.trim(&trim(3)).await.unwrap();
    let log = log_with(store, 1 << 20, 100).await;
    let position = read_position(1, [("a", 0)]);
    let wake = Arc::new(Notify::new());
    assert_eq!(next_or_gone(&mut subscription(&log, &position, &wake)).await, [-3, 4, 5]);
}

/// It never had the messages itself, and nothing tells its readers of them.
#[tokio::test(start_paused = true)]
async fn readers_of_a_node_that_lags_are_told_of_what_it_never_saw() {
    let (store, log) = memory_log().await;
    log.append(new_message("a", "a")).await;
    let wake = Arc::new(Notify::new());
    let position = read_position(1, [("a", 0)]);
    let mut reader = subscription(&log, &position, &wake);
    assert_eq!(next_or_gone(&mut reader).await, [0; 0]);
    store.append(&[new_message("a", "gone"), new_message("b", "left")]).await.unwrap();
    store.trim(&trim(2)).await.unwrap();
    wake.notified().await;
    assert_eq!(next_or_gone(&mut reader).await, [-2]);
}

#[tokio::test]
async fn a_connection_that_has_no_room_is_told_later_and_before_what_follows() {
    let (_store, log) = memory_log().await;
    for _ in 0..3 {
        log.append(new_message("a", "a")).await;
    }
    log.trim(&trim(2)).await.unwrap();
    let sink = TestSink::with_room(0);
    start(&log, "a", 1, &sink);
    sink.give_room(1);
    assert_eq!(sink.has(1).await, [Got::Gone(2)]);
    sink.give_room(1);
    assert_eq!(sink.has(2).await, [Got::Gone(2), Got::Message(3)]);
}
