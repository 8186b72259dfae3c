//! Rooms that are kept: each change is one transaction.

use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId};
use sqlx::{Connection as _, PgConnection};

use super::connections::{CALL_TIMEOUT, within};
use super::{PostgresStore, access_read as read, access_write as write};
use crate::sql::access_rows as rows;
use crate::{
    AccessChange, AccessChanged, AccessNumber, Invitation, InvitationCode, NewAccessChange,
    RoomAccess, RoomMember, RoomStore, RoomViewer, Sanction, SanctionKey, StoreError,
};

/// Whoever changes something waits here until everything before it is committed, and so sees it. Readers do not wait.
const LOCK: &str = "LOCK TABLE chat_access_log IN SHARE ROW EXCLUSIVE MODE";

pub(super) const SANCTIONS_OF: &str = "
    SELECT subject, kind, room, until, imposed_by, imposed_at, reason FROM chat_sanctions
    WHERE subject = ANY ($1) AND (until IS NULL OR until > $2)";

async fn change(
    connection: &mut PgConnection,
    change: &NewAccessChange,
) -> Result<AccessChanged, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(LOCK).execute(&mut *transaction).await?;
    let changed = write::change(&mut transaction, change).await?;
    transaction.commit().await?;
    Ok(changed)
}

async fn sweep(connection: &mut PgConnection, now: Timestamp) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(LOCK).execute(&mut *transaction).await?;
    let swept = write::sweep(&mut transaction, now).await?;
    transaction.commit().await?;
    Ok(swept)
}

async fn sanctions_of(
    reader: &mut PgConnection,
    user: Option<UserId>,
    addresses: &[&str],
    now: Timestamp,
) -> Result<Vec<Sanction>, sqlx::Error> {
    let subjects = read::subjects(user, addresses);
    let find = sqlx::query_as(SANCTIONS_OF).bind(subjects).bind(now.as_millis());
    rows::all(find.fetch_all(reader).await?, rows::sanction)
}

#[async_trait]
impl RoomStore for PostgresStore {
    async fn change_access(&self, new: &NewAccessChange) -> Result<AccessChanged, StoreError> {
        let mut lease = self.access.lease().await?;
        let new = new.clone();
        let changed = self.finish(async move {
            let changed = within(CALL_TIMEOUT, change(&mut lease, &new)).await;
            lease.settle(changed)
        });
        changed.await
    }

    async fn sweep_access(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut lease = self.access.lease().await?;
        let swept = self.finish(async move {
            let swept = within(CALL_TIMEOUT, sweep(&mut lease, now)).await;
            lease.settle(swept)
        });
        swept.await
    }

    async fn sweep_access_log(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut lease = self.access.lease().await?;
        let swept = self.finish(async move {
            let swept = within(CALL_TIMEOUT, write::sweep_log(&mut lease, before)).await;
            lease.settle(swept)
        });
        swept.await
    }

    async fn find_access(
        &self,
        room: &RoomKey,
        user: Option<UserId>,
    ) -> Result<Option<RoomAccess>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::find(&mut lease, room, user)).await;
        lease.settle(found)
    }

    async fn list_rooms(
        &self,
        viewer: RoomViewer,
        after: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::list_rooms(&mut lease, viewer, after, limit)).await;
        lease.settle(found)
    }

    async fn list_members(
        &self,
        room: &RoomKey,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<RoomMember>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::list_members(&mut lease, room, after, limit)).await;
        lease.settle(found)
    }

    async fn find_invitation(
        &self,
        code: InvitationCode,
    ) -> Result<Option<Invitation>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::invitation(&mut lease, code)).await;
        lease.settle(found)
    }

    async fn list_invitations(
        &self,
        room: &RoomKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found =
            within(CALL_TIMEOUT, read::list_invitations(&mut lease, room, now, limit)).await;
        lease.settle(found)
    }

    async fn sanctions_of(
        &self,
        user: Option<UserId>,
        addresses: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Sanction>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, sanctions_of(&mut lease, user, addresses, now)).await;
        lease.settle(found)
    }

    async fn list_sanctions(
        &self,
        room: Option<&RoomKey>,
        now: Timestamp,
        after: Option<&SanctionKey>,
        limit: usize,
    ) -> Result<Vec<Sanction>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found =
            within(CALL_TIMEOUT, read::list_sanctions(&mut lease, room, now, after, limit)).await;
        lease.settle(found)
    }

    async fn access_tail(&self) -> Result<AccessNumber, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::tail(&mut lease)).await;
        lease.settle(found)
    }

    async fn access_changes_after(
        &self,
        after: AccessNumber,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found = within(CALL_TIMEOUT, read::changes_after(&mut lease, after, limit)).await;
        lease.settle(found)
    }

    async fn access_changes_before(
        &self,
        before: Option<AccessNumber>,
        room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let found =
            within(CALL_TIMEOUT, read::changes_before(&mut lease, before, room, limit)).await;
        lease.settle(found)
    }
}
