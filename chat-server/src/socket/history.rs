use std::sync::Arc;

use chat_core::{
    Feed, HISTORY, History, HistoryMessage, HistoryOf, HistoryRequest, Nickname, Offset, PersonId,
    Refusal, RefusalCode, RoomId,
};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::chat_message::not_in_room;
use super::connect::Services;
use super::connection::{Connection, InOrder, Request, json};
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
                self.0.turns.now_or_later(move || begin(connection, asked, request));
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

/// Whose messages are asked for.
enum Asked {
    Room(RoomId),
    Between(PersonId, Nickname),
}

/// Reads behind the other pages that this connection has asked for. Nothing else of it waits for that.
fn begin(connection: Arc<Connection>, asked: HistoryRequest, request: Request) {
    let HistoryRequest { of, before, limit } = asked;
    let of = match of {
        HistoryOf::Room(room) if !connection.place.is_in(&room) => {
            return request.refuse(not_in_room());
        }
        HistoryOf::Room(room) => Asked::Room(room),
        HistoryOf::With(nickname) => match connection.person() {
            Some(person) => Asked::Between(person.id, nickname),
            None => {
                let message = "private messages are for people with a nickname; take one first";
                return request.refuse(Refusal::new(RefusalCode::NicknameRequired, message));
            }
        },
    };
    let (services, gone) = (connection.services.clone(), connection.gone.clone());
    connection.reads.later(async move {
        match gone.run_until_cancelled(read(&services, of, before, limit)).await {
            Some(Ok(history)) => request.answer(Answer::History(history)),
            Some(Err(Unidentified::Refused(refusal))) => request.refuse(refusal),
            // The log has told of it; silence makes the client try again.
            Some(Err(Unidentified::Store(_))) => {}
            // Nobody waits for it any more.
            None => {}
        }
    });
}

async fn read(
    services: &Services,
    of: Asked,
    before: Option<Offset>,
    limit: usize,
) -> Result<History, Unidentified> {
    let feed = match of {
        Asked::Room(room) => Feed::Room(room),
        Asked::Between(person, nickname) => {
            let (other, _) = services.identities.find(&nickname).await?;
            Feed::Between(person, other)
        }
    };
    let page = services.log.read_before(&feed, before, limit).await?;
    let messages = page.messages.into_iter().map(HistoryMessage::from).collect();
    Ok(History { messages, more: page.more })
}
