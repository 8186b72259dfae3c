use std::sync::Arc;

use chat_core::event::{CHAT_MESSAGE, ChatMessage};
use chat_core::{FileReference, NewMessage, Refusal, RoomId};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use super::super::permission::in_turn;
use super::in_room::not_in_room;
use crate::engine::policy::Action;

/// [`chat_core::event::CHAT_MESSAGE`]: submits the message to the log, which answers.
pub(crate) struct ChatMessageEvent;

impl Event for ChatMessageEvent {
    const NAME: &'static str = CHAT_MESSAGE;

    type Arguments = ChatMessage;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        ChatMessage::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, message: ChatMessage, request: Request) {
        let services = &connection.services;
        let has_files = services.files.is_some() && FileReference::is_any_in(&message.content);
        if services.interception.is_none() && !has_files {
            return in_turn(connection, message, request, actions, submit);
        }
        let later = Arc::clone(connection);
        connection.requests.later(async move { later.send_to_room(new(message), request).await });
    }
}

/// Asks nothing about a room that the client is not in: there it is refused anyway.
fn actions(connection: &Connection, message: &ChatMessage) -> Vec<Action> {
    let general = RoomId::general();
    let room = connection.position.joined(message.options.room.as_ref().unwrap_or(&general));
    room.map(Action::Write).into_iter().collect()
}

fn new(ChatMessage { content, client_offset, options, .. }: ChatMessage) -> NewMessage {
    let mut message = NewMessage::new(options.room.unwrap_or_else(RoomId::general), content);
    message.client_offset = client_offset;
    match options.reply_to {
        Some(to) => message.in_reply_to(to),
        None => message,
    }
}

fn submit(
    connection: &Connection,
    message: ChatMessage,
    mut request: Request,
    allowed: Result<(), Refusal>,
) {
    let mut message = new(message);
    let allowed = allowed.and_then(|()| connection.services.limits.admit(&message.content));
    let joined = message.audience.room().and_then(|room| connection.position.joined(room));
    let room = match allowed.and_then(|()| joined.ok_or_else(not_in_room)) {
        Ok(room) => room,
        Err(refusal) => return request.refuse_unless_stored(message, refusal),
    };
    if let Err(refusal) = request.spend(&mut message) {
        return request.refuse(refusal);
    }
    message.audience = room.into();
    connection.sign(&mut message);
    let log = &connection.services.log;
    log.submit(connection.reader, message, connection.origin(), move |outcome| {
        request.finish(outcome)
    });
}
