//! From the log to a connection without a socket: a sink that a test fills, empties and breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_core::{Ack, Offset};
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, MessageStore};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Answer, Outbox, Rooms, Sent, Sink, Subscription, pump};
use crate::log::tests::{log_on, memory_log, message, new_message, offset, room};
use crate::log::{Arguments, Log};

/// What a connection got, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Message(u64),
    Answer(i64),
}

/// A connection that takes as many packets as a test gives it room for.
#[derive(Default)]
struct TestSink {
    got: Mutex<Vec<Got>>,
    room: AtomicUsize,
    more_room: Notify,
    changed: Notify,
}

impl TestSink {
    fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self { room: AtomicUsize::new(room), ..Self::default() })
    }

    fn give_room(&self, packets: usize) {
        self.room.fetch_add(packets, Ordering::SeqCst);
        self.more_room.notify_one();
    }

    fn take(&self, got: Got) -> Sent {
        let used = |room: usize| room.checked_sub(1);
        if self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, used).is_err() {
            return Sent::Full;
        }
        self.got.lock().unwrap().push(got);
        self.changed.notify_one();
        Sent::Yes
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
    fn deliver(&self, arguments: &Arguments) -> Sent {
        let json = serde_json::to_value(arguments).unwrap();
        self.take(Got::Message(json[1].as_u64().unwrap()))
    }

    fn answer(&self, ack_id: i64, _: &Answer) -> Sent {
        self.take(Got::Answer(ack_id))
    }

    async fn room(&self) {
        self.more_room.notified().await;
    }

    async fn flushed(&self) {}
}

/// Rooms, each joined at an offset.
fn rooms<const N: usize>(rooms: [(&str, u64); N]) -> Arc<Rooms> {
    let joined = rooms.map(|(name, joined_after)| (room(name), offset(joined_after)));
    Arc::new(Rooms::new(joined.into()))
}

struct Running {
    outbox: Arc<Outbox>,
    draining: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts delivering `room` after `cursor`.
fn start(log: &Arc<Log>, room_name: &str, cursor: u64, sink: &Arc<TestSink>) -> Running {
    let wake = Arc::new(Notify::new());
    let outbox = Arc::new(Outbox::new(Arc::clone(&wake)));
    let draining = CancellationToken::new();
    let rooms = rooms([(room_name, 0)]);
    let subscription = Subscription::new(Arc::clone(log), rooms, offset(cursor), &wake);
    let task = tokio::spawn({
        let (outbox, sink, draining) = (Arc::clone(&outbox), Arc::clone(sink), draining.clone());
        async move { pump(subscription, &outbox, &wake, &*sink, &draining).await }
    });
    Running { outbox, draining, task }
}

fn messages(offsets: impl IntoIterator<Item = u64>) -> Vec<Got> {
    offsets.into_iter().map(Got::Message).collect()
}

fn ack() -> Answer {
    Answer::Ack(Ack { offset: Offset::FIRST, duplicate: false })
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
    let wake = Arc::new(Notify::new());
    let rooms = rooms([("a", 1), ("b", 3)]);
    let mut subscription = Subscription::new(Arc::clone(&log), rooms, Offset::ZERO, &wake);
    let entries = subscription.read().await.unwrap();
    let offsets: Vec<_> = entries.iter().map(|entry| entry.offset().as_u64()).collect();
    assert_eq!(offsets, [3, 4, 5]);
}

#[tokio::test]
async fn rooms_can_be_joined_and_left_while_reading() {
    async fn next(subscription: &mut Subscription) -> Vec<u64> {
        let entries = subscription.read().await.unwrap();
        entries.iter().for_each(|entry| subscription.advance(entry.offset()));
        entries.iter().map(|entry| entry.offset().as_u64()).collect()
    }
    let (_, log) = memory_log().await;
    let wake = Arc::new(Notify::new());
    let rooms = rooms([("a", 0)]);
    let mut subscription =
        Subscription::new(Arc::clone(&log), Arc::clone(&rooms), Offset::ZERO, &wake);
    append(&log, "b", 1).await;
    append(&log, "a", 1).await;
    assert_eq!(next(&mut subscription).await, [2]);
    rooms.change(|joined| {
        joined.insert(room("b"), log.tail());
    });
    append(&log, "b", 1).await;
    assert_eq!(next(&mut subscription).await, [3]);
    append(&log, "b", 1).await;
    append(&log, "a", 1).await;
    rooms.change(|joined| {
        joined.remove(&room("b"));
    });
    assert_eq!(next(&mut subscription).await, [5]);
    drop(subscription);
    assert_eq!(log.readers_of(&room("a")) + log.readers_of(&room("b")), 0);
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

#[tokio::test]
async fn an_answer_waits_for_room_and_then_overtakes_the_messages() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(2);
    let running = start(&log, "a", 0, &sink);
    append(&log, "a", 5).await;
    sink.has(2).await;
    running.outbox.push(7, ack());
    running.outbox.push(8, ack());
    sink.give_room(100);
    let mut expected = messages([1, 2, 3]);
    expected.extend([Got::Answer(7), Got::Answer(8)]);
    expected.extend(messages([4, 5]));
    assert_eq!(sink.has(7).await, expected);
}

/// The worst moment: a message is committed after the reader found nothing and before it waits.
#[tokio::test]
async fn a_message_between_the_read_and_the_wait_is_not_missed() {
    let (_, log) = memory_log().await;
    let wake = Arc::new(Notify::new());
    let mut subscription =
        Subscription::new(Arc::clone(&log), rooms([("a", 0)]), Offset::ZERO, &wake);
    assert!(subscription.read().await.unwrap().is_empty());
    append(&log, "a", 1).await;
    tokio::time::timeout(Duration::from_secs(10), wake.notified()).await.expect("woken");
    assert_eq!(subscription.read().await.unwrap().len(), 1);
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
async fn a_reader_far_behind_catches_up_while_others_write() {
    let log = Log::start(Arc::new(MemoryStore::new()), 4000, Box::new(|_, _| {})).await.unwrap();
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
    running.outbox.push(7, ack());
    running.draining.cancel();
    sink.give_room(2);
    tokio::time::timeout(Duration::from_secs(10), running.task).await.expect("it ends").unwrap();
    // At most the one message that was being handed over is ahead of the answer.
    assert_eq!(sink.got().last(), Some(&Got::Answer(7)));
}

#[tokio::test]
async fn hints_and_own_messages_mix_without_repeat() {
    let (_, log) = memory_log().await;
    let sink = TestSink::with_room(100);
    start(&log, "a", 0, &sink);
    append(&log, "a", 2).await;
    log.hint(offset(1), vec![message(2, "a")]);
    log.hint(offset(2), vec![message(3, "a")]);
    log.hint(offset(2), vec![message(3, "a"), message(4, "a")]);
    assert_eq!(sink.has(4).await, messages(1..=4));
}
