//! A claim to a nickname is one statement.

use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, PersonId};

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use crate::{Claimed, NicknameClaim, NicknameStore, StoreError};

/// Returns who has the name now, or nothing when it is somebody else's.
///
/// Of claims at once the later ones wait for the row and then see what the first has made of it.
const CLAIM: &str = "
    INSERT INTO chat_nicknames AS held (key, nickname, owner, person, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET
        nickname = excluded.nickname, owner = excluded.owner, expires_at = excluded.expires_at,
        person = CASE WHEN held.owner = excluded.owner THEN held.person ELSE excluded.person END
    WHERE held.owner = excluded.owner OR held.expires_at <= $6
    RETURNING person";

pub(super) const FIND: &str = "SELECT person, nickname FROM chat_nicknames WHERE key = $1";

#[async_trait]
impl NicknameStore for PostgresStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let mut lease = self.sessions.lease().await?;
        let query = sqlx::query_scalar(CLAIM)
            .bind(claim.nickname.key().as_str().to_owned())
            .bind(claim.nickname.as_str().to_owned())
            .bind(claim.owner.0)
            .bind(claim.person.as_i64())
            .bind(claim.expires_at.as_millis())
            .bind(claim.now.as_millis());
        let granted: Option<i64> = self
            .finish(async move {
                let granted = within(CALL_TIMEOUT, query.fetch_optional(&mut *lease)).await;
                lease.settle(granted)
            })
            .await?;
        Ok(granted.map_or(Claimed::Taken, |person| Claimed::Yes(PersonId::from_stored(person))))
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(PersonId, Nickname)>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(FIND).bind(key.as_str());
        let found = within(CALL_TIMEOUT, find.fetch_optional(&mut *lease)).await;
        let found: Option<(i64, String)> = lease.settle(found)?;
        Ok(found.map(|(person, name)| (PersonId::from_stored(person), Nickname::from_stored(name))))
    }
}
