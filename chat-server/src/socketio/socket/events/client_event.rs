use std::sync::Arc;

use chat_core::event::ClientEvent;
use chat_core::{Kind, NewMessage, RoomId};

use super::super::connection::{Connection, Request};

/// Handles an event of the application from a client; returns the request if there is no such event.
pub(super) fn handle(
    connection: &Arc<Connection>,
    name: &str,
    json: &str,
    request: Request,
) -> Option<Request> {
    let Some((name, read)) = connection.services.client_events.find(name) else {
        return Some(request);
    };
    let parsed = ClientEvent::from_event(json).and_then(|event| Ok((read(&event.payload)?, event)));
    let (content, event) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => {
            request.refuse(refusal);
            return None;
        }
    };
    let ClientEvent { client_offset, room, .. } = event;
    let mut message = NewMessage::new(room.unwrap_or_else(RoomId::general), content);
    (message.kind, message.client_offset) = (Kind::Event(name.clone()), client_offset);
    let later = Arc::clone(connection);
    connection.requests.later(async move { later.send_to_room(message, request).await });
    None
}
