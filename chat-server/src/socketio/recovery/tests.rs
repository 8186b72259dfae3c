//! Sessions without a socket: what is kept, for how long, and whose they are.

use std::sync::Arc;
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, SessionKey, SessionStore, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::saved::{Known, Saved};
use super::writer::Writer;

mod nodes;
mod sweeps;

const WINDOW: Duration = Duration::from_secs(120);
const KEY: SessionKey = SessionKey([7; 32]);

/// When connections were opened.
const OPENED: Timestamp = Timestamp::from_millis(1000);

struct Sessions {
    registry: Arc<Registry>,
    writer: Arc<Writer>,
    closing: CancellationToken,
    task: JoinHandle<()>,
    settling: JoinHandle<()>,
}

impl Sessions {
    fn on(store: Arc<dyn Store>) -> Self {
        let registry = Arc::new(Registry::new(WINDOW));
        let writer = Arc::new(Writer::new(store, Arc::clone(&registry)));
        let closing = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&writer).run(closing.clone()));
        let settling = tokio::spawn(Arc::clone(&writer).settle());
        Self { registry, writer, closing, task, settling }
    }

    /// A connection that was opened as the one of this number begins the session, or takes it over here.
    /// Returns its generation, and the one of the owner before; nothing when it does not get the session.
    fn own(&self, number: u64, state: &str) -> Option<(i64, Option<i64>)> {
        self.take_over(known(0, state), OPENED, number)
    }

    fn take_over(
        &self,
        found: Known,
        opened: Timestamp,
        number: u64,
    ) -> Option<(i64, Option<i64>)> {
        let (generation, evicted) = self.registry.own(KEY, found, (opened, number))?;
        Some((generation, evicted.map(|evicted| evicted.known.generation)))
    }

    /// As [`own`](Self::own), for the only owner.
    fn begin(&self, state: &str) -> i64 {
        self.own(1, state).expect("nobody else has it").0
    }

    /// The state that this node knows.
    fn known(&self) -> Option<Option<String>> {
        self.registry.find(KEY).map(|known| known.map(|known| known.saved.state))
    }

    fn has_owner(&self, generation: i64) -> bool {
        self.registry.release(KEY, generation, false).is_some()
    }

    async fn saved(&self) {
        tokio::time::timeout(Duration::from_secs(60), self.writer.saved()).await.expect("saved");
    }

    /// Another node says that it has the session.
    fn hears(&self, generation: i64) {
        if self.registry.doubt(KEY, generation) {
            self.writer.look();
        }
    }

    async fn close(self) {
        self.settling.abort();
        self.closing.cancel();
        self.task.await.unwrap();
    }
}

fn known(generation: i64, state: &str) -> Known {
    Known { generation, saved: Saved { id: "id".into(), state: state.into() } }
}

/// What the store has of the session.
async fn found(store: &dyn SessionStore) -> Known {
    let record = store.session(KEY, Timestamp::now()).await.unwrap().expect("a session");
    Known { generation: record.generation, saved: Saved::from_record(&record).unwrap() }
}

/// The state in the store, as long from now as given.
async fn stored(store: &dyn SessionStore, later: Duration) -> Option<String> {
    let later = Timestamp::now().as_millis() + i64::try_from(later.as_millis()).unwrap();
    let record = store.session(KEY, Timestamp::from_millis(later)).await.unwrap()?;
    Saved::from_record(&record).map(|saved| saved.state)
}

#[tokio::test]
async fn a_session_is_in_the_store_when_it_is_said_to_be_saved() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    for state in ["one", "two", "three"] {
        sessions.begin(state);
        sessions.saved().await;
        assert_eq!(stored(&*store, WINDOW).await.as_deref(), Some(state));
    }
}

#[tokio::test]
async fn what_changes_during_a_save_is_not_taken_for_saved() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let sessions = Sessions::on(Arc::<HeldStore>::clone(&held));
    held.saves.close();
    let owner = sessions.begin("one");
    sessions.writer.wake();
    held.saves.waiting(1).await;
    assert_eq!(sessions.known(), Some(Some("one".into())), "known while it is being saved");

    sessions.registry.update(KEY, owner, "two".into());
    let mut saved = Box::pin(sessions.writer.saved());
    assert!(futures_util::poll!(&mut saved).is_pending());
    held.saves.let_through(1);
    held.saves.waiting(1).await;
    assert!(futures_util::poll!(&mut saved).is_pending(), "the save of \"one\" is not enough");
    held.saves.open();
    saved.await;
    assert_eq!(stored(&*held, Duration::ZERO).await.as_deref(), Some("two"));
}

/// Also when its connection is gone, and when another one has it here.
#[tokio::test]
async fn a_state_that_a_crash_may_take_back_is_known_to_be_unsaved() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let sessions = Sessions::on(Arc::<HeldStore>::clone(&held));
    let is_unsaved = || sessions.registry.has_unsaved_state(KEY);
    let owner = sessions.begin("one");
    sessions.saved().await;
    assert!(!is_unsaved());
    sessions.registry.renew();
    assert!(!is_unsaved(), "the state is the same");
    sessions.saved().await;

    held.saves.close();
    sessions.registry.update(KEY, owner, "two".into());
    assert!(is_unsaved());
    sessions.writer.wake();
    held.saves.waiting(1).await;
    assert!(is_unsaved(), "while it is being saved");
    sessions.registry.release(KEY, owner, false);
    assert!(is_unsaved());
    sessions.own(2, "two").expect("nobody else has it");
    assert!(is_unsaved());
    held.saves.open();
    sessions.saved().await;
    assert!(!is_unsaved());
}

#[tokio::test(start_paused = true)]
async fn a_failed_save_is_tried_again_with_what_is_true_then() {
    let failing = Arc::new(FailingStore::new(Arc::new(MemoryStore::new())));
    let sessions = Sessions::on(Arc::<FailingStore>::clone(&failing));
    failing.fail_saves(3);
    let owner = sessions.begin("one");
    sessions.writer.wake();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    sessions.registry.update(KEY, owner, "two".into());
    sessions.saved().await;
    assert_eq!(stored(&*failing, Duration::ZERO).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_broken_connection_leaves_its_session_for_the_window_and_no_longer() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    let owner = sessions.begin("one");
    sessions.saved().await;
    assert!(stored(&*store, WINDOW * 5 / 4).await.is_some(), "longer while it is connected");

    assert!(sessions.registry.release(KEY, owner, false).is_some());
    assert_eq!(sessions.known(), Some(Some("one".into())), "also before that is saved");
    sessions.saved().await;
    assert!(stored(&*store, WINDOW - Duration::from_secs(5)).await.is_some());
    assert!(stored(&*store, WINDOW + Duration::from_secs(5)).await.is_none());
    assert_eq!(sessions.known(), None, "what is saved is not kept in memory");
}

#[tokio::test]
async fn a_session_that_has_ended_is_gone_at_once() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    let owner = sessions.begin("one");
    sessions.saved().await;
    sessions.registry.release(KEY, owner, true);
    assert_eq!(sessions.known(), Some(None));
    sessions.saved().await;
    assert_eq!(stored(&*store, Duration::ZERO).await, None);
}

#[tokio::test]
async fn a_session_has_one_owner() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    let first = sessions.begin("one");
    let (second, evicted) = sessions.own(2, "two").unwrap();
    assert_eq!(evicted, Some(first), "it is to be disconnected");
    // What the first still does changes nothing.
    sessions.registry.update(KEY, first, "late".into());
    assert!(sessions.registry.release(KEY, first, true).is_none());
    assert_eq!(sessions.known(), Some(Some("two".into())));
    assert!(sessions.has_owner(second));
}

#[tokio::test]
async fn a_connection_that_was_opened_earlier_does_not_take_a_session() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    let (owner, _) = sessions.own(2, "two").unwrap();
    assert_eq!(sessions.own(1, "late"), None);
    assert_eq!(sessions.known(), Some(Some("two".into())));
    assert!(sessions.has_owner(owner));
}

#[tokio::test]
async fn another_node_takes_a_session_when_it_is_later() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    let owner = sessions.begin("one");
    assert!(sessions.registry.yield_to_other_node(KEY, owner - 1).is_none(), "it came here since");
    assert!(sessions.registry.yield_to_other_node(KEY, owner).is_none());
    assert!(sessions.registry.yield_to_other_node(KEY, owner + 1).is_some());
    assert_eq!(sessions.known(), None, "and this node saves nothing of it any more");
}

#[tokio::test]
async fn connected_sessions_are_renewed() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    sessions.begin("one");
    sessions.saved().await;
    let expired = stored(&*store, WINDOW * 3 / 2).await;
    assert_eq!(expired, None);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = Timestamp::now();
    sessions.registry.renew();
    sessions.saved().await;
    let record = store.session(KEY, before).await.unwrap().unwrap();
    let lease = i64::try_from((WINDOW * 3 / 2).as_millis()).unwrap();
    assert!(record.expires_at.as_millis() >= before.as_millis() + lease);
}

#[tokio::test]
async fn closing_saves_what_has_changed() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    sessions.begin("one");
    sessions.close().await;
    assert_eq!(stored(&*store, Duration::ZERO).await.as_deref(), Some("one"));
}
