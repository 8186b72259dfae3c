//! The events of the chat, one file each.

mod answering;
mod changes;
mod chat_message;
mod client_event;
mod devices;
mod files;
mod history;
mod in_room;
mod join;
mod kept_rooms;
mod leave;
mod nickname;
mod not_read;
mod other;
mod private_message;
mod privately;
mod reading;
mod search;
mod token;
mod typing;
mod users;

use std::sync::Arc;

use socketioxide::extract::SocketRef;

use super::connection::Connection;
use super::event::on;

/// Registers the handlers of the events of a client. Each registration takes memory for every connection: rare events are
/// found by [`OtherEvents`](other::OtherEvents).
pub(crate) fn register(socket: &SocketRef, connection: &Arc<Connection>) {
    on::<chat_message::ChatMessageEvent>(socket, connection);
    on::<private_message::PrivateMessageEvent>(socket, connection);
    on::<join::JoinEvent>(socket, connection);
    on::<leave::LeaveEvent>(socket, connection);
    on::<nickname::NicknameEvent>(socket, connection);
    on::<history::HistoryEvent>(socket, connection);
    on::<users::UsersEvent>(socket, connection);
    on::<typing::TypingEvent>(socket, connection);
    on::<not_read::TooLargeEvent>(socket, connection);
    on::<not_read::NoRoomEvent>(socket, connection);
    socket.on_fallback(other::OtherEvents(Arc::clone(connection)));
}
