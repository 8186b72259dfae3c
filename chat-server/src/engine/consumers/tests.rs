use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chat_core::{Kind, NewMessage, Timestamp};
use chat_store::testkit::FailingStore;
use chat_store::{MemoryStore, MessageStore, SessionKey, SessionRecord, StoreError, Trim};
use tokio::time::Instant;

use super::lease::{LEASE, Lease};
use super::*;
use crate::engine::log::RECENT_AT_START;

/// What a consumer does with its next call, instead of handling it.
enum Trouble {
    Fail,
    Wait(Duration),
    Panic,
    Hang,
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    handled: Vec<u64>,
    /// How often something was handled.
    calls: usize,
    trouble: VecDeque<Trouble>,
}

impl Recorder {
    fn with(trouble: impl IntoIterator<Item = Trouble>) -> Self {
        let trouble = trouble.into_iter().collect();
        Self(Arc::new(Mutex::new(Recorded { trouble, ..Recorded::default() })))
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    fn handled(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).handled.clone()
    }
}

#[async_trait]
impl Consumer for Recorder {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        let trouble = self.0.lock().unwrap().trouble.pop_front();
        match trouble {
            Some(Trouble::Fail) => return Err(ConsumerError::new("it fails")),
            Some(Trouble::Wait(pause)) => {
                return Err(ConsumerError::new("it waits").retry_after(pause));
            }
            Some(Trouble::Panic) => panic!("it panics"),
            Some(Trouble::Hang) => std::future::pending().await,
            None => {}
        }
        let offsets = messages.iter().map(|message| message.offset.as_u64());
        let mut recorded = self.0.lock().unwrap();
        recorded.handled.extend(offsets);
        recorded.calls += 1;
        Ok(())
    }
}

async fn log(store: &Arc<MemoryStore>) -> Arc<Log> {
    let messages: Arc<dyn MessageStore> = store.clone();
    Log::start(messages, 1_000_000, RECENT_AT_START, Box::new(|_, _| {})).await.unwrap()
}

/// A node that consumes.
struct Node {
    closing: CancellationToken,
    consuming: Consuming,
    run: tokio::task::JoinHandle<()>,
}

async fn node(store: &Arc<MemoryStore>, what: Consumption, recorder: &Recorder) -> Node {
    node_on(store, store.clone(), what, recorder).await
}

async fn node_on(
    store: &Arc<MemoryStore>,
    sessions: Arc<dyn SessionStore>,
    what: Consumption,
    recorder: &Recorder,
) -> Node {
    let closing = CancellationToken::new();
    let recorder = Arc::new(recorder.clone());
    let (consuming, run) = consumer(log(store).await, sessions, what, recorder, &closing);
    Node { closing, consuming, run: tokio::spawn(run) }
}

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

async fn write(store: &MemoryStore, count: usize) {
    let batch: Vec<_> = (0..count).map(|_| text("x")).collect();
    store.append(&batch).await.unwrap();
}

fn text(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().unwrap())
}

fn all() -> Consumption {
    Consumption::new("all").from_the_beginning().with_most_at_once(3)
}

#[tokio::test(start_paused = true)]
async fn each_message_is_handled_in_order_from_the_beginning_or_from_now_on() {
    let store = Arc::new(MemoryStore::new());
    write(&store, 10).await;
    let (first, later) = (Recorder::default(), Recorder::default());
    let mut one = node(&store, all(), &first).await;
    let mut other = node(&store, Consumption::new("later"), &later).await;
    one.consuming.reaches(offset(10)).await;
    other.consuming.reaches(offset(10)).await;
    write(&store, 5).await;
    one.consuming.reaches(offset(15)).await;
    other.consuming.reaches(offset(15)).await;
    assert_eq!(first.handled(), (1..=15).collect::<Vec<_>>());
    assert_eq!(later.handled(), (11..=15).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn changes_are_handled_and_what_is_deleted_is_left_out() {
    let store = Arc::new(MemoryStore::new());
    write(&store, 3).await;
    let general = RoomId::general;
    let edit = NewMessage::edit(general(), offset(1), "y".parse().unwrap());
    store.append(&[edit, NewMessage::deletion(general(), offset(2))]).await.unwrap();
    let other = NewMessage::new("rust".parse::<RoomId>().unwrap(), "z".parse().unwrap());
    store.append(&[other, text("last")]).await.unwrap();
    let (everything, of_room) = (Recorder::default(), Recorder::default());
    let mut one = node(&store, all(), &everything).await;
    let rooms = Consumption::new("rust").from_the_beginning().of_rooms(["rust".parse().unwrap()]);
    let mut two = node(&store, rooms, &of_room).await;
    one.consuming.reaches(offset(7)).await;
    two.consuming.reaches(offset(7)).await;
    assert_eq!(everything.handled(), [1, 3, 4, 5, 6, 7]);
    assert_eq!(of_room.handled(), [6]);
    let page = store.read_after(None, offset(3), 1).await.unwrap();
    assert_eq!(page.messages[0].kind, Kind::Edit(offset(1)));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_in_trouble_gets_the_same_again_and_misses_nothing() {
    let store = Arc::new(MemoryStore::new());
    write(&store, 9).await;
    let recorder = Recorder::with([Trouble::Fail, Trouble::Panic, Trouble::Hang, Trouble::Fail]);
    let mut node = node(&store, all(), &recorder).await;
    node.consuming.reaches(offset(9)).await;
    assert_eq!(recorder.handled(), (1..=9).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_while_a_consumer_fails_is_not_handed_over_again_and_the_batch_does_not_grow()
 {
    let store = Arc::new(MemoryStore::new());
    write(&store, 2).await;
    let recorder = Recorder::with([Trouble::Hang]);
    let mut node = node(&store, all(), &recorder).await;
    sleep(Duration::from_secs(1)).await;
    store.append(&[NewMessage::deletion(RoomId::general(), offset(2)), text("y")]).await.unwrap();
    node.consuming.reaches(offset(4)).await;
    assert_eq!(recorder.handled(), [1, 3, 4]);
    assert_eq!(recorder.calls(), 2, "1 alone, and then what came later");
}

#[tokio::test(start_paused = true)]
async fn a_call_has_so_many_bytes_unless_one_message_has_more() {
    let store = Arc::new(MemoryStore::new());
    let batch = ["1234", "56", "7", "12345678", "9", "0"].map(text);
    store.append(&batch).await.unwrap();
    let recorder = Recorder::default();
    let most = Consumption::new("small").from_the_beginning().with_most_bytes_at_once(6);
    let mut node = node(&store, most, &recorder).await;
    node.consuming.reaches(offset(6)).await;
    assert_eq!(recorder.handled(), (1..=6).collect::<Vec<_>>());
    // 1 and 2, 3, 4, 5 and 6.
    assert_eq!(recorder.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_the_consumer_wants() {
    let store = Arc::new(MemoryStore::new());
    write(&store, 1).await;
    let pause = Duration::from_secs(300);
    let recorder = Recorder::with([Trouble::Wait(pause), Trouble::Fail]);
    let begun = Instant::now();
    let mut node = node(&store, all(), &recorder).await;
    node.consuming.reaches(offset(1)).await;
    let waited = begun.elapsed();
    assert!(waited >= pause && waited < pause + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_it_was_after_a_stop_and_after_a_crash() {
    let store = Arc::new(MemoryStore::new());
    let recorder = Recorder::default();
    write(&store, 4).await;
    let mut stopped = node(&store, all(), &recorder).await;
    stopped.consuming.reaches(offset(4)).await;
    stopped.closing.cancel();
    stopped.run.await.unwrap();
    write(&store, 4).await;
    let begun = Instant::now();
    let mut crashed = node(&store, all(), &recorder).await;
    crashed.consuming.reaches(offset(8)).await;
    assert!(begun.elapsed() < LEASE, "it was given up");
    crashed.run.abort();
    write(&store, 4).await;
    let mut last = node(&store, all(), &recorder).await;
    last.consuming.reaches(offset(12)).await;
    assert!(begun.elapsed() >= LEASE, "it was not given up");
    assert_eq!(recorder.handled(), (1..=12).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn one_of_all_nodes_consumes_and_another_takes_over() {
    let store = Arc::new(MemoryStore::new());
    let recorders: Vec<_> = (0..4).map(|_| Recorder::default()).collect();
    let mut nodes = Vec::new();
    for recorder in &recorders {
        nodes.push(node(&store, all(), recorder).await);
    }
    let mut expected = 0;
    while !nodes.is_empty() {
        write(&store, 5).await;
        expected += 5;
        let owner = loop {
            let at = |node: &Node| node.consuming.position() == Some(offset(expected));
            if let Some(owner) = nodes.iter().position(at) {
                break owner;
            }
            sleep(Duration::from_millis(100)).await;
        };
        let owners = nodes.iter().filter(|node| node.consuming.position().is_some()).count();
        assert_eq!(owners, 1);
        sleep(3 * LEASE).await;
        assert!(nodes[owner].consuming.position().is_some(), "it keeps what it renews");
        nodes.remove(owner).run.abort();
    }
    let mut handled: Vec<_> = recorders.iter().map(Recorder::handled).collect();
    handled.sort_unstable();
    assert_eq!(handled.concat(), (1..=20).collect::<Vec<_>>());
}

/// An owner that was paused for so long does not move the cursor of the next one.
/// Saves a moment later.
struct Late(Arc<MemoryStore>, Duration);

#[async_trait]
impl SessionStore for Late {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        sleep(self.1).await;
        self.0.save_sessions(records).await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.0.session(key, now).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.0.sweep_sessions(now).await
    }
}

#[tokio::test(start_paused = true)]
async fn of_nodes_that_begin_at_once_one_consumes() {
    // The greater of two random numbers decides: sooner or later it is that of the later one.
    for _ in 0..20 {
        let store = Arc::new(MemoryStore::new());
        let epoch = store.epoch().clone();
        let taken = [10, 20, 300].map(async |late| {
            let late = Late(Arc::clone(&store), Duration::from_millis(late));
            let sessions: Arc<dyn SessionStore> = Arc::new(late);
            let lease = Lease::take(&sessions, "all", &epoch, async || Ok(Offset::ZERO));
            timeout(LEASE - Duration::from_secs(1), lease).await.is_ok()
        });
        let taken = futures_util::future::join_all(taken).await;
        assert_eq!(taken.into_iter().filter(|is_taken| *is_taken).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_away_learns_that_it_is_none() {
    let store = Arc::new(MemoryStore::new());
    let failing = Arc::new(FailingStore::new(store.clone()));
    let (away, next) = (Recorder::default(), Recorder::default());
    let mut one = node_on(&store, failing.clone(), all(), &away).await;
    write(&store, 3).await;
    one.consuming.reaches(offset(3)).await;
    // Its renewals do not arrive: it stops before the other one begins.
    failing.fail_saves(usize::MAX);
    let mut two = node(&store, all(), &next).await;
    two.consuming.reaches(offset(3)).await;
    assert_eq!(one.consuming.position(), None);
    failing.fail_saves(0);
    write(&store, 3).await;
    two.consuming.reaches(offset(6)).await;
    assert_eq!((away.handled(), next.handled()), (vec![1, 2, 3], vec![4, 5, 6]));
    write(&store, 1).await;
    two.consuming.reaches(offset(7)).await;
    assert_eq!(two.consuming.position(), Some(offset(7)));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_goes_on_after_what_was_deleted_meanwhile() {
    let store = Arc::new(MemoryStore::new());
    write(&store, 2).await;
    let recorder = Recorder::default();
    let mut one = node(&store, all(), &recorder).await;
    one.consuming.reaches(offset(2)).await;
    one.closing.cancel();
    one.run.await.unwrap();
    write(&store, 4).await;
    let forget_keys_before = Timestamp::from_millis(0);
    store.trim(&Trim { upto: offset(6), forget_keys_before }).await.unwrap();
    let mut other = node(&store, all(), &recorder).await;
    other.consuming.reaches(offset(6)).await;
    write(&store, 1).await;
    other.consuming.reaches(offset(7)).await;
    assert_eq!(recorder.handled(), [1, 2, 7]);
    other.closing.cancel();
}
