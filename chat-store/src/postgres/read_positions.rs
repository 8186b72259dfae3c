//! Notes read positions with one statement.

use async_trait::async_trait;
use chat_core::{Feed, Offset, UserId};

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use crate::read_position_store::kept_feed;
use crate::sql::read_positions::{FORGET, OF_FEED, OF_USER, positions, readers};
use crate::sql::rows::at_most;
use crate::{ReadPosition, ReadPositionStore, StoreError};

/// Every node locks the rows in the order of their keys, so that no two wait for each other.
const NOTE: &str = "
    INSERT INTO chat_read_positions (user_id, feed, position)
    SELECT * FROM unnest($1, $2, $3)
    ON CONFLICT (user_id, feed) DO UPDATE SET position = excluded.position
    WHERE excluded.position > chat_read_positions.position";

#[async_trait]
impl ReadPositionStore for PostgresStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        let (keys, offsets): (Vec<_>, Vec<_>) =
            ReadPosition::furthest(positions).into_iter().unzip();
        let (users, feeds): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let users: Vec<_> = users.into_iter().map(UserId::as_i64).collect();
        let offsets: Vec<_> =
            offsets.into_iter().map(|offset: Offset| offset.as_u64().cast_signed()).collect();
        let mut lease = self.sessions.lease().await?;
        if users.is_empty() {
            return lease.settle(Ok(()));
        }
        let note = sqlx::query(NOTE).bind(users).bind(feeds).bind(offsets);
        let noted = self.finish(async move {
            let noted = within(CALL_TIMEOUT, note.execute(&mut *lease)).await;
            lease.settle(noted.map(drop))
        });
        noted.await
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        self.write(sqlx::query(FORGET).bind(user.as_i64())).await.map(drop)
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(OF_USER).bind(user.as_i64()).bind(at_most(limit));
        let rows = within(CALL_TIMEOUT, find.fetch_all(&mut *lease)).await;
        lease.settle(rows.and_then(|rows| positions(user, rows)))
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(OF_FEED).bind(kept_feed(feed)).bind(at_most(limit));
        let rows = within(CALL_TIMEOUT, find.fetch_all(&mut *lease)).await;
        lease.settle(rows.and_then(readers))
    }
}
