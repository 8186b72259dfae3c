//! Sessions without a socket: what is kept, for how long, and whose they are.

use std::sync::Arc;
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, SessionKey, SessionStore, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::registry::{Active, Registry};
use super::session::Saved;
use super::writer::Writer;

const WINDOW: Duration = Duration::from_secs(120);
const KEY: SessionKey = SessionKey([7; 32]);

/// When connections were opened.
const OPENED: Timestamp = Timestamp::from_millis(1000);

struct Sessions {
    registry: Arc<Registry>,
    writer: Arc<Writer>,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Sessions {
    fn on(store: Arc<dyn Store>) -> Self {
        let registry = Arc::new(Registry::new(WINDOW));
        let writer = Arc::new(Writer::new(store, Arc::clone(&registry)));
        let closing = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&writer).run(closing.clone()));
        Self { registry, writer, closing, task }
    }

    fn own(&self, generation: u64, state: &str) -> Option<u64> {
        let saved = Saved { id: "id".into(), state: state.into() };
        let evicted = self
            .registry
            .own(KEY, Active { generation, saved, opened: (OPENED, generation), socket: None });
        evicted.ok().flatten().map(|active| active.generation)
    }

    /// The state that this node knows.
    fn known(&self) -> Option<Option<String>> {
        self.registry.find(KEY).map(|known| known.map(|saved| saved.state))
    }

    async fn saved(&self) {
        tokio::time::timeout(Duration::from_secs(60), self.writer.saved()).await.expect("saved");
    }

    async fn close(self) {
        self.closing.cancel();
        self.task.await.unwrap();
    }
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
        sessions.own(1, state);
        sessions.saved().await;
        assert_eq!(stored(&*store, WINDOW).await.as_deref(), Some(state));
    }
}

#[tokio::test]
async fn what_changes_during_a_save_is_not_taken_for_saved() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let sessions = Sessions::on(Arc::<HeldStore>::clone(&held));
    held.saves.close();
    sessions.own(1, "one");
    sessions.writer.wake();
    held.saves.waiting(1).await;
    assert_eq!(sessions.known(), Some(Some("one".into())), "known while it is being saved");

    sessions.registry.update(KEY, 1, "two".into());
    let mut saved = Box::pin(sessions.writer.saved());
    assert!(futures_util::poll!(&mut saved).is_pending());
    held.saves.let_through(1);
    held.saves.waiting(1).await;
    assert!(futures_util::poll!(&mut saved).is_pending(), "the save of \"one\" is not enough");
    held.saves.open();
    saved.await;
    assert_eq!(stored(&*held, Duration::ZERO).await.as_deref(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_save_is_tried_again_with_what_is_true_then() {
    let failing = Arc::new(FailingStore::new(Arc::new(MemoryStore::new())));
    let sessions = Sessions::on(Arc::<FailingStore>::clone(&failing));
    failing.fail_saves(3);
    sessions.own(1, "one");
    sessions.writer.wake();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    sessions.registry.update(KEY, 1, "two".into());
    sessions.saved().await;
    assert_eq!(stored(&*failing, Duration::ZERO).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_broken_connection_leaves_its_session_for_the_window_and_no_longer() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    sessions.own(1, "one");
    sessions.saved().await;
    assert!(stored(&*store, WINDOW * 5 / 4).await.is_some(), "longer while it is connected");

    assert!(sessions.registry.release(KEY, 1, false).is_some());
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
    sessions.own(1, "one");
    sessions.saved().await;
    sessions.registry.release(KEY, 1, true);
    assert_eq!(sessions.known(), Some(None));
    sessions.saved().await;
    assert_eq!(stored(&*store, Duration::ZERO).await, None);
}

#[tokio::test]
async fn a_session_has_one_owner() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    assert_eq!(sessions.own(1, "one"), None);
    assert_eq!(sessions.own(2, "two"), Some(1), "the first is to be disconnected");
    // What the first still does changes nothing.
    sessions.registry.update(KEY, 1, "late".into());
    assert!(sessions.registry.release(KEY, 1, true).is_none());
    assert_eq!(sessions.known(), Some(Some("two".into())));
    assert!(sessions.registry.release(KEY, 2, false).is_some());
}

#[tokio::test]
async fn a_connection_that_was_opened_earlier_does_not_take_a_session() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    assert_eq!(sessions.own(2, "two"), None);
    assert_eq!(sessions.own(1, "late"), None);
    assert_eq!(sessions.known(), Some(Some("two".into())));
    assert!(sessions.registry.release(KEY, 1, true).is_none());
    assert!(sessions.registry.release(KEY, 2, false).is_some());
}

#[tokio::test]
async fn another_node_takes_a_session_when_it_is_later() {
    let sessions = Sessions::on(Arc::new(MemoryStore::new()));
    let yields = |at: i64, wins_tie| {
        sessions.own(1, "one");
        let at = Timestamp::from_millis(at);
        sessions.registry.yield_to_other_node(KEY, at, wins_tie).is_some()
    };
    assert!(!yields(999, true), "the session came here since");
    assert!(!yields(1000, false));
    assert!(yields(1000, true));
    assert!(yields(1001, false));
    assert_eq!(sessions.known(), None, "and this node saves nothing of it any more");
}

#[tokio::test]
async fn connected_sessions_are_renewed() {
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::on(Arc::<MemoryStore>::clone(&store));
    sessions.own(1, "one");
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
    sessions.own(1, "one");
    sessions.close().await;
    assert_eq!(stored(&*store, Duration::ZERO).await.as_deref(), Some("one"));
}
