use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use chat_core::{Epoch, Offset, Timestamp};
use chat_store::{SessionKey, SessionRecord, SessionStore, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::planted::{self, Bug};

/// How long an owner that does not renew its lease keeps it.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// How often an owner renews it.
const RENEWAL: Duration = Duration::from_secs(4);

/// An owner that could not renew it for so long gives it up: soon it is somebody else's.
const DOUBT: Duration = Duration::from_secs(10);

/// How often the others look.
const LOOK: Duration = Duration::from_secs(2);

/// How long a claim stands before it counts: others that looked before it was there have made theirs by then.
const CLAIM: Duration = Duration::from_millis(500);

/// Added to the revision of a claim that counts: a claim that comes later than that is ignored.
const COUNTS: i64 = 1 << 61;

/// How long a store may take to take note of the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// A consumer's cursor, and the right to move it. It is kept as a session: whoever takes it saves it with a greater
/// generation, and what the owner before saves is ignored from then on.
pub(crate) struct Lease {
    sessions: Arc<dyn SessionStore>,
    record: SessionRecord,
    state: State,
    /// When it was last tried to save it.
    saved_at: Instant,
    /// When the last save that succeeded began.
    kept_at: Instant,
}

/// Another node has taken over, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The log in which the cursor is.
    epoch: Epoch,
    cursor: Offset,
    /// None if nobody owns it.
    owner: Option<u64>,
}

impl Lease {
    /// Takes the lease with this name once nobody else has it. `begin` says where to begin if there is no cursor in this
    /// log. Cancel safe.
    pub(crate) async fn take<B: Future<Output = Result<Offset, StoreError>>>(
        sessions: &Arc<dyn SessionStore>,
        name: &str,
        epoch: &Epoch,
        begin: impl Fn() -> B,
    ) -> Self {
        let mut watched = None;
        loop {
            match Self::try_take(sessions, name, epoch, &begin, &mut watched).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => {}
                Err(error) => tracing::debug!("a consumer's cursor cannot be taken: {error}"),
            }
            sleep(LOOK).await;
        }
    }

    /// `watched` is the version that somebody owns, and since when it is known.
    async fn try_take<B: Future<Output = Result<Offset, StoreError>>>(
        sessions: &Arc<dyn SessionStore>,
        name: &str,
        epoch: &Epoch,
        begin: impl Fn() -> B,
        watched: &mut Option<((i64, i64), Instant)>,
    ) -> Result<Option<Self>, StoreError> {
        let hash = Sha256::new_with_prefix("consumer\0").chain_update(name).finalize();
        let key = SessionKey(hash.into());
        let kept = sessions.session(key, Timestamp::now()).await?;
        let state = kept.as_ref().and_then(|kept| serde_json::from_str::<State>(&kept.state).ok());
        let state = state.filter(|state| state.epoch == *epoch);
        if let (Some(kept), Some(State { owner: Some(_), .. })) = (&kept, &state)
            && !planted::is(Bug::LeaseIgnored)
        {
            let (version, since) = watched.get_or_insert((kept.version(), Instant::now()));
            if *version != kept.version() {
                *watched = Some((kept.version(), Instant::now()));
                return Ok(None);
            }
            if since.elapsed() < LEASE {
                return Ok(None);
            }
        }
        let cursor = match &state {
            Some(state) => state.cursor,
            None => begin().await?,
        };
        // Of two that claim it at once, one has the greater revision, and the other one learns that.
        let owner = RandomState::new().hash_one(Instant::now());
        let generation = kept.map_or(1, |kept| kept.generation + 1);
        let revision = (owner >> 3).cast_signed();
        let never = Timestamp::from_millis(i64::MAX);
        let mut lease = Self {
            sessions: Arc::clone(sessions),
            record: SessionRecord::new(key, "", never).with_version(generation, revision),
            state: State { epoch: epoch.clone(), cursor, owner: Some(owner) },
            saved_at: Instant::now(),
            kept_at: Instant::now(),
        };
        if lease.write().await?.is_err() {
            return Ok(None);
        }
        sleep(CLAIM).await;
        let looked_at = Instant::now();
        let kept = sessions.session(key, Timestamp::now()).await?;
        if kept.is_none_or(|kept| kept.version() != lease.record.version()) {
            return Ok(None);
        }
        lease.record.revision += COUNTS;
        let mut is_kept = lease.write().await?.is_ok();
        // A claim that was made since is not looked at again before this is there, unless this takes so long: then the
        // other one counted, and is given up by the time that its owner has looked.
        if is_kept && looked_at.elapsed() >= CLAIM {
            sleep(DOUBT).await;
            is_kept = lease.write().await?.is_ok();
        }
        Ok(is_kept.then_some(lease))
    }

    pub(super) fn cursor(&self) -> Offset {
        self.state.cursor
    }

    /// Moves the cursor. It is saved with the next [`save`](Self::save) or renewal.
    pub(super) fn advance(&mut self, cursor: Offset) {
        self.state.cursor = cursor.max(self.state.cursor);
    }

    /// Saves the cursor, and keeps the lease. If the store fails, it is saved later.
    pub(super) async fn save(&mut self) -> Result<(), Lost> {
        match self.write().await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::debug!("a consumer's cursor is not saved: {error}");
                if self.kept_at.elapsed() < DOUBT { Ok(()) } else { Err(Lost) }
            }
        }
    }

    /// Renews the lease until something is done, which it drops if the lease is lost.
    pub(crate) async fn renew_while(&mut self, work: impl Future<Output = ()>) -> Result<(), Lost> {
        let mut work = std::pin::pin!(work);
        loop {
            let renewal = self.saved_at + RENEWAL;
            tokio::select! {
                () = &mut work => return Ok(()),
                () = sleep_until(renewal) => self.save().await?,
            }
        }
    }

    /// Gives it up, so that somebody else need not wait.
    pub(crate) async fn release(mut self) {
        self.state.owner = None;
        let _ = tokio::time::timeout(PATIENCE, self.write()).await;
    }

    async fn write(&mut self) -> Result<Result<(), Lost>, StoreError> {
        self.record.revision += 1;
        // Serialising it cannot fail.
        self.record.state = serde_json::to_string(&self.state).unwrap_or_default();
        // Also if it fails: a store that is asked all the time does not recover.
        self.saved_at = Instant::now();
        let outdated = self.sessions.save_sessions(std::slice::from_ref(&self.record)).await?;
        self.kept_at = self.saved_at;
        Ok(if outdated.is_empty() { Ok(()) } else { Err(Lost) })
    }
}
