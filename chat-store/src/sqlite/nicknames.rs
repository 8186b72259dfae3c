//! Claims a nickname with one statement.

use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, Timestamp, UserId};

use super::skeletons::json;
use super::{SqliteStore, Writer};
use crate::nickname::{MAX_NAMED_USERS, MAX_SWEPT_NICKNAMES};
use crate::{ClaimKind, Claimed, NicknameClaim, NicknameStore, StoreError};

/// Returns the user who has the nickname now, or nothing if the claim is not granted. `?8` is whether it is only
/// renewed, `?9` whether it is granted whatever it looks like, `?10` whether it is chosen, `?11` whether it is granted
/// whoever has it.
///
/// The first `EXISTS` restricts a renewal to the owner, the second accepts a nickname in the same spelling as before,
/// the third finds one that looks like it.
const CLAIM: &str = "
    INSERT INTO nicknames (key, nickname, owner, person, expires_at, skeleton, chosen_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?7, ?6
    WHERE (NOT ?8 OR EXISTS (SELECT 1 FROM nicknames WHERE key = ?1 AND owner = ?3))
    AND (?9
        OR EXISTS (
            SELECT 1 FROM nicknames
            WHERE key = ?1 AND owner = ?3 AND nickname = ?2 AND expires_at > ?6)
        OR NOT EXISTS (
            SELECT 1 FROM nicknames WHERE skeleton = ?7 AND owner <> ?3 AND expires_at > ?6))
    ON CONFLICT (key) DO UPDATE SET
        nickname = excluded.nickname, owner = excluded.owner, expires_at = excluded.expires_at,
        skeleton = excluded.skeleton,
        chosen_at = iif(owner = excluded.owner AND NOT ?10, chosen_at, excluded.chosen_at),
        person = iif(owner = excluded.owner, person, excluded.person)
    WHERE owner = excluded.owner OR expires_at <= ?6 OR ?11
    RETURNING person";

/// The next nicknames, and whether each has expired.
const LOOK: &str =
    "SELECT key, expires_at <= ?1 FROM nicknames WHERE key > ?2 ORDER BY key LIMIT ?3";

/// `?1` is a JSON array of keys. The conditions are checked again, because others write in between.
const SWEEP: &str = "
    DELETE FROM nicknames WHERE key IN (SELECT value FROM json_each(?1)) AND expires_at <= ?2
    AND NOT EXISTS (SELECT 1 FROM messages WHERE sender_id = nicknames.person)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE receiver_id = nicknames.person)";

/// Not those that were taken away.
const FIND: &str = "
    SELECT person, nickname FROM nicknames WHERE key = ?1
    AND owner <> x'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'";

/// `?1` is a JSON array of users. A user has few nicknames: changing them is limited, and old ones expire.
const CURRENT: &str = "
    SELECT user.value, (
        SELECT nickname FROM nicknames WHERE person = user.value
        ORDER BY chosen_at DESC, expires_at DESC LIMIT 1
    ) FROM json_each(?1) AS user";

#[async_trait]
impl NicknameStore for SqliteStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        // As with sessions, one statement that runs to its end. All rows are read, so that its commit is waited for.
        let claim_query = sqlx::query_scalar(CLAIM)
            .bind(claim.nickname.key().as_str().to_owned())
            .bind(claim.nickname.as_str().to_owned())
            .bind(claim.owner.0.to_vec())
            .bind(claim.user.as_i64())
            .bind(claim.expires_at.as_millis())
            .bind(claim.now.as_millis())
            .bind(claim.nickname.skeleton().as_str().to_owned())
            .bind(claim.kind == ClaimKind::Renew)
            .bind(matches!(claim.kind, ClaimKind::Issued | ClaimKind::Withdrawn))
            .bind(claim.is_chosen)
            .bind(claim.kind == ClaimKind::Withdrawn)
            .fetch_all(connection);
        let granted: Vec<i64> = self.in_place(claim_query).await?;
        let user = granted.first().copied().map(UserId::from_stored);
        Ok(user.map_or(Claimed::Taken, Claimed::Yes))
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        let mut reader = self.reader().await?;
        let found: Option<(i64, String)> = sqlx::query_as(FIND)
            .bind(key.as_str().to_owned())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        Ok(found.map(|(user, name)| (UserId::from_stored(user), Nickname::from_stored(name))))
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        let users: Vec<i64> =
            users.iter().take(MAX_NAMED_USERS).map(|user| user.as_i64()).collect();
        let users = serde_json::to_string(&users)
            .map_err(|error| self.place.error_in_use(sqlx::Error::Encode(error.into())))?;
        let mut reader = self.reader().await?;
        let found: Vec<(i64, Option<String>)> = sqlx::query_as(CURRENT)
            .bind(users)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        let named = |(user, name): (i64, Option<String>)| {
            Some((UserId::from_stored(user), Nickname::from_stored(name?)))
        };
        Ok(found.into_iter().filter_map(named).collect())
    }

    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        let mut reader = self.reader().await?;
        let looked_at: Vec<(String, bool)> = sqlx::query_as(LOOK)
            .bind(now.as_millis())
            .bind(after.map_or("", NicknameKey::as_str).to_owned())
            .bind(MAX_SWEPT_NICKNAMES as i64)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        drop(reader);
        let expired = looked_at.iter().filter(|(_, expired)| *expired).map(|(key, _)| key);
        let expired: Vec<_> = expired.collect();
        if !expired.is_empty() {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            sqlx::query(SWEEP)
                .bind(json(&expired).map_err(|error| self.place.error_in_use(error))?)
                .bind(now.as_millis())
                .execute(connection)
                .await
                .map_err(|error| self.place.error_in_use(error))?;
        }
        Ok(looked_at.into_iter().next_back().map(|(key, _)| NicknameKey::from_stored(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::skeletons::FILL;
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn a_nickname_is_looked_up_by_its_key() {
        let lookup = plan(FIND).await;
        assert!(lookup.contains("SEARCH nicknames USING PRIMARY KEY (key=?)"), "{lookup}");
    }

    #[tokio::test]
    async fn a_claim_and_a_sweep_look_at_what_they_are_after_only() {
        for (sql, searches) in [
            (CLAIM, &["PRIMARY KEY (key=?)", "INDEX nicknames_by_skeleton (skeleton=?)"][..]),
            (LOOK, &["PRIMARY KEY (key>?)"]),
            (
                SWEEP,
                &[
                    "PRIMARY KEY (key=?)",
                    "messages_by_sender (sender_id=?)",
                    "messages_by_receiver",
                ],
            ),
            (FILL, &["PRIMARY KEY (key=?)"]),
            (CURRENT, &["nicknames_by_person (person=?)"]),
        ] {
            let plan = plan(sql).await;
            for search in searches {
                assert!(plan.contains(search), "{search}\n{plan}");
            }
            assert!(!plan.contains("SCAN nicknames") && !plan.contains("SCAN messages"), "{plan}");
        }
    }

    #[tokio::test]
    async fn a_sweep_looks_at_some_names_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
        let names = "INSERT INTO nicknames
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
            SELECT printf('%04d', n), n, x'', n, 5, n, 0 FROM n";
        let mut writer = store.writer.lock().await;
        let connection = &mut writer.as_mut().unwrap().connection;
        sqlx::raw_sql(names).execute(&mut *connection).await.unwrap();
        drop(writer);
        let (mut after, mut rounds) = (None, Vec::new());
        while let Some(last) =
            store.sweep_nicknames(Timestamp::from_millis(5), after.as_ref()).await.unwrap()
        {
            rounds.push(last.as_str().to_owned());
            after = Some(last);
        }
        assert_eq!(rounds, ["1000", "2000", "2500"]);
        let mut reader = store.reader().await.unwrap();
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM nicknames")
            .fetch_one(&mut *reader)
            .await
            .unwrap();
        assert_eq!(left, 0);
    }
}
