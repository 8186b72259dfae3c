//! A claim to a nickname is one statement.

use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, PersonId};

use super::{SqliteStore, Writer};
use crate::{Claimed, NicknameClaim, NicknameStore, StoreError};

/// Returns who has the name now, or nothing when it is somebody else's.
const CLAIM: &str = "
    INSERT INTO nicknames (key, nickname, owner, person, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (key) DO UPDATE SET
        nickname = excluded.nickname, owner = excluded.owner, expires_at = excluded.expires_at,
        person = iif(owner = excluded.owner, person, excluded.person)
    WHERE owner = excluded.owner OR expires_at <= ?6
    RETURNING person";

const FIND: &str = "SELECT person, nickname FROM nicknames WHERE key = ?1";

#[async_trait]
impl NicknameStore for SqliteStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        // As with sessions, one statement that runs to its end; all rows, so that its commit is waited for.
        let claim = sqlx::query_scalar(CLAIM)
            .bind(claim.nickname.key().as_str().to_owned())
            .bind(claim.nickname.as_str().to_owned())
            .bind(claim.owner.0.to_vec())
            .bind(claim.person.as_i64())
            .bind(claim.expires_at.as_millis())
            .bind(claim.now.as_millis())
            .fetch_all(connection);
        let granted: Vec<i64> = self.in_place(claim).await?;
        let person = granted.first().copied().map(PersonId::from_stored);
        Ok(person.map_or(Claimed::Taken, Claimed::Yes))
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(PersonId, Nickname)>, StoreError> {
        let mut reader = self.reader().await?;
        let found: Option<(i64, String)> = sqlx::query_as(FIND)
            .bind(key.as_str().to_owned())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        Ok(found.map(|(person, name)| (PersonId::from_stored(person), Nickname::from_stored(name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn a_nickname_is_looked_up_by_its_key() {
        let lookup = plan(FIND).await;
        assert!(lookup.contains("SEARCH nicknames USING PRIMARY KEY (key=?)"), "{lookup}");
    }
}
