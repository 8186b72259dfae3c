use std::sync::Arc;

use chat_core::{Refusal, RefusalCode};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::super::connection::{Connection, InOrder, TASK_BYTES, json};
use super::super::event::{Event, handle};
use super::{changes, client_event, devices, files, kept_rooms, privately, reading, search, token};

/// Handles events that have no handler of their own: rare ones, and those that the chat does not know.
pub(crate) struct OtherEvents(pub(crate) Arc<Connection>);

/// The name of an event, and what handles it.
type Rare = (&'static str, fn(&Arc<Connection>, &Value, Option<i64>));

const RARE: &[Rare] = &[
    rare::<changes::EditEvent>(),
    rare::<changes::DeleteEvent>(),
    rare::<changes::ReactEvent>(),
    rare::<devices::DeviceCodeEvent>(),
    rare::<devices::LinkDeviceEvent>(),
    rare::<devices::DevicesEvent>(),
    rare::<devices::UnlinkDeviceEvent>(),
    rare::<token::TokenEvent>(),
    rare::<kept_rooms::RoomsEvent>(),
    rare::<kept_rooms::CreateRoomEvent>(),
    rare::<kept_rooms::ChangeRoomEvent>(),
    rare::<kept_rooms::MembersEvent>(),
    rare::<kept_rooms::SetRoleEvent>(),
    rare::<kept_rooms::InviteEvent>(),
    rare::<kept_rooms::AcceptInvitationEvent>(),
    rare::<kept_rooms::RevokeInvitationEvent>(),
    rare::<kept_rooms::InvitationsEvent>(),
    rare::<kept_rooms::DeleteRoomEvent>(),
    rare::<kept_rooms::KickEvent>(),
    rare::<kept_rooms::BanEvent>(),
    rare::<kept_rooms::MuteEvent>(),
    rare::<kept_rooms::LiftEvent>(),
    rare::<kept_rooms::ModerationLogEvent>(),
    rare::<reading::ReadEvent>(),
    rare::<reading::UnreadEvent>(),
    rare::<reading::ReadersEvent>(),
    rare::<search::SearchEvent>(),
    rare::<privately::PrivateTypingEvent>(),
    rare::<privately::OnlineEvent>(),
    rare::<files::UploadEvent>(),
    rare::<files::FileLinksEvent>(),
    rare::<files::FileLimitsEvent>(),
];

const fn rare<E: Event>() -> Rare {
    (E::NAME, handle::<E>)
}

impl MessageHandler<LocalAdapter, InOrder> for OtherEvents {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Self(connection) = self;
        let name = chat_core::event::event_name(json(&event)).unwrap_or_default();
        if let Some((_, handle)) = RARE.iter().find(|(known, _)| *known == name) {
            return handle(connection, &event, ack_id);
        }
        let bytes = event.len() + connection.task_bytes(TASK_BYTES);
        let Some(request) = connection.request(&name, ack_id, bytes) else { return };
        let Some(request) = client_event::handle(connection, &name, json(&event), request) else {
            return;
        };
        let message = "there is no such event; the README lists those there are";
        request.refuse(Refusal::new(RefusalCode::UnknownEvent, message));
    }
}
