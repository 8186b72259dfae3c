use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId};

use crate::{
    AccessChange, AccessChanged, AccessNumber, Invitation, InvitationCode, NewAccessChange,
    RoomAccess, RoomMember, RoomRecord, RoomViewer, Sanction, SanctionKey, StoreError,
};

/// A store of the rooms that are kept, their members and invitations, of bans and mutes, and of the log of all changes
/// to them.
///
/// It decides what must be atomic, not who may do what: that is up to the caller.
///
/// # Contract
///
/// - **One room of a name.** Of names with the same [key](chat_core::RoomId::key), one is a kept room, however many
///   ask for it at once. A room of messages that is not kept needs no record, and its name may be created later.
/// - **Owned.** A room that has an owner keeps one: the last one can neither leave nor get a smaller role, also if
///   several try at once.
/// - **Invitations.** At most as many users as an invitation is for become members by it, also at once. A user who
///   redeems it again uses it once, and does not come back by it after leaving.
/// - **Whole.** A change and its entry in the log are committed together, or not at all. A change that changes nothing
///   has no entry.
/// - **Logged in order.** Entries are numbered from 1 without gaps, and visible in order: once a reader has seen a
///   number, nothing below it appears later, over all processes that share the store. So whoever reads
///   [`access_changes_after`](Self::access_changes_after) from time to time knows what has changed since.
/// - **Durable** like messages.
/// - **Cancel safe.** A dropped call has happened completely or not at all. Asking for the same change again is
///   harmless: it is then [`Unchanged`](AccessChanged::Unchanged), except that a room
///   [exists](crate::Refused::RoomExists), and that a kick is another one.
///
/// The module `testkit` (feature `testkit`) checks it. If the store is also a [`MessageStore`](crate::MessageStore)
/// and was closed, all calls fail with [`StoreError::Closed`].
///
/// A store that keeps its rooms in another one implements [`RoomStoreWrapper`](crate::RoomStoreWrapper)
/// instead.
#[async_trait]
pub trait RoomStore: Send + Sync + 'static {
    /// Makes a change, if [it can be made](NewAccessChange::decide).
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn change_access(&self, change: &NewAccessChange) -> Result<AccessChanged, StoreError>;

    /// Returns a kept room and the role that a user has in it; none if the room is not kept. A deleted room is kept.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_access(
        &self,
        room: &RoomKey,
        user: Option<UserId>,
    ) -> Result<Option<RoomAccess>, StoreError>;

    /// Returns a kept room.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_room(&self, room: &RoomKey) -> Result<Option<RoomRecord>, StoreError> {
        Ok(self.find_access(room, None).await?.map(|access| access.room))
    }

    /// Returns the rooms that somebody may find, with the role of a user, in the order of their keys, from the first one
    /// after `after`, at most `limit`. Deleted ones are not among them.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn list_rooms(
        &self,
        viewer: RoomViewer,
        after: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError>;

    /// Returns the members of a room in the order of their ids, from the first one after `after`, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn list_members(
        &self,
        room: &RoomKey,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<RoomMember>, StoreError>;

    /// Returns the invitation with this code, also one that is used up, or that has expired and was not
    /// [swept](Self::sweep_access) yet.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_invitation(&self, code: InvitationCode)
    -> Result<Option<Invitation>, StoreError>;

    /// Returns invitations to a room that have not expired, those that expire first first, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn list_invitations(
        &self,
        room: &RoomKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError>;

    /// Returns the sanctions against a user, or against one of these addresses, that are in force, in no particular
    /// order. Addresses are compared as text: for a ban of a range, the caller names the range.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn sanctions_of(
        &self,
        user: Option<UserId>,
        addresses: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Sanction>, StoreError>;

    /// Returns the sanctions in a room, or with `None` those that hold everywhere, that are in force. In an order of
    /// their keys that each store chooses, from the first one after `after`, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn list_sanctions(
        &self,
        room: Option<&RoomKey>,
        now: Timestamp,
        after: Option<&SanctionKey>,
        limit: usize,
    ) -> Result<Vec<Sanction>, StoreError>;

    /// Deletes sanctions and invitations that ended at `now` or earlier, up to 100 of each, and returns how many.
    /// Call again until it returns 0. The log has no entries of this: it said when they would end.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_access(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// Deletes the oldest changes from the log that were made before `before`, at most 1,000, and returns how many. Call
    /// again until it returns 0. The last change of all stays, and what is left keeps its numbers.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_access_log(&self, before: Timestamp) -> Result<usize, StoreError>;

    /// Returns the number of the last change; [`AccessNumber::ZERO`] if there was none.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn access_tail(&self) -> Result<AccessNumber, StoreError>;

    /// Returns the changes with numbers above `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn access_changes_after(
        &self,
        after: AccessNumber,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError>;

    /// Returns the last changes with numbers below `before`, or the last of all with `None`, in order, at most
    /// `limit`. With a room, only those of this room.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn access_changes_before(
        &self,
        before: Option<AccessNumber>,
        room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError>;
}
