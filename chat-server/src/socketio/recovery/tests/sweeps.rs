//! Expired sessions go as fast as they come, and nobody waits for that.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chat_store::{SessionRecord, StoreError};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::*;

/// How long one write takes, of a save or of a part of a sweep.
const WRITE: Duration = Duration::from_millis(15);

/// How many sessions a part deletes.
const PART: usize = 1_000;

/// A store that does one thing at a time and has expired sessions.
#[derive(Default)]
struct Slow {
    turn: Mutex<()>,
    expired: AtomicUsize,
    saves: AtomicUsize,
}

#[async_trait]
impl SessionStore for Slow {
    async fn save_sessions(&self, _: &[SessionRecord]) -> Result<Vec<SessionKey>, StoreError> {
        let _turn = self.turn.lock().await;
        sleep(WRITE).await;
        self.saves.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }

    async fn session(
        &self,
        _: SessionKey,
        _: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn sweep_sessions(&self, _: Timestamp) -> Result<usize, StoreError> {
        let _turn = self.turn.lock().await;
        sleep(WRITE).await;
        let left = self.expired.load(Ordering::SeqCst);
        self.expired.store(left.saturating_sub(PART), Ordering::SeqCst);
        Ok(left.min(PART))
    }
}

struct Running {
    store: Arc<Slow>,
    registry: Arc<Registry>,
    writer: Arc<Writer>,
}

fn running(expired: usize, window: Duration) -> Running {
    let store = Arc::new(Slow { expired: expired.into(), ..Slow::default() });
    let registry = Arc::new(Registry::new(window));
    let writer = Arc::new(Writer::new(Arc::<Slow>::clone(&store), Arc::clone(&registry)));
    tokio::spawn(Arc::clone(&writer).run(CancellationToken::new()));
    tokio::spawn(Arc::clone(&writer).maintain(window));
    Running { store, registry, writer }
}

#[tokio::test(start_paused = true)]
async fn more_sessions_than_can_come_in_a_minute_are_swept_in_a_minute() {
    let Running { store, .. } = running(60 * 5_300, WINDOW);
    sleep(Duration::from_secs(50)).await;
    assert_eq!(store.expired.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_save_waits_for_one_part_of_a_sweep_at_the_most() {
    let Running { store, registry, writer } = running(60 * 5_300, WINDOW);
    for number in 1..=50 {
        registry.own(KEY, known(0, "here"), (OPENED, number)).expect("nobody else has it");
        let begun = Instant::now();
        writer.saved().await;
        // A part, and two rounds of saves: one may have begun before the change.
        assert!(begun.elapsed() <= 4 * WRITE, "{:?}", begun.elapsed());
    }
    assert!(store.expired.load(Ordering::SeqCst) > 0, "the sweep went on meanwhile");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_renewed_during_a_long_sweep() {
    let Running { store, registry, .. } = running(usize::MAX, Duration::from_secs(2));
    registry.own(KEY, known(0, "here"), (OPENED, 1)).expect("nobody else has it");
    sleep(Duration::from_secs(30)).await;
    let saves = store.saves.load(Ordering::SeqCst);
    assert!(saves >= 29, "{saves} saves in 30 s");
}
