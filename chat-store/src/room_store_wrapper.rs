use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId};

use crate::{
    AccessChange, AccessChanged, AccessNumber, Invitation, InvitationCode, NewAccessChange,
    RoomAccess, RoomMember, RoomStore, RoomViewer, Sanction, SanctionKey, StoreError,
};

/// A store that keeps its rooms in another store: every implementation is also a [`RoomStore`].
///
/// The other methods are called around each call, to hold it or to let it fail.
#[async_trait]
pub trait RoomStoreWrapper: Send + Sync + 'static {
    /// Returns the store that keeps the rooms.
    fn rooms(&self) -> &dyn RoomStore;

    /// Runs before each change. If it fails, so does the change, and nothing was changed.
    ///
    /// # Errors
    /// Those of the change.
    async fn before_change(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Runs after each change that did not fail. If it fails, so does the change, though it was made.
    ///
    /// # Errors
    /// Those of the change.
    async fn after_change(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Runs before each call that reads. If it fails, so does the call.
    ///
    /// # Errors
    /// Those of the call.
    async fn before_read(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl<W: RoomStoreWrapper> RoomStore for W {
    async fn change_access(&self, change: &NewAccessChange) -> Result<AccessChanged, StoreError> {
        self.before_change().await?;
        let changed = self.rooms().change_access(change).await?;
        self.after_change().await?;
        Ok(changed)
    }

    async fn find_access(
        &self,
        room: &RoomKey,
        user: Option<UserId>,
    ) -> Result<Option<RoomAccess>, StoreError> {
        self.before_read().await?;
        self.rooms().find_access(room, user).await
    }

    async fn list_rooms(
        &self,
        viewer: RoomViewer,
        after: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError> {
        self.before_read().await?;
        self.rooms().list_rooms(viewer, after, limit).await
    }

    async fn list_members(
        &self,
        room: &RoomKey,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<RoomMember>, StoreError> {
        self.before_read().await?;
        self.rooms().list_members(room, after, limit).await
    }

    async fn find_invitation(
        &self,
        code: InvitationCode,
    ) -> Result<Option<Invitation>, StoreError> {
        self.before_read().await?;
        self.rooms().find_invitation(code).await
    }

    async fn list_invitations(
        &self,
        room: &RoomKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        self.before_read().await?;
        self.rooms().list_invitations(room, now, limit).await
    }

    async fn sanctions_of(
        &self,
        user: Option<UserId>,
        addresses: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Sanction>, StoreError> {
        self.before_read().await?;
        self.rooms().sanctions_of(user, addresses, now).await
    }

    async fn list_sanctions(
        &self,
        room: Option<&RoomKey>,
        now: Timestamp,
        after: Option<&SanctionKey>,
        limit: usize,
    ) -> Result<Vec<Sanction>, StoreError> {
        self.before_read().await?;
        self.rooms().list_sanctions(room, now, after, limit).await
    }

    async fn sweep_access(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.rooms().sweep_access(now).await
    }

    async fn sweep_access_log(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.rooms().sweep_access_log(before).await
    }

    async fn access_tail(&self) -> Result<AccessNumber, StoreError> {
        self.before_read().await?;
        self.rooms().access_tail().await
    }

    async fn access_changes_after(
        &self,
        after: AccessNumber,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        self.before_read().await?;
        self.rooms().access_changes_after(after, limit).await
    }

    async fn access_changes_before(
        &self,
        before: Option<AccessNumber>,
        room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        self.before_read().await?;
        self.rooms().access_changes_before(before, room, limit).await
    }
}
