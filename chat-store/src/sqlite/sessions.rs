//! Saves a batch of sessions with one statement.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::Timestamp;

use super::{SqliteStore, Writer};
use crate::session::MAX_SWEPT;
use crate::{SessionKey, SessionRecord, SessionStore, StoreError};

/// Returns the keys of the sessions that it saves.
///
/// `?1` is a JSON array with one [`Record`] per row, `?2` the keys and states that they point into, which may contain
/// bytes that SQLite does not accept in JSON.
const SAVE: &str = "
    INSERT INTO sessions (key, state, generation, revision, expires_at)
    SELECT
        substr(?2, value ->> 0, value ->> 1),
        CAST(substr(?2, value ->> 2, value ->> 3) AS TEXT),
        value ->> 4, value ->> 5, value ->> 6
    FROM json_each(?1)
    WHERE true
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state, generation = excluded.generation,
        revision = excluded.revision, expires_at = excluded.expires_at
    WHERE (excluded.generation, excluded.revision) >= (sessions.generation, sessions.revision)
    RETURNING key";

const FIND: &str = "SELECT state, generation, revision, expires_at FROM sessions
    WHERE key = ?1 AND expires_at > ?2";

const SWEEP: &str = "
    DELETE FROM sessions WHERE key IN (
        SELECT key FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2
    )";

/// `(key start, key bytes, state start, state bytes, generation, revision, expires at)`, as [`SAVE`] reads it.
/// Positions count from 1, as in SQL.
type Record = (usize, usize, usize, usize, i64, i64, i64);

/// Encodes the parameters of [`SAVE`].
fn encode(
    records: &BTreeMap<SessionKey, &SessionRecord>,
) -> Result<(String, Vec<u8>), sqlx::Error> {
    let mut bytes = Vec::new();
    let records: Vec<Record> = records
        .values()
        .map(|record| {
            let key = put(&mut bytes, record.key.0);
            let state = put(&mut bytes, &record.state);
            let (generation, revision) = record.version();
            let expires_at = record.expires_at.as_millis();
            (key.0, key.1, state.0, state.1, generation, revision, expires_at)
        })
        .collect();
    let records = serde_json::to_string(&records).map_err(|e| sqlx::Error::Encode(e.into()))?;
    Ok((records, bytes))
}

/// Appends bytes, and returns their start, counted from 1, and their number.
fn put(all: &mut Vec<u8>, bytes: impl AsRef<[u8]>) -> (usize, usize) {
    let (start, bytes) = (all.len() + 1, bytes.as_ref());
    all.extend_from_slice(bytes);
    (start, bytes.len())
}

// A single statement runs to its end on the connection's own thread, even if its future is dropped, and it commits or
// fails as a whole. The rows that it returns arrive once all are written.
#[async_trait]
impl SessionStore for SqliteStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let records = SessionRecord::newest(records);
        let (encoded, bytes) = encode(&records).map_err(|error| self.place.error_in_use(error))?;
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let save = sqlx::query_scalar(SAVE).bind(encoded).bind(bytes).fetch_all(connection);
        let saved: Vec<Vec<u8>> = self.in_place(save).await?;
        Ok(SessionRecord::outdated(records, &saved))
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut reader = self.reader().await?;
        let found: Option<(String, i64, i64, i64)> = sqlx::query_as(FIND)
            .bind(key.0.to_vec())
            .bind(now.as_millis())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        Ok(found.map(|(state, generation, revision, expires_at)| {
            let expires_at = Timestamp::from_millis(expires_at);
            SessionRecord { key, generation, revision, state, expires_at }
        }))
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let sweep = sqlx::query(SWEEP).bind(now.as_millis()).bind(MAX_SWEPT as i64);
        let swept = self.in_place(sweep.execute(connection)).await?;
        // Never more than the limit.
        Ok(usize::try_from(swept.rows_affected()).unwrap_or(MAX_SWEPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn a_sweep_and_a_lookup_look_at_what_they_are_after_only() {
        let lookup = plan(FIND).await;
        assert!(lookup.contains("SEARCH sessions USING PRIMARY KEY (key=?)"), "{lookup}");
        let sweep = plan(SWEEP).await;
        assert!(sweep.contains("INDEX sessions_by_expiry (expires_at<?)"), "{sweep}");
        for plan in [lookup, sweep] {
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
