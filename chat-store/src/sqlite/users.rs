//! Users' credentials and devices. Each change is one statement.

use async_trait::async_trait;
use chat_core::{Nickname, Timestamp, UserId};
use data_encoding::HEXLOWER;
use sqlx::SqliteConnection;

use super::skeletons::json;
use super::{SqliteStore, Writer, transaction};
use crate::user::{MAX_DEVICES_LISTED, MAX_SWEPT_CREDENTIALS, USE_IS_NOTED_AFTER};
use crate::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    OwnerKey, StoreError, UserStore,
};

/// Returns a credential's owner, user, and last use and revocation, which are those of a kept one only.
const FIND: &str = "
    SELECT owner, user_id, used_at, revoked_at FROM credentials WHERE key = ?1
    UNION ALL
    SELECT * FROM (
        SELECT owner, person, NULL, NULL FROM nicknames WHERE owner = ?1
        ORDER BY expires_at DESC LIMIT 1)
    LIMIT 1";

const NOTE_USE: &str = "UPDATE credentials SET used_at = ?2 WHERE key = ?1 AND used_at < ?2";

const KEEP: &str = "
    INSERT INTO credentials (key, owner, user_id, label, added_at, used_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5)
    ON CONFLICT DO NOTHING";

const DEVICES: &str = "
    SELECT key, label, added_at, used_at FROM credentials
    WHERE user_id = ?1 AND revoked_at IS NULL ORDER BY used_at DESC, key LIMIT ?2";

const REVOKE: &str = "
    UPDATE credentials SET revoked_at = ?3
    WHERE key = ?1 AND user_id = ?2 AND revoked_at IS NULL";

const DELETE_EXPIRED_CODES: &str = "DELETE FROM device_codes WHERE expires_at <= ?1";

const KEEP_CODE: &str = "
    INSERT INTO device_codes (key, owner, user_id, nickname, expires_at, made_by)
    SELECT ?1, ?2, ?3, ?4, ?5, ?8
    WHERE (SELECT count(*) FROM device_codes WHERE user_id = ?3 AND expires_at > ?6) < ?7
    AND NOT EXISTS (SELECT * FROM credentials WHERE key = ?8 AND revoked_at IS NOT NULL)
    ON CONFLICT DO NOTHING";

/// A second credential for the code would have the same `code`.
const REDEEM: &str = "
    INSERT INTO credentials (key, owner, user_id, label, code, added_at, used_at)
    SELECT ?1, owner, user_id, ?3, ?2, ?4, ?4 FROM device_codes AS made
    WHERE key = ?2 AND expires_at > ?4
    AND (SELECT count(*) FROM credentials AS other
        WHERE other.user_id = made.user_id AND other.revoked_at IS NULL) < ?5
    AND NOT EXISTS (SELECT * FROM credentials AS maker
        WHERE maker.key = made.made_by AND maker.revoked_at IS NOT NULL)
    ON CONFLICT DO NOTHING";

/// Also finds what an earlier call has added.
const REDEEMED: &str = "
    SELECT credentials.owner, credentials.user_id, nickname
    FROM credentials JOIN device_codes ON device_codes.key = credentials.code
    WHERE credentials.key = ?1 AND code = ?2 AND revoked_at IS NULL";

/// The next credentials, and whether each has been out of use for long.
const LOOK: &str = "
    SELECT key, used_at <= ?1 FROM credentials WHERE key > ?2 ORDER BY key LIMIT ?3";

/// The users of whom nothing is left but one of these credentials, a JSON array of hexadecimal keys.
const LEFT_BEHIND: &str = "
    SELECT held.user_id FROM json_each(?1) AS listed
    JOIN credentials AS held ON held.key = unhex(listed.value)
    WHERE held.owner = held.key AND held.used_at <= ?2 AND held.revoked_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM credentials AS other
        WHERE other.user_id = held.user_id AND other.key <> held.key)
    AND NOT EXISTS (SELECT 1 FROM nicknames WHERE person = held.user_id)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE sender_id = held.user_id)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE receiver_id = held.user_id)
    AND NOT EXISTS (SELECT 1 FROM chat_members WHERE user_id = held.user_id)
    AND NOT EXISTS (SELECT 1 FROM chat_sanctions WHERE subject = 'user:' || held.user_id)";

/// `?1` is a JSON array of users.
const SWEEP: [&str; 2] = [
    "DELETE FROM chat_read_positions WHERE user_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM credentials WHERE user_id IN (SELECT value FROM json_each(?1))",
];

/// What belongs to a user who is erased. Owners of nicknames get a credential that is revoked.
const ERASE_NAMES: [&str; 2] = [
    "INSERT INTO credentials (key, owner, user_id, added_at, used_at)
        SELECT DISTINCT owner, owner, person, ?2, ?2 FROM nicknames
        WHERE person = ?1 ON CONFLICT DO NOTHING",
    "UPDATE credentials SET label = NULL, code = NULL, revoked_at = coalesce(revoked_at, ?2)
        WHERE user_id = ?1",
];

const ERASE: [&str; 2] =
    ["DELETE FROM device_codes WHERE user_id = ?1", "DELETE FROM nicknames WHERE person = ?1"];

#[async_trait]
impl UserStore for SqliteStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        let mut reader = self.reader().await?;
        let found: Option<(Vec<u8>, i64, Option<i64>, Option<i64>)> = sqlx::query_as(FIND)
            .bind(key.0.to_vec())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        drop(reader);
        let Some((owner, user, used_at, revoked_at)) = found else {
            return Ok(Credential::Unknown);
        };
        let owner = self.credential_owner(owner, user)?;
        let Some(used_at) = used_at else { return Ok(Credential::OfNicknames(owner)) };
        if revoked_at.is_some() {
            return Ok(Credential::Revoked);
        }
        if used_at.saturating_add(USE_IS_NOTED_AFTER) <= now.as_millis() {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            let note = sqlx::query(NOTE_USE).bind(key.0.to_vec()).bind(now.as_millis());
            self.in_place(note.execute(connection)).await?;
        }
        Ok(Credential::Kept(owner))
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let keep = sqlx::query(KEEP)
            .bind(new.key.0.to_vec())
            .bind(owner.owner.0.to_vec())
            .bind(owner.user.as_i64())
            .bind(new.label.clone())
            .bind(new.now.as_millis());
        self.in_place(keep.execute(connection)).await?;
        Ok(())
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let mut reader = self.reader().await?;
        let devices: Vec<(Vec<u8>, Option<String>, i64, i64)> = sqlx::query_as(DEVICES)
            .bind(user.as_i64())
            .bind(MAX_DEVICES_LISTED)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        let device = |(key, label, added_at, used_at): (Vec<u8>, _, i64, i64)| {
            let key = CredentialKey(self.hash(key)?);
            let [added_at, used_at] = [added_at, used_at].map(Timestamp::from_millis);
            Ok(Device::new(key, label, added_at, used_at))
        };
        devices.into_iter().map(device).collect()
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let revoke =
            sqlx::query(REVOKE).bind(key.0.to_vec()).bind(user.as_i64()).bind(now.as_millis());
        let revoked = self.in_place(revoke.execute(connection)).await?;
        Ok(revoked.rows_affected() > 0)
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let now = code.now.as_millis();
        let delete = sqlx::query(DELETE_EXPIRED_CODES).bind(now);
        self.in_place(delete.execute(&mut *connection)).await?;
        let keep = sqlx::query(KEEP_CODE)
            .bind(code.key.0.to_vec())
            .bind(code.owner.owner.0.to_vec())
            .bind(code.owner.user.as_i64())
            .bind(code.nickname.as_str().to_owned())
            .bind(code.expires_at.as_millis())
            .bind(now)
            .bind(i64::try_from(max).unwrap_or(i64::MAX))
            .bind(code.made_by.map(|by| by.0.to_vec()));
        let kept = self.in_place(keep.execute(connection)).await?;
        Ok(kept.rows_affected() > 0)
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        let redeem = sqlx::query(REDEEM)
            .bind(new.key.0.to_vec())
            .bind(code.0.to_vec())
            .bind(new.label.clone())
            .bind(new.now.as_millis())
            .bind(i64::try_from(max).unwrap_or(i64::MAX));
        self.in_place(redeem.execute(&mut *connection)).await?;
        let redeemed = sqlx::query_as(REDEEMED).bind(new.key.0.to_vec()).bind(code.0.to_vec());
        let redeemed: Option<(Vec<u8>, i64, String)> =
            self.in_place(redeemed.fetch_optional(connection)).await?;
        let Some((owner, user, nickname)) = redeemed else { return Ok(None) };
        Ok(Some((self.credential_owner(owner, user)?, Nickname::from_stored(nickname))))
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            self.in_place(erase(user.as_i64(), now.as_millis(), connection)).await?;
        }
        self.wipe.begin(&self.writer);
        Ok(())
    }

    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        let mut reader = self.reader().await?;
        let looked_at: Vec<(Vec<u8>, bool)> = sqlx::query_as(LOOK)
            .bind(unused_since.as_millis())
            .bind(after.map_or(Vec::new(), |after| after.0.to_vec()))
            .bind(MAX_SWEPT_CREDENTIALS as i64)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.place.error_in_use(error))?;
        drop(reader);
        let unused = looked_at.iter().filter(|(_, unused)| *unused);
        let unused: Vec<_> = unused.map(|(key, _)| HEXLOWER.encode(key)).collect();
        if !unused.is_empty() {
            let mut writer = self.writer.lock().await;
            let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
            self.in_place(sweep(connection, &unused, unused_since)).await?;
        }
        let last = looked_at.into_iter().next_back();
        last.map(|(key, _)| Ok(CredentialKey(self.hash(key)?))).transpose()
    }
}

async fn erase(user: i64, now: i64, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = transaction::begin(connection).await?;
    for sql in ERASE_NAMES {
        sqlx::query(sql).bind(user).bind(now).execute(&mut *transaction).await?;
    }
    for sql in ERASE {
        sqlx::query(sql).bind(user).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// The conditions are checked where nobody else writes.
async fn sweep(
    connection: &mut SqliteConnection,
    keys: &[String],
    unused_since: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut transaction = transaction::begin(connection).await?;
    let users: Vec<i64> = sqlx::query_scalar(LEFT_BEHIND)
        .bind(json(&keys)?)
        .bind(unused_since.as_millis())
        .fetch_all(&mut *transaction)
        .await?;
    for delete in SWEEP {
        sqlx::query(delete).bind(json(&users)?).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

impl SqliteStore {
    fn credential_owner(&self, owner: Vec<u8>, user: i64) -> Result<CredentialOwner, StoreError> {
        let owner = OwnerKey(self.hash(owner)?);
        Ok(CredentialOwner::new(UserId::from_stored(user), owner))
    }

    fn hash(&self, bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
        bytes.try_into().map_err(|_| self.place.corrupt("has a hash of another length than 32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn credentials_and_codes_are_found_by_index() {
        let statements = [
            FIND,
            NOTE_USE,
            DEVICES,
            REVOKE,
            DELETE_EXPIRED_CODES,
            KEEP_CODE,
            REDEEM,
            REDEEMED,
            LOOK,
            LEFT_BEHIND,
            SWEEP[0],
            SWEEP[1],
            ERASE_NAMES[0],
            ERASE_NAMES[1],
            ERASE[0],
            ERASE[1],
        ];
        let tables = [
            "credentials",
            "device_codes",
            "nicknames",
            "made",
            "other",
            "maker",
            "held",
            "messages",
            "chat_members",
            "chat_sanctions",
            "chat_read_positions",
        ];
        for sql in statements {
            let plan = plan(sql).await;
            for table in tables {
                assert!(!plan.contains(&format!("SCAN {table}")), "{sql}\n{plan}");
            }
        }
    }
}
