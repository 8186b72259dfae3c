use std::sync::Arc;

use chat_core::{
    Feed, HISTORY, History, HistoryMessage, HistoryOf, HistoryRequest, Refusal, RefusalCode,
};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::chat_message::not_in_room;
use super::connection::{Connection, InOrder, json};
use crate::delivery::Answer;
use crate::identity::Unidentified;

/// What a request counts until its answer is handed over: about what the answer may have, so that few of
/// them wait for a client that does not read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Handles [`chat_core::HISTORY`].
pub(crate) struct HistoryHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for HistoryHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let bytes = event.len() + ANSWER_BYTES;
        let Some(request) = connection.request(HISTORY, ack_id, bytes) else { return };
        match HistoryRequest::from_event(json(&event)) {
            Ok(asked) => {
                let connection = Arc::clone(connection);
                self.0.turns.later(async move {
                    match read(&connection, asked).await {
                        Ok(history) => request.answer(Answer::History(history)),
                        Err(Unidentified::Refused(refusal)) => request.refuse(refusal),
                        // The log has told of it; silence makes the client try again.
                        Err(Unidentified::Store(_)) => {}
                    }
                });
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

async fn read(connection: &Connection, asked: HistoryRequest) -> Result<History, Unidentified> {
    let HistoryRequest { of, before, limit } = asked;
    let services = &connection.services;
    let feed = match of {
        HistoryOf::Room(room) if !connection.place.is_in(&room) => return Err(not_in_room().into()),
        HistoryOf::Room(room) => Feed::Room(room),
        HistoryOf::With(nickname) => {
            let Some(person) = connection.person() else {
                let message = "private messages are for people with a nickname; take one first";
                return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
            };
            let (other, _) = services.identities.find(&nickname).await?;
            Feed::Between(person.id, other)
        }
    };
    let page = services.log.read_before(&feed, before, limit).await?;
    let author = connection.authorship.author();
    let messages = page.messages.into_iter().map(|message| match author.wrote(&message) {
        true => HistoryMessage::to_author(message),
        false => HistoryMessage::from(message),
    });
    Ok(History { messages: messages.collect(), more: page.more })
}
