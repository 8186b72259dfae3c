//! Saves a batch of sessions with one statement.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::Timestamp;
use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use super::read::text;
use crate::session::MAX_SWEPT;
use crate::{SessionKey, SessionRecord, SessionStore, StoreError};

/// Returns the keys of the sessions that it saves.
///
/// The records are sorted by key, so that two nodes that save the same sessions do not deadlock.
const SAVE: &str = "
    INSERT INTO chat_sessions AS kept (key, state, generation, revision, expires_at)
    SELECT * FROM unnest($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state, generation = excluded.generation,
        revision = excluded.revision, expires_at = excluded.expires_at
    WHERE (excluded.generation, excluded.revision) >= (kept.generation, kept.revision)
    RETURNING key";

pub(super) const FIND: &str = "SELECT state, generation, revision, expires_at FROM chat_sessions
    WHERE key = $1 AND expires_at > $2";

/// Skips rows that are being saved or swept by others.
pub(super) const SWEEP: &str = "
    DELETE FROM chat_sessions WHERE key IN (
        SELECT key FROM chat_sessions WHERE expires_at <= $1
        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// Encodes the parameters of [`SAVE`].
fn encode(records: &BTreeMap<SessionKey, &SessionRecord>) -> Result<PgArguments, sqlx::Error> {
    let keys: Vec<_> = records.keys().map(|key| key.0.as_slice()).collect();
    let states: Vec<_> = records.values().map(|record| record.state.as_bytes()).collect();
    let generations: Vec<_> = records.values().map(|record| record.generation).collect();
    let revisions: Vec<_> = records.values().map(|record| record.revision).collect();
    let times: Vec<_> = records.values().map(|record| record.expires_at.as_millis()).collect();
    let mut arguments = PgArguments::default();
    arguments
        .add(keys)
        .and_then(|()| arguments.add(states))
        .and_then(|()| arguments.add(generations))
        .and_then(|()| arguments.add(revisions))
        .and_then(|()| arguments.add(times))
        .map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let records = SessionRecord::newest(records);
        let arguments = encode(&records).map_err(|error| self.place.error_in_use(error))?;
        let mut lease = self.sessions.lease().await?;
        if records.is_empty() {
            return lease.settle(Ok(Vec::new()));
        }
        let saved: Vec<Vec<u8>> = self
            .finish(async move {
                let save = sqlx::query_scalar_with(SAVE, arguments).fetch_all(&mut *lease);
                let saved = within(CALL_TIMEOUT, save).await;
                lease.settle(saved)
            })
            .await?;
        Ok(SessionRecord::outdated(records, &saved))
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(FIND).bind(key.0).bind(now.as_millis());
        let found = within(CALL_TIMEOUT, find.fetch_optional(&mut *lease)).await;
        let found = found.and_then(|row: Option<(Vec<u8>, i64, i64, i64)>| {
            let record = |(state, generation, revision, expires_at)| {
                let (state, expires_at) = (text(state)?, Timestamp::from_millis(expires_at));
                Ok(SessionRecord { key, generation, revision, state, expires_at })
            };
            row.map(record).transpose()
        });
        lease.settle(found)
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut lease = self.sessions.lease().await?;
        self.finish(async move {
            let sweep = sqlx::query(SWEEP).bind(now.as_millis()).bind(MAX_SWEPT as i64);
            let swept = within(CALL_TIMEOUT, sweep.execute(&mut *lease)).await;
            // Never more than the limit.
            let count = |swept: u64| usize::try_from(swept).unwrap_or(MAX_SWEPT);
            lease.settle(swept.map(|swept| count(swept.rows_affected())))
        })
        .await
    }
}
