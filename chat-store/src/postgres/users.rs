//! Users' credentials and devices. Each change is one statement.

use async_trait::async_trait;
use chat_core::{Nickname, Timestamp, UserId};
use sqlx::{Connection as _, PgConnection};

use super::PostgresStore;
use super::connections::{CALL_TIMEOUT, within};
use crate::user::{MAX_DEVICES_LISTED, MAX_SWEPT_CREDENTIALS, USE_IS_NOTED_AFTER};
use crate::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    OwnerKey, StoreError, UserStore,
};

/// Returns a credential's owner, user, and last use and revocation, which are those of a kept one only.
pub(super) const FIND: &str = "
    SELECT owner, user_id, used_at, revoked_at FROM chat_credentials WHERE key = $1
    UNION ALL
    (SELECT owner, person, NULL, NULL FROM chat_nicknames WHERE owner = $1
        ORDER BY expires_at DESC LIMIT 1)
    LIMIT 1";

const NOTE_USE: &str = "UPDATE chat_credentials SET used_at = $2 WHERE key = $1 AND used_at < $2";

const KEEP: &str = "
    INSERT INTO chat_credentials (key, owner, user_id, label, added_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT DO NOTHING";

const DEVICES: &str = "
    SELECT key, label, added_at, used_at FROM chat_credentials
    WHERE user_id = $1 AND revoked_at IS NULL ORDER BY used_at DESC, key LIMIT $2";

const REVOKE: &str = "
    UPDATE chat_credentials SET revoked_at = $3
    WHERE key = $1 AND user_id = $2 AND revoked_at IS NULL";

/// Skips those that another node deletes now.
const DELETE_EXPIRED_CODES: &str = "
    DELETE FROM chat_device_codes WHERE key IN (
        SELECT key FROM chat_device_codes WHERE expires_at <= $1 LIMIT 1000
        FOR UPDATE SKIP LOCKED)";

const KEEP_CODE: &str = "
    INSERT INTO chat_device_codes (key, owner, user_id, nickname, expires_at, made_by)
    SELECT $1, $2, $3, $4, $5, $8
    WHERE (SELECT count(*) FROM chat_device_codes WHERE user_id = $3 AND expires_at > $6) < $7
    AND NOT EXISTS (SELECT * FROM chat_credentials WHERE key = $8 AND revoked_at IS NOT NULL)
    ON CONFLICT DO NOTHING";

/// A second credential for the code would have the same `code`.
const REDEEM: &str = "
    INSERT INTO chat_credentials (key, owner, user_id, label, code, added_at, used_at)
    SELECT $1, owner, user_id, $3, $2, $4, $4 FROM chat_device_codes AS made
    WHERE key = $2 AND expires_at > $4
    AND (SELECT count(*) FROM chat_credentials AS other
        WHERE other.user_id = made.user_id AND other.revoked_at IS NULL) < $5
    AND NOT EXISTS (SELECT * FROM chat_credentials AS maker
        WHERE maker.key = made.made_by AND maker.revoked_at IS NOT NULL)
    ON CONFLICT DO NOTHING";

/// Also finds what an earlier call has added.
const REDEEMED: &str = "
    SELECT one.owner, one.user_id, nickname
    FROM chat_credentials AS one JOIN chat_device_codes AS made ON made.key = one.code
    WHERE one.key = $1 AND code = $2 AND revoked_at IS NULL";

/// Returns the last credential that it has checked. A credential whose user takes a nickname
/// meanwhile leads to that one. Without `NOT EXISTS`, which may become a join with all messages.
pub(super) const SWEEP: &str = "
    WITH looked_at AS MATERIALIZED (
        SELECT key, user_id FROM chat_credentials WHERE key > $2 ORDER BY key LIMIT $3
    ), swept AS (
        DELETE FROM chat_credentials AS held USING looked_at
        WHERE held.key = looked_at.key
        AND held.owner = held.key AND held.used_at <= $1 AND held.revoked_at IS NULL
        AND (SELECT key FROM chat_credentials AS other
            WHERE other.user_id = looked_at.user_id AND other.key <> looked_at.key LIMIT 1) IS NULL
        AND (SELECT key FROM chat_nicknames WHERE person = looked_at.user_id LIMIT 1) IS NULL
        AND (SELECT id FROM chat_messages WHERE sender_id = looked_at.user_id LIMIT 1) IS NULL
        AND (SELECT id FROM chat_messages WHERE receiver_id = looked_at.user_id LIMIT 1) IS NULL
        AND (SELECT room FROM chat_members WHERE user_id = looked_at.user_id LIMIT 1) IS NULL
        AND (SELECT kind FROM chat_sanctions
            WHERE subject = 'user:' || looked_at.user_id LIMIT 1) IS NULL
        RETURNING held.user_id
    ), forgotten AS (
        DELETE FROM chat_read_positions AS held USING swept WHERE held.user_id = swept.user_id
    )
    SELECT key FROM looked_at ORDER BY key DESC LIMIT 1";

/// What belongs to a user who is erased. Owners of nicknames get a credential that is revoked.
pub(super) const ERASE_NAMES: [&str; 2] = [
    "INSERT INTO chat_credentials (key, owner, user_id, added_at, used_at)
        SELECT DISTINCT owner, owner, person, $2::bigint, $2::bigint FROM chat_nicknames
        WHERE person = $1 ON CONFLICT DO NOTHING",
    "UPDATE chat_credentials SET label = NULL, code = NULL, revoked_at = coalesce(revoked_at, $2)
        WHERE user_id = $1",
];

pub(super) const ERASE: [&str; 2] = [
    "DELETE FROM chat_device_codes WHERE user_id = $1",
    "DELETE FROM chat_nicknames WHERE person = $1",
];

#[async_trait]
impl UserStore for PostgresStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        let mut lease = self.readers.lease().await?;
        let find = sqlx::query_as(FIND).bind(key.0).fetch_optional(&mut *lease);
        let found = within(CALL_TIMEOUT, find).await;
        let found: Option<([u8; 32], i64, Option<i64>, Option<i64>)> = lease.settle(found)?;
        let Some((owner, user, used_at, revoked_at)) = found else {
            return Ok(Credential::Unknown);
        };
        let owner = credential_owner(owner, user);
        let Some(used_at) = used_at else { return Ok(Credential::OfNicknames(owner)) };
        if revoked_at.is_some() {
            return Ok(Credential::Revoked);
        }
        if used_at.saturating_add(USE_IS_NOTED_AFTER) <= now.as_millis() {
            let note = sqlx::query(NOTE_USE).bind(key.0).bind(now.as_millis());
            self.write(note).await?;
        }
        Ok(Credential::Kept(owner))
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        let keep = sqlx::query(KEEP)
            .bind(new.key.0)
            .bind(owner.owner.0)
            .bind(owner.user.as_i64())
            .bind(new.label.clone())
            .bind(new.now.as_millis());
        self.write(keep).await?;
        Ok(())
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let list = sqlx::query_as(DEVICES).bind(user.as_i64()).bind(MAX_DEVICES_LISTED);
        let devices = within(CALL_TIMEOUT, list.fetch_all(&mut *lease)).await;
        let devices: Vec<([u8; 32], Option<String>, i64, i64)> = lease.settle(devices)?;
        let devices = devices.into_iter().map(|(key, label, added_at, used_at)| {
            let [added_at, used_at] = [added_at, used_at].map(Timestamp::from_millis);
            Device::new(CredentialKey(key), label, added_at, used_at)
        });
        Ok(devices.collect())
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let revoke = sqlx::query(REVOKE).bind(key.0).bind(user.as_i64()).bind(now.as_millis());
        Ok(self.write(revoke).await? > 0)
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        self.write(sqlx::query(DELETE_EXPIRED_CODES).bind(code.now.as_millis())).await?;
        let keep = sqlx::query(KEEP_CODE)
            .bind(code.key.0)
            .bind(code.owner.owner.0)
            .bind(code.owner.user.as_i64())
            .bind(code.nickname.as_str().to_owned())
            .bind(code.expires_at.as_millis())
            .bind(code.now.as_millis())
            .bind(i64::try_from(max).unwrap_or(i64::MAX))
            .bind(code.made_by.map(|by| by.0));
        Ok(self.write(keep).await? > 0)
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        let redeem = sqlx::query(REDEEM)
            .bind(new.key.0)
            .bind(code.0)
            .bind(new.label.clone())
            .bind(new.now.as_millis())
            .bind(i64::try_from(max).unwrap_or(i64::MAX));
        self.write(redeem).await?;
        let mut lease = self.readers.lease().await?;
        let redeemed = sqlx::query_as(REDEEMED).bind(new.key.0).bind(code.0);
        let redeemed = within(CALL_TIMEOUT, redeemed.fetch_optional(&mut *lease)).await;
        let redeemed: Option<([u8; 32], i64, String)> = lease.settle(redeemed)?;
        Ok(redeemed.map(|(owner, user, nickname)| {
            (credential_owner(owner, user), Nickname::from_stored(nickname))
        }))
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let mut lease = self.sessions.lease().await?;
        let (user, now) = (user.as_i64(), now.as_millis());
        let erased = self.finish(async move {
            let erased = within(CALL_TIMEOUT, erase(user, now, &mut lease)).await;
            lease.settle(erased)
        });
        erased.await
    }

    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        let mut lease = self.sessions.lease().await?;
        let query = sqlx::query_scalar(SWEEP)
            .bind(unused_since.as_millis())
            .bind(after.map_or(Vec::new(), |after| after.0.to_vec()))
            .bind(MAX_SWEPT_CREDENTIALS as i64);
        let last: Option<[u8; 32]> = self
            .finish(async move {
                let last = within(CALL_TIMEOUT, query.fetch_optional(&mut *lease)).await;
                lease.settle(last)
            })
            .await?;
        Ok(last.map(CredentialKey))
    }
}

async fn erase(user: i64, now: i64, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for sql in ERASE_NAMES {
        sqlx::query(sql).bind(user).bind(now).execute(&mut *transaction).await?;
    }
    for sql in ERASE {
        sqlx::query(sql).bind(user).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

impl PostgresStore {
    /// Runs a statement to its end, and returns the number of rows that it has changed.
    pub(super) async fn write(
        &self,
        statement: sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>,
    ) -> Result<u64, StoreError> {
        let mut lease = self.sessions.lease().await?;
        self.finish(async move {
            let done = within(CALL_TIMEOUT, statement.execute(&mut *lease)).await;
            lease.settle(done.map(|done| done.rows_affected()))
        })
        .await
    }
}

fn credential_owner(owner: [u8; 32], user: i64) -> CredentialOwner {
    CredentialOwner::new(UserId::from_stored(user), OwnerKey(owner))
}
