//! A batch of sessions becomes one statement, as a batch of messages does.

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

/// The records come in the order of their keys: two nodes that save the same sessions do not wait for
/// each other in a circle.
const SAVE: &str = "
    INSERT INTO chat_sessions (key, state, expires_at)
    SELECT * FROM unnest($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at";

pub(super) const FIND: &str =
    "SELECT state, expires_at FROM chat_sessions WHERE key = $1 AND expires_at > $2";

/// Rows that somebody is saving or sweeping just now are left to them.
pub(super) const SWEEP: &str = "
    DELETE FROM chat_sessions WHERE key IN (
        SELECT key FROM chat_sessions WHERE expires_at <= $1
        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// The parameters of [`SAVE`], of several records with one key only the last.
fn encode(records: &[SessionRecord]) -> Result<PgArguments, sqlx::Error> {
    let records: BTreeMap<_, _> = records.iter().map(|record| (record.key.0, record)).collect();
    let keys: Vec<_> = records.keys().map(<[u8; 32]>::as_slice).collect();
    let states: Vec<_> = records.values().map(|record| record.state.as_bytes()).collect();
    let times: Vec<_> = records.values().map(|record| record.expires_at.as_millis()).collect();
    let mut arguments = PgArguments::default();
    arguments
        .add(keys)
        .and_then(|()| arguments.add(states))
        .and_then(|()| arguments.add(times))
        .map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn save_sessions(&self, records: &[SessionRecord]) -> Result<(), StoreError> {
        let arguments = encode(records).map_err(|error| self.place.error_in_use(error))?;
        let mut lease = self.sessions.lease().await?;
        if records.is_empty() {
            return lease.settle(Ok(()));
        }
        self.finish(async move {
            let save = sqlx::query_with(SAVE, arguments).execute(&mut *lease);
            let saved = within(CALL_TIMEOUT, save).await;
            lease.settle(saved.map(drop))
        })
        .await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(FIND).bind(key.0).bind(now.as_millis());
        let found = within(CALL_TIMEOUT, find.fetch_optional(&mut *lease)).await;
        let found = found.and_then(|row: Option<(Vec<u8>, i64)>| {
            let record = |(state, expires_at)| {
                let expires_at = Timestamp::from_millis(expires_at);
                Ok(SessionRecord { key, state: text(state)?, expires_at })
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
