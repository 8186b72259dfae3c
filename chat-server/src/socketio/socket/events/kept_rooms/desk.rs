use std::sync::Arc;

use chat_core::{Reason, Refusal, RefusalCode, Role, RoomId, Timestamp, UserId, Visibility};
use chat_store::{
    AccessChanged, AccessNumber, AccessRequest, NewAccessChange, Refused, RoomAccess, RoomRecord,
    RoomStore, StoreError,
};

use super::super::super::connection::Connection;
use super::super::answering::Failed;
use crate::engine::policy::Action;
use crate::engine::rate::Bucket;
use crate::engine::users::User;

/// Where the requests of a user are handled.
pub(super) struct Desk<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rooms: &'a dyn RoomStore,
    pub(super) user: Arc<User>,
}

impl Desk<'_> {
    /// Returns the role of this user in a room, which need not be kept, or everywhere.
    pub(super) async fn role(&self, room: Option<&RoomId>) -> Result<Option<Role>, StoreError> {
        let of_token = self.user.claims.role();
        Ok(match room {
            Some(room) => of_token.max(self.role_in(room, self.user.id).await?),
            // A token for some rooms is one for nothing else.
            None => of_token.filter(|_| self.user.claims.rooms.is_none()),
        })
    }

    pub(super) async fn role_in(
        &self,
        room: &RoomId,
        user: UserId,
    ) -> Result<Option<Role>, StoreError> {
        let access = self.rooms.find_access(&room.key(), Some(user)).await?;
        Ok(access.and_then(|access| access.role))
    }

    /// Returns a room that is kept, and the role of this user there.
    pub(super) async fn kept(&self, room: &RoomId) -> Result<(RoomRecord, Option<Role>), Failed> {
        let access = self.rooms.find_access(&room.key(), Some(self.user.id)).await?;
        let RoomAccess { room, role, .. } = access.ok_or_else(unknown_room)?;
        Ok((room, role.max(self.user.claims.role())))
    }

    /// Checks that the user may be in a room: a role in it is of no use to somebody who is banned from there, or whose
    /// token is for other rooms.
    pub(super) async fn enters(&self, room: &RoomId) -> Result<(), Failed> {
        self.permit(Action::Read(room.clone())).await
    }

    /// Checks that the user may be in a room, or for none, in the chat.
    pub(super) async fn reaches(&self, room: Option<&RoomId>) -> Result<(), Failed> {
        self.permit(room.map_or(Action::Connect, |room| Action::Read(room.clone()))).await
    }

    pub(super) async fn permit(&self, action: Action) -> Result<(), Failed> {
        match self.connection.permit(&[action]).await {
            Ok(_grant) => Ok(()),
            Err(denied) => Err(denied.into()),
        }
    }

    /// Makes a change in the name of this user, and returns whether it has changed anything.
    pub(super) async fn apply(
        &self,
        request: AccessRequest,
        reason: Option<Reason>,
    ) -> Result<bool, Failed> {
        Ok(self.make(request, reason).await?.is_some())
    }

    /// Makes a change in the name of this user, and returns its number if it has changed anything.
    pub(super) async fn make(
        &self,
        request: AccessRequest,
        reason: Option<Reason>,
    ) -> Result<Option<AccessNumber>, Failed> {
        let changes = self.connection.services.access_rate.as_ref();
        let bucket = changes.map(|all| all.of(&self.user.id));
        take_from_all(&[bucket], "you have changed much; try again later")?;
        let change = NewAccessChange::new(request, Timestamp::now()).with_by(self.user.id);
        let change = match reason {
            Some(reason) => change.with_reason(reason),
            None => change,
        };
        match self.rooms.change_access(&change).await? {
            AccessChanged::Yes(number) => Ok(Some(number)),
            AccessChanged::Unchanged => Ok(None),
            AccessChanged::No(refused) => Err(refusal_of(refused).into()),
        }
    }
}

/// Takes one from each bucket, or nothing from any.
pub(super) fn take_from_all(buckets: &[Option<Arc<Bucket>>], message: &str) -> Result<(), Refusal> {
    let mut taken: Vec<&Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets.iter().flatten() {
        if let Err(wait) = bucket.take(1) {
            taken.iter().for_each(|bucket| bucket.give_back(1));
            return Err(Refusal::slow_down(message, wait));
        }
        taken.push(bucket);
    }
    Ok(())
}

/// Cuts a page that was read with one item more than it may have, and returns whether it had that.
pub(super) fn cut<T>(page: &mut Vec<T>, limit: usize) -> bool {
    let more = page.len() > limit;
    page.truncate(limit);
    more
}

pub(super) fn unknown_room() -> Refusal {
    let message = "this room is not kept; create it first";
    Refusal::new(RefusalCode::UnknownRoom, message)
}

pub(super) fn refusal_of(refused: Refused) -> Refusal {
    match refused {
        Refused::RoomExists(room) if room.visibility == Visibility::Deleted => {
            let message =
                "a room with this name was deleted; those who run the chat can bring it back";
            Refusal::new(RefusalCode::RoomExists, message)
        }
        Refused::RoomExists(room) => {
            let message = format!("there is a room with this name: {}", room.id);
            Refusal::new(RefusalCode::RoomExists, message)
        }
        Refused::NoRoom => unknown_room(),
        Refused::LastOwner => {
            let message = "the room would have no owner; make somebody else one first";
            Refusal::new(RefusalCode::LastOwner, message)
        }
        Refused::InvitationUnknown
        | Refused::InvitationExpired
        | Refused::InvitationUsedUp
        | Refused::InvitationRedeemed => {
            let message = "this invitation is wrong, was used up, or is too old";
            Refusal::new(RefusalCode::InvalidCode, message)
        }
        Refused::NotMember => {
            Refusal::new(RefusalCode::InvalidArguments, "the user is no member of this room")
        }
        _ => Refusal::new(RefusalCode::QuotaExceeded, "there are as many as there may be"),
    }
}
