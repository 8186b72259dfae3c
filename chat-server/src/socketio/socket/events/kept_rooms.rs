//! Rooms that are kept, their members, and moderation.

mod desk;
mod members;
mod moderating;
mod rooms;

use std::sync::Arc;

use chat_core::event::{
    ACCEPT_INVITATION, BAN, CHANGE_ROOM, CREATE_ROOM, DELETE_ROOM, INVITATIONS, INVITE, Invite,
    KICK, Kick, LIFT, LinkCode, LogRequest, MEMBERS, MODERATION_LOG, MUTE, MembersRequest,
    Moderate, REVOKE_INVITATION, ROOMS, RevokeInvitation, RoomSettings, RoomsRequest, SET_ROLE,
    SetRole, invitation_from_event, room_from_event,
};
use chat_core::{Refusal, RefusalCode, RoomId, SanctionKind};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{self, Failed};
use crate::engine::delivery::Answer;
use desk::Desk;

/// What a client wants with rooms that are kept, or with users in them.
pub(crate) enum Asked {
    Rooms(RoomsRequest),
    Create(RoomSettings),
    Change(RoomSettings),
    Delete(RoomId),
    Members(MembersRequest),
    SetRole(SetRole),
    Invite(Invite),
    Invitations(RoomId),
    Accept(LinkCode),
    Revoke(RevokeInvitation),
    Kick(Kick),
    Sanction(SanctionKind, Moderate),
    Lift(Moderate),
    Log(LogRequest),
}

macro_rules! events {
    ($($event:ident: $name:ident, $arguments:ty, $read:expr, $asked:expr;)*) => {$(
        #[doc = concat!("[`chat_core::event::", stringify!($name), "`].")]
        pub(crate) struct $event;

        impl Event for $event {
            const NAME: &'static str = $name;
            const TASK_BYTES: usize = TASK_BYTES;

            type Arguments = $arguments;

            fn read(json: &str) -> Result<$arguments, Refusal> {
                $read(json)
            }

            fn handle(connection: &Arc<Connection>, arguments: $arguments, request: Request) {
                later(connection, $asked(arguments), request);
            }
        }
    )*};
}

events! {
    RoomsEvent: ROOMS, RoomsRequest, RoomsRequest::from_event, Asked::Rooms;
    CreateRoomEvent: CREATE_ROOM, RoomSettings, RoomSettings::from_event, Asked::Create;
    ChangeRoomEvent: CHANGE_ROOM, RoomSettings, RoomSettings::from_event, Asked::Change;
    DeleteRoomEvent: DELETE_ROOM, RoomId, room_from_event, Asked::Delete;
    MembersEvent: MEMBERS, MembersRequest, MembersRequest::from_event, Asked::Members;
    SetRoleEvent: SET_ROLE, SetRole, SetRole::from_event, Asked::SetRole;
    InviteEvent: INVITE, Invite, Invite::from_event, Asked::Invite;
    InvitationsEvent: INVITATIONS, RoomId, room_from_event, Asked::Invitations;
    AcceptInvitationEvent: ACCEPT_INVITATION, LinkCode, invitation_from_event, Asked::Accept;
    RevokeInvitationEvent: REVOKE_INVITATION, RevokeInvitation, RevokeInvitation::from_event, Asked::Revoke;
    KickEvent: KICK, Kick, Kick::from_event, Asked::Kick;
    BanEvent: BAN, Moderate, Moderate::from_event, |it| Asked::Sanction(SanctionKind::Ban, it);
    MuteEvent: MUTE, Moderate, Moderate::from_event, |it| Asked::Sanction(SanctionKind::Mute, it);
    LiftEvent: LIFT, Moderate, Moderate::from_event, Asked::Lift;
    ModerationLogEvent: MODERATION_LOG, LogRequest, LogRequest::from_event, Asked::Log;
}

fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let later = Arc::clone(connection);
    answering::later(connection, request, async move { answer(&later, asked).await });
}

async fn answer(connection: &Connection, asked: Asked) -> Result<Answer, Failed> {
    let Some(kept) = &connection.services.rooms else {
        let message = "this server does not keep rooms; its operator can turn that on";
        return Err(Refusal::new(RefusalCode::UnknownEvent, message).into());
    };
    // Strangers look around only where they may become users.
    let is_open = connection.services.identities.is_open();
    if let (Asked::Rooms(request), None, true) = (&asked, connection.user(), is_open) {
        return rooms::list(connection, &**kept, None, request).await;
    }
    let Some(user) = connection.user() else {
        let message = "this is for users with a nickname; take one first";
        return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
    };
    let desk = Desk { connection, rooms: &**kept, user };
    match asked {
        Asked::Rooms(request) => {
            rooms::list(connection, desk.rooms, Some(desk.user.id), &request).await
        }
        Asked::Create(settings) => desk.create(settings).await,
        Asked::Change(settings) => desk.change(settings).await,
        Asked::Delete(room) => desk.delete(room).await,
        Asked::Members(request) => desk.members(request).await,
        Asked::SetRole(set) => desk.set_role(set).await,
        Asked::Invite(invite) => desk.invite(invite).await,
        Asked::Invitations(room) => desk.invitations(room).await,
        Asked::Accept(code) => desk.accept(&code).await,
        Asked::Revoke(revoke) => desk.revoke(revoke).await,
        Asked::Kick(kick) => desk.kick(kick).await,
        Asked::Sanction(kind, moderate) => desk.sanction(kind, moderate).await,
        Asked::Lift(moderate) => desk.lift(moderate).await,
        Asked::Log(request) => desk.log(request).await,
    }
}
