//! The events of the chat, one file each.

mod chat_message;
mod devices;
mod history;
mod in_room;
mod join;
mod kept_rooms;
mod leave;
mod nickname;
mod not_read;
mod private_message;
mod reading;
mod token;
mod typing;
mod unknown;
mod users;

use std::sync::Arc;

use socketioxide::extract::SocketRef;

use super::connection::Connection;
use super::event::on;

/// Registers the handlers of all events of a client.
pub(crate) fn register(socket: &SocketRef, connection: &Arc<Connection>) {
    on::<chat_message::ChatMessageEvent>(socket, connection);
    on::<private_message::PrivateMessageEvent>(socket, connection);
    on::<join::JoinEvent>(socket, connection);
    on::<leave::LeaveEvent>(socket, connection);
    on::<nickname::NicknameEvent>(socket, connection);
    on::<devices::DeviceCodeEvent>(socket, connection);
    on::<devices::LinkDeviceEvent>(socket, connection);
    on::<devices::DevicesEvent>(socket, connection);
    on::<devices::UnlinkDeviceEvent>(socket, connection);
    on::<token::TokenEvent>(socket, connection);
    on::<history::HistoryEvent>(socket, connection);
    on::<users::UsersEvent>(socket, connection);
    on::<kept_rooms::RoomsEvent>(socket, connection);
    on::<kept_rooms::CreateRoomEvent>(socket, connection);
    on::<kept_rooms::ChangeRoomEvent>(socket, connection);
    on::<kept_rooms::MembersEvent>(socket, connection);
    on::<kept_rooms::SetRoleEvent>(socket, connection);
    on::<kept_rooms::InviteEvent>(socket, connection);
    on::<kept_rooms::AcceptInvitationEvent>(socket, connection);
    on::<kept_rooms::KickEvent>(socket, connection);
    on::<kept_rooms::BanEvent>(socket, connection);
    on::<kept_rooms::MuteEvent>(socket, connection);
    on::<kept_rooms::LiftEvent>(socket, connection);
    on::<kept_rooms::ModerationLogEvent>(socket, connection);
    on::<reading::ReadEvent>(socket, connection);
    on::<reading::UnreadEvent>(socket, connection);
    on::<reading::ReadersEvent>(socket, connection);
    on::<typing::TypingEvent>(socket, connection);
    on::<not_read::TooLargeEvent>(socket, connection);
    on::<not_read::NoRoomEvent>(socket, connection);
    socket.on_fallback(unknown::UnknownEvents(Arc::clone(connection)));
}
