//! Notes read positions with one statement.

use async_trait::async_trait;
use chat_core::{Feed, Offset, UserId};

use super::skeletons::json;
use super::{SqliteStore, Writer};
use crate::read_position_store::kept_feed;
use crate::sql::read_positions::{FORGET, OF_FEED, OF_USER, positions, readers};
use crate::sql::rows::at_most;
use crate::{ReadPosition, ReadPositionStore, StoreError};

/// `?1` is a JSON array of triples: user, feed and position.
const NOTE: &str = "
    INSERT INTO chat_read_positions (user_id, feed, position)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (user_id, feed) DO UPDATE SET position = excluded.position
    WHERE excluded.position > chat_read_positions.position";

// As with sessions, one statement that runs to its end.
#[async_trait]
impl ReadPositionStore for SqliteStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        let rows: Vec<_> = ReadPosition::furthest(positions)
            .into_iter()
            .map(|((user, feed), offset)| (user.as_i64(), feed, offset.as_u64()))
            .collect();
        let rows_json = json(&rows).map_err(|error| self.place.error_in_use(error))?;
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.in_place(sqlx::query(NOTE).bind(rows_json).execute(connection)).await.map(drop)
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let forget = sqlx::query(FORGET).bind(user.as_i64());
        self.in_place(forget.execute(connection)).await.map(drop)
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        let mut reader = self.reader().await?;
        let find = sqlx::query_as(OF_USER).bind(user.as_i64()).bind(at_most(limit));
        let rows = find.fetch_all(&mut *reader).await;
        rows.and_then(|rows| positions(user, rows)).map_err(|error| self.place.error_in_use(error))
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        let mut reader = self.reader().await?;
        let find = sqlx::query_as(OF_FEED).bind(kept_feed(feed)).bind(at_most(limit));
        let rows = find.fetch_all(&mut *reader).await;
        rows.and_then(readers).map_err(|error| self.place.error_in_use(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn read_positions_are_found_by_an_index() {
        for (sql, search) in [
            (OF_USER, "SEARCH chat_read_positions USING PRIMARY KEY (user_id=?)"),
            (
                OF_FEED,
                "SEARCH chat_read_positions USING INDEX chat_read_positions_by_feed (feed=?)",
            ),
        ] {
            let plan = plan(sql).await;
            assert!(plan.contains(search), "{search}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
