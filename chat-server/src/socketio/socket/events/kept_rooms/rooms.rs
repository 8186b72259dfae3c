//! Lists, creates, changes and deletes rooms.

use chat_core::event::{KeptRoom, Moderated, RoomSettings, Rooms, RoomsRequest, Unread};
use chat_core::{
    AccessScope, Feed, Posting, Refusal, RefusalCode, Role, RoomId, UserId, Visibility,
};
use chat_store::{AccessRequest, Refused, RoomAccess, RoomRecord, RoomStore, StoreError};

use super::super::super::connection::Connection;
use super::super::super::services::Services;
use super::super::answering::{Failed, made};
use super::desk::{Desk, cut, refusal_of, take_from_all};
use crate::engine::delivery::Answer;
use crate::engine::moderation::{Deed, may};
use crate::engine::policy::Action;
use crate::engine::reading::MAX_POSITIONS;

impl Desk<'_> {
    pub(super) async fn create(&self, settings: RoomSettings) -> Result<Answer, Failed> {
        let RoomSettings { room, topic, visibility, posting, .. } = settings;
        if let Some(record) = self.rooms.find_room(&room.key()).await? {
            // The answer to the first try may have been lost.
            if record.id == room && record.created_by == Some(self.user.id) && !is_deleted(&record)
            {
                return self.show(&room).await;
            }
            return Err(refusal_of(Refused::RoomExists(record)).into());
        }
        self.permit(Action::Write(room.clone())).await?;
        let is_trusted = self.user.claims.role() >= Some(Role::Owner);
        if !is_trusted && room.key() == RoomId::general().key() {
            return Err(in_use().into());
        }
        let services = &self.connection.services;
        let bucket = services.new_rooms.as_ref().map(|all| all.of(&self.user.id));
        let of_address = services.new_rooms_from.as_ref();
        let buckets = [bucket, of_address.map(|all| all.of(&self.connection.source))];
        take_from_all(&buckets, "you have created many rooms; try again later")?;
        // Nobody makes a room of others the own one.
        if !is_trusted && services.log.has_room(&room.key()).await? {
            return Err(in_use().into());
        }
        let request = AccessRequest::CreateRoom {
            room: room.clone(),
            topic: topic.unwrap_or_default(),
            visibility: visibility.unwrap_or(Visibility::Public),
            posting: posting.unwrap_or(Posting::Everyone),
            owner: Some(self.user.id),
        };
        let made = self.apply(request, None).await;
        if made.is_err() {
            buckets.iter().flatten().for_each(|bucket| bucket.give_back(1));
        }
        made?;
        self.room_changed(&room).await;
        self.show(&room).await
    }

    pub(super) async fn change(&self, settings: RoomSettings) -> Result<Answer, Failed> {
        let RoomSettings { room, topic, visibility, posting, .. } = settings;
        let governs = visibility.is_some() || posting.is_some();
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        let deed = if governs { Deed::Govern } else { Deed::Arrange };
        may(role, deed, None, false)?;
        let key = room.key();
        self.apply(AccessRequest::ChangeRoom { room: key, topic, visibility, posting }, None)
            .await?;
        self.room_changed(&room).await;
        self.show(&room).await
    }

    pub(super) async fn delete(&self, room: RoomId) -> Result<Answer, Failed> {
        // The answer to the first try may have been lost.
        let access = self.rooms.find_access(&room.key(), Some(self.user.id)).await?;
        let is_owner = |it: &RoomAccess| it.role == Some(Role::Owner);
        if access.as_ref().is_some_and(|it| is_deleted(&it.room) && is_owner(it)) {
            return made(&Moderated::new(false));
        }
        self.enters(&room).await?;
        let (_, role) = self.kept(&room).await?;
        may(role, Deed::Govern, None, false)?;
        let visibility = Some(Visibility::Deleted);
        let (topic, posting, key) = (None, None, room.key());
        let request = AccessRequest::ChangeRoom { room: key, topic, visibility, posting };
        let changed = self.apply(request, None).await?;
        self.room_changed(&room).await;
        made(&Moderated::new(changed))
    }

    async fn show(&self, room: &RoomId) -> Result<Answer, Failed> {
        let access = self.rooms.find_access(&room.key(), Some(self.user.id)).await?;
        made(&shown(self.connection, access.ok_or(Failed::Store)?))
    }

    async fn room_changed(&self, room: &RoomId) {
        self.connection.services.access_changed(&AccessScope::Room(room.clone())).await;
    }
}

/// Lists rooms, also for somebody without a nickname where registration is open.
pub(super) async fn list(
    connection: &Connection,
    rooms: &dyn RoomStore,
    user: Option<UserId>,
    request: &RoomsRequest,
) -> Result<Answer, Failed> {
    let after = request.after.as_ref().map(RoomId::key);
    let mut found = rooms.list_rooms(user.into(), after.as_ref(), request.limit + 1).await?;
    let more = cut(&mut found, request.limit);
    let mut found: Vec<_> = found.into_iter().map(|it| shown(connection, it)).collect();
    if let (true, Some(user)) = (request.unread, user) {
        count_unread(connection, user, &mut found).await?;
    }
    let role = connection.user().and_then(|user| user.claims.role());
    made(&Rooms::new(found, more).with_role(role))
}

/// Counts what a user has not read in rooms where the connection is, or of which the user is a member.
async fn count_unread(
    connection: &Connection,
    user: UserId,
    rooms: &mut [KeptRoom],
) -> Result<(), StoreError> {
    let Services { reading, log, .. } = &connection.services;
    let Some(reading) = reading else { return Ok(()) };
    let read = reading.of_user(user, MAX_POSITIONS).await?;
    for room in rooms {
        if room.role.is_some() || connection.position.is_in(&room.room) {
            let feed = Feed::Room(room.room.clone());
            let read = read.get(&feed).copied().unwrap_or_default();
            room.unread = Some(log.count_after(&feed, read, Unread::MAX_COUNT).await?);
        }
    }
    Ok(())
}

pub(super) fn shown(
    connection: &Connection,
    RoomAccess { room, role, .. }: RoomAccess,
) -> KeptRoom {
    let users = connection.services.presence.count(&room.id);
    let RoomRecord { id, topic, visibility, posting, members, .. } = room;
    KeptRoom { room: id, topic, visibility, posting, users, members, role, unread: None }
}

fn is_deleted(room: &RoomRecord) -> bool {
    room.visibility == Visibility::Deleted
}

fn in_use() -> Refusal {
    let message = "this room is in use; those who run the chat can make it one that is kept";
    Refusal::new(RefusalCode::Forbidden, message)
}
