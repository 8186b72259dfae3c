//! Rooms that are kept: each change is one transaction.

use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId};
use sqlx::SqliteConnection;

use super::skeletons::json;
use super::transaction::begin;
use super::{SqliteStore, Writer, access_read as read, access_write as write};
use crate::sql::access_rows as rows;
use crate::{
    AccessChange, AccessChanged, AccessNumber, Invitation, InvitationCode, NewAccessChange,
    RoomAccess, RoomMember, RoomStore, RoomViewer, Sanction, SanctionKey, StoreError,
};

/// `?1` is a JSON array of subjects.
const SANCTIONS_OF: &str = "
    SELECT subject, kind, room, until, imposed_by, imposed_at, reason FROM chat_sanctions
    WHERE subject IN (SELECT value FROM json_each(?1)) AND (until IS NULL OR until > ?2)";

/// If this future is dropped before the commit, the transaction is rolled back.
async fn change(
    connection: &mut SqliteConnection,
    change: &NewAccessChange,
) -> Result<AccessChanged, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let changed = write::change(&mut transaction, change).await?;
    transaction.commit().await?;
    Ok(changed)
}

async fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let swept = write::sweep(&mut transaction, now).await?;
    transaction.commit().await?;
    Ok(swept)
}

async fn sanctions_of(
    reader: &mut SqliteConnection,
    user: Option<UserId>,
    addresses: &[&str],
    now: Timestamp,
) -> Result<Vec<Sanction>, sqlx::Error> {
    let subjects = json(&read::subjects(user, addresses))?;
    let find = sqlx::query_as(SANCTIONS_OF).bind(subjects).bind(now.as_millis());
    rows::all(find.fetch_all(reader).await?, rows::sanction)
}

#[async_trait]
impl RoomStore for SqliteStore {
    async fn change_access(&self, new: &NewAccessChange) -> Result<AccessChanged, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        self.in_place(change(connection, new)).await
    }

    async fn sweep_access(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        self.in_place(sweep(connection, now)).await
    }

    async fn sweep_access_log(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, .. } = writer.as_mut().ok_or(StoreError::Closed)?;
        self.in_place(write::sweep_log(connection, before)).await
    }

    async fn find_access(
        &self,
        room: &RoomKey,
        user: Option<UserId>,
    ) -> Result<Option<RoomAccess>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::find(&mut reader, room, user).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn list_rooms(
        &self,
        viewer: RoomViewer,
        after: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::list_rooms(&mut reader, viewer, after, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn list_members(
        &self,
        room: &RoomKey,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<RoomMember>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::list_members(&mut reader, room, after, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn find_invitation(
        &self,
        code: InvitationCode,
    ) -> Result<Option<Invitation>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::invitation(&mut reader, code).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn list_invitations(
        &self,
        room: &RoomKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::list_invitations(&mut reader, room, now, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn sanctions_of(
        &self,
        user: Option<UserId>,
        addresses: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Sanction>, StoreError> {
        let mut reader = self.reader().await?;
        let found = sanctions_of(&mut reader, user, addresses, now).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn list_sanctions(
        &self,
        room: Option<&RoomKey>,
        now: Timestamp,
        after: Option<&SanctionKey>,
        limit: usize,
    ) -> Result<Vec<Sanction>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::list_sanctions(&mut reader, room, now, after, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn access_tail(&self) -> Result<AccessNumber, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::tail(&mut reader).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn access_changes_after(
        &self,
        after: AccessNumber,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::changes_after(&mut reader, after, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }

    async fn access_changes_before(
        &self,
        before: Option<AccessNumber>,
        room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let mut reader = self.reader().await?;
        let found = read::changes_before(&mut reader, before, room, limit).await;
        found.map_err(|error| self.place.error_in_use(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn what_is_read_and_deleted_is_found_by_an_index() {
        let [sweep_redeemed, sweep_invitations, sweep_sanctions] = write::SWEEP;
        for (sql, searches) in [
            (read::FIND, &["chat_rooms USING PRIMARY KEY (key=?)", "(room=? AND user_id=?)"][..]),
            (
                read::LIST_ROOMS,
                &[
                    "chat_rooms_by_visibility (visibility=? AND key>?)",
                    "chat_members_by_user (user_id=? AND room>?)",
                    "chat_rooms USING PRIMARY KEY (key=?)",
                    "chat_members USING PRIMARY KEY (room=? AND user_id=?)",
                ],
            ),
            (read::LIST_ALL_ROOMS, &["chat_rooms USING PRIMARY KEY (key>?)"]),
            (read::MEMBER, &["PRIMARY KEY (room=? AND user_id=?)"]),
            (read::LIST_MEMBERS, &["PRIMARY KEY (room=? AND user_id>?)"]),
            (read::INVITATION, &["PRIMARY KEY (code=?)"]),
            (read::LIST_INVITATIONS, &["chat_invitations_by_room (room=? AND expires_at>?)"]),
            (read::SANCTION, &["PRIMARY KEY (subject=? AND kind=? AND room=?)"]),
            (read::LIST_SANCTIONS, &["chat_sanctions_by_room (room=? AND "]),
            (SANCTIONS_OF, &["chat_sanctions USING PRIMARY KEY (subject=?)"]),
            (read::TAIL, &["SEARCH chat_access_log"]),
            (read::AFTER, &["INTEGER PRIMARY KEY (rowid>?)"]),
            (read::BEFORE, &["INTEGER PRIMARY KEY (rowid<?)"]),
            (read::BEFORE_IN_ROOM, &["chat_access_log_by_room (room=? AND number<?)"]),
            (write::COUNT_INVITATIONS, &["chat_invitations_by_room (room=? AND expires_at>?)"]),
            (write::COUNT_SANCTIONS, &["chat_sanctions_by_room (room=?)"]),
            (write::REDEEMED, &["PRIMARY KEY (code=? AND user_id=?)"]),
            (write::DELETE_MEMBER, &["PRIMARY KEY (room=? AND user_id=?)"]),
            (write::DELETE_INVITATION[0], &["PRIMARY KEY (code=?)"]),
            (write::DELETE_INVITATION[1], &["PRIMARY KEY (code=?)"]),
            (write::DELETE_SANCTION, &["PRIMARY KEY (subject=? AND kind=? AND room=?)"]),
            (
                sweep_redeemed,
                &["PRIMARY KEY (code=?)", "chat_invitations_by_expiry (expires_at<?)"],
            ),
            (sweep_invitations, &["PRIMARY KEY (code=?)", "chat_invitations_by_expiry"]),
            (sweep_sanctions, &["PRIMARY KEY (subject=?", "chat_sanctions_by_end (until<?)"]),
        ] {
            let plan = plan(sql).await;
            for search in searches {
                assert!(plan.contains(search), "{search}\n{plan}");
            }
            assert!(!plan.contains("SCAN chat_"), "{plan}");
        }
    }
}
