//! Claims a nickname with one call of a function on the server.

use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, Timestamp, UserId};

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use crate::nickname::{MAX_NAMED_USERS, MAX_SWEPT_NICKNAMES};
use crate::{ClaimKind, Claimed, NicknameClaim, NicknameStore, StoreError};

/// Returns the user who has the nickname now, or NULL if the claim is not granted.
const CLAIM: &str = "SELECT chat_claim_nickname($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Returns the last nickname that it has checked, or NULL if there is none. Without `NOT EXISTS`, which may become a
/// join with all messages.
pub(super) const SWEEP: &str = "
    WITH looked_at AS MATERIALIZED (
        SELECT key, person, expires_at FROM chat_nicknames WHERE key > $2 ORDER BY key LIMIT $3
    ), swept AS (
        DELETE FROM chat_nicknames AS held USING looked_at
        WHERE held.key = looked_at.key AND held.expires_at <= $1 AND looked_at.expires_at <= $1
        AND (SELECT id FROM chat_messages WHERE sender_id = looked_at.person LIMIT 1) IS NULL
        AND (SELECT id FROM chat_messages WHERE receiver_id = looked_at.person LIMIT 1) IS NULL
    )
    SELECT max(key) FROM looked_at";

/// Not those that were taken away.
pub(super) const FIND: &str = "
    SELECT person, nickname FROM chat_nicknames
    WHERE key = $1 AND owner <> decode(repeat('ff', 32), 'hex')";

pub(super) const CURRENT: &str = "
    SELECT person, nickname FROM unnest($1) AS user_id CROSS JOIN LATERAL (
        SELECT person, nickname FROM chat_nicknames WHERE person = user_id
        ORDER BY chosen_at DESC, expires_at DESC LIMIT 1
    ) AS current";

#[async_trait]
impl NicknameStore for PostgresStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let mut lease = self.sessions.lease().await?;
        let query = sqlx::query_scalar(CLAIM)
            .bind(claim.nickname.key().as_str().to_owned())
            .bind(claim.nickname.as_str().to_owned())
            .bind(claim.owner.0)
            .bind(claim.user.as_i64())
            .bind(claim.expires_at.as_millis())
            .bind(claim.nickname.skeleton().as_str().to_owned())
            .bind(claim.now.as_millis())
            .bind(match claim.kind {
                ClaimKind::Renew => 0,
                ClaimKind::New => 1,
                ClaimKind::Issued => 2,
                ClaimKind::Withdrawn => 3,
            })
            .bind(claim.is_chosen);
        let granted: Option<i64> = self
            .finish(async move {
                let granted = within(CALL_TIMEOUT, query.fetch_one(&mut *lease)).await;
                lease.settle(granted)
            })
            .await?;
        Ok(granted.map_or(Claimed::Taken, |user| Claimed::Yes(UserId::from_stored(user))))
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(FIND).bind(key.as_str());
        let found = within(CALL_TIMEOUT, find.fetch_optional(&mut *lease)).await;
        let found: Option<(i64, String)> = lease.settle(found)?;
        Ok(found.map(|(user, name)| (UserId::from_stored(user), Nickname::from_stored(name))))
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        let users: Vec<i64> =
            users.iter().take(MAX_NAMED_USERS).map(|user| user.as_i64()).collect();
        let mut lease = self.readers.lease().await?;
        let query = sqlx::query_as(CURRENT).bind(users);
        let found = within(CALL_TIMEOUT, query.fetch_all(&mut *lease)).await;
        let found: Vec<(i64, String)> = lease.settle(found)?;
        let named = |(user, name)| (UserId::from_stored(user), Nickname::from_stored(name));
        Ok(found.into_iter().map(named).collect())
    }

    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        let mut lease = self.sessions.lease().await?;
        let query = sqlx::query_scalar(SWEEP)
            .bind(now.as_millis())
            .bind(after.map_or("", NicknameKey::as_str).to_owned())
            .bind(MAX_SWEPT_NICKNAMES as i64);
        let last: Option<String> = self
            .finish(async move {
                let last = within(CALL_TIMEOUT, query.fetch_one(&mut *lease)).await;
                lease.settle(last)
            })
            .await?;
        Ok(last.map(NicknameKey::from_stored))
    }
}
