use std::sync::Arc;

use chat_core::event::{HISTORY, HistoryMessage, HistoryOf, HistoryRequest};
use chat_core::{Author, Feed, Nickname, Offset, Refusal, RefusalCode, RoomId, UserId};
use chat_store::Page;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::in_room::not_in_room;
use crate::engine::delivery::{Answer, RoomPage};
use crate::engine::policy::Action;
use crate::engine::users::IdentityError;

/// Maximum size of a page in bytes of JSON, unless it has only one message.
const PAGE_BYTES: usize = 256 * 1024;

/// [`chat_core::event::HISTORY`].
pub(crate) struct HistoryEvent;

impl Event for HistoryEvent {
    const NAME: &'static str = HISTORY;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = HistoryRequest;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        HistoryRequest::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, asked: HistoryRequest, request: Request) {
        let later = Arc::clone(connection);
        connection.requests.now_or_later(move || begin(later, asked, request));
    }
}

/// The feed that is requested.
enum Asked {
    Room(RoomId),
    Between(UserId, Nickname),
}

/// Reads a page after the other pages that this connection has requested. Nothing else of the connection waits for
/// it.
fn begin(connection: Arc<Connection>, asked: HistoryRequest, mut request: Request) {
    let HistoryRequest { of, before, limit, .. } = asked;
    let of = match of {
        HistoryOf::Room(room) if !connection.position.is_in(&room) => {
            return request.refuse(not_in_room());
        }
        HistoryOf::Room(room) => Asked::Room(room),
        HistoryOf::With(nickname) => match connection.user() {
            Some(user) => Asked::Between(user.id, nickname),
            None => {
                let message = "private messages are for users with a nickname; take one first";
                return request.refuse(Refusal::new(RefusalCode::NicknameRequired, message));
            }
        },
    };
    let (later, gone) = (Arc::clone(&connection), connection.gone.clone());
    let author = connection.authorship.author();
    let of_room = match &of {
        Asked::Room(room) => Some(room.clone()).filter(|_| connection.access.is_some()),
        Asked::Between(..) => None,
    };
    connection.reads.later_with(move |turn| async move {
        request.keep(turn);
        match gone.run_until_cancelled(read(&later, of, before, limit)).await {
            Some(Ok(page)) => match json_of(page, author) {
                Ok(json) => request.answer(match of_room {
                    Some(room) => Answer::Page(RoomPage { json, room }),
                    None => Answer::Made(json),
                }),
                Err(error) => tracing::error!("a page of history cannot be serialised: {error}"),
            },
            Some(Err(IdentityError::Refused(refusal))) => request.refuse(refusal),
            // The log has reported it; silence makes the client retry.
            Some(Err(IdentityError::Store(_))) => {}
            // Nobody waits for it any more.
            None => {}
        }
    });
}

async fn read(
    connection: &Connection,
    of: Asked,
    before: Option<Offset>,
    limit: usize,
) -> Result<Page, IdentityError> {
    let services = &connection.services;
    let (feed, action) = match of {
        Asked::Room(room) => (Feed::Room(room.clone()), Action::Read(room)),
        Asked::Between(user, nickname) => {
            let (other, _) = services.identities.find(&nickname).await?;
            (Feed::Between(user, other), Action::ReadPrivately(other))
        }
    };
    let is_allowed = connection.permit(&[action]).await.map(drop);
    is_allowed.map_err(Refusal::from)?;
    Ok(services.log.read_before(&feed, before, limit).await?)
}

/// Returns a [`chat_core::event::History`] with the newest messages of a page, as many as fit into an answer. Only authors
/// get their keys.
fn json_of(page: Page, author: Author) -> Result<Arc<RawValue>, serde_json::Error> {
    #[derive(Serialize)]
    struct Shortened {
        messages: Vec<Box<RawValue>>,
        more: bool,
    }

    let Page { messages, mut more, .. } = page;
    let (mut newest, mut bytes) = (Vec::new(), 0);
    for message in messages.into_iter().rev() {
        let message = match author.wrote(&message) {
            true => HistoryMessage::to_author(message),
            false => HistoryMessage::from(message),
        };
        let message = to_raw_value(&message)?;
        bytes += message.get().len();
        if bytes > PAGE_BYTES && !newest.is_empty() {
            more = true;
            break;
        }
        newest.push(message);
    }
    newest.reverse();
    Ok(to_raw_value(&Shortened { messages: newest, more })?.into())
}

#[cfg(test)]
mod tests {
    use chat_core::event::History;
    use chat_core::{AuthorId, Message, NewMessage};

    use super::*;

    fn page(contents: &[&str]) -> Page {
        let message = |(index, content): (usize, &&str)| {
            let new = NewMessage::new(RoomId::general(), content.parse().unwrap());
            Message::from_new(Offset::new(index as u64 + 1).unwrap(), new)
        };
        Page::new(contents.iter().enumerate().map(message).collect(), false)
    }

    fn answer(contents: &[&str]) -> (Vec<u64>, bool, usize) {
        let nobody = Author::anonymous(AuthorId::from_stored(-1));
        let json = json_of(page(contents), nobody).unwrap();
        let History { messages, more, .. } = serde_json::from_str(json.get()).unwrap();
        (messages.iter().map(|message| message.offset.as_u64()).collect(), more, json.get().len())
    }

    #[test]
    fn an_answer_has_the_newest_messages_that_fit() {
        assert_eq!(answer(&[]).0, [0; 0]);
        let (offsets, more, _) = answer(&["a", "b", "c"]);
        assert_eq!((offsets, more), (vec![1, 2, 3], false));
        let large = "x".repeat(60_000);
        let (offsets, more, bytes) = answer(&[&*large; 10]);
        assert_eq!((offsets, more), (vec![7, 8, 9, 10], true));
        assert!(bytes < PAGE_BYTES);
        // Each byte of it takes six.
        let escaped = "\u{1}".repeat(65_536);
        let (offsets, more, _) = answer(&["a", &escaped, &escaped]);
        assert_eq!((offsets, more), (vec![3], true));
    }
}
