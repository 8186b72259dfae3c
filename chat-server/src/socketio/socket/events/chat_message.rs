use std::sync::Arc;

use chat_core::event::{CHAT_MESSAGE, ChatMessage};
use chat_core::{NewMessage, Refusal, RoomId};

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
        in_turn(connection, message, request, actions, submit);
    }
}

/// Asks nothing about a room that the client is not in: there it is refused anyway.
fn actions(connection: &Connection, message: &ChatMessage) -> Vec<Action> {
    let general = RoomId::general();
    let room = connection.position.joined(message.options.room.as_ref().unwrap_or(&general));
    room.map(Action::Write).into_iter().collect()
}

fn submit(connection: &Connection, message: ChatMessage, mut request: Request) {
    let ChatMessage { content, client_offset, options, .. } = message;
    if let Err(refusal) = connection.services.limits.admit(&content) {
        return request.refuse(refusal);
    }
    let room = options.room.unwrap_or_else(RoomId::general);
    let Some(room) = connection.position.joined(&room) else {
        return request.refuse(not_in_room());
    };
    if let Err(refusal) = request.spend(&content) {
        return request.refuse(refusal);
    }
    let mut message = NewMessage::new(room, content).with_author(connection.authorship.writes());
    if let Some(to) = options.reply_to {
        message = message.in_reply_to(to);
    }
    message.client_offset = client_offset;
    if let Some(user) = connection.user() {
        (message.from, message.user) = (Some(user.nickname.clone()), Some(user.id));
    }
    let log = &connection.services.log;
    log.submit(connection.reader, message, connection.origin(), move |outcome| {
        request.finish(outcome)
    });
}
