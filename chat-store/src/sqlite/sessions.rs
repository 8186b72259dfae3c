//! A batch of sessions becomes one statement, as a batch of messages does.

use async_trait::async_trait;
use chat_core::Timestamp;

use super::SqliteStore;
use super::append::put;
use crate::session::MAX_SWEPT;
use crate::{SessionKey, SessionRecord, SessionStore, StoreError};

/// `?1` is a JSON array with one [`Record`] a row, `?2` the keys and states that they point
/// into, which may hold what SQLite does not take in JSON.
const SAVE: &str = "
    INSERT INTO sessions (key, state, expires_at)
    SELECT
        substr(?2, value ->> 0, value ->> 1),
        CAST(substr(?2, value ->> 2, value ->> 3) AS TEXT),
        value ->> 4
    FROM json_each(?1)
    WHERE true
    ORDER BY json_each.key
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at";

const FIND: &str = "SELECT state, expires_at FROM sessions WHERE key = ?1 AND expires_at > ?2";

const SWEEP: &str = "
    DELETE FROM sessions WHERE key IN (
        SELECT key FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2
    )";

/// `(key start, key bytes, state start, state bytes, expires at)`, as [`SAVE`] reads it. A position
/// counts from 1, as in SQL.
type Record = (usize, usize, usize, usize, i64);

/// The parameters of [`SAVE`].
fn encode(records: &[SessionRecord]) -> Result<(String, Vec<u8>), sqlx::Error> {
    let mut bytes = Vec::new();
    let records: Vec<Record> = records
        .iter()
        .map(|record| {
            let key = put(&mut bytes, record.key.0);
            let state = put(&mut bytes, &record.state);
            (key.0, key.1, state.0, state.1, record.expires_at.as_millis())
        })
        .collect();
    let records = serde_json::to_string(&records).map_err(|e| sqlx::Error::Encode(e.into()))?;
    Ok((records, bytes))
}

// A single statement runs to its end on the connection's own thread, also when its future is dropped,
// and it commits or fails as a whole.
#[async_trait]
impl SessionStore for SqliteStore {
    async fn save_sessions(&self, records: &[SessionRecord]) -> Result<(), StoreError> {
        let (encoded, bytes) = encode(records).map_err(|error| self.place.error_in_use(error))?;
        let mut writer = self.writer.lock().await;
        let writer = writer.as_mut().ok_or(StoreError::Closed)?;
        if records.is_empty() {
            return Ok(());
        }
        let saved = sqlx::query(SAVE).bind(encoded).bind(bytes).execute(writer).await;
        saved.map(drop).map_err(|error| self.place.error_in_use(error))
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut reader = self.reader().await?;
        let found: Option<(String, i64)> = sqlx::query_as(FIND)
            .bind(key.0.to_vec())
            .bind(now.as_millis())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        Ok(found.map(|(state, expires_at)| {
            let expires_at = Timestamp::from_millis(expires_at);
            SessionRecord { key, state, expires_at }
        }))
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock().await;
        let writer = writer.as_mut().ok_or(StoreError::Closed)?;
        let swept = sqlx::query(SWEEP)
            .bind(now.as_millis())
            .bind(MAX_SWEPT as i64)
            .execute(writer)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        // Never more than the limit.
        Ok(usize::try_from(swept.rows_affected()).unwrap_or(MAX_SWEPT))
    }
}
