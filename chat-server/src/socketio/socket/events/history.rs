use std::collections::VecDeque;
use std::sync::Arc;

use chat_core::event::{HISTORY, HistoryMessage, HistoryOf, HistoryRange, HistoryRequest, Moment};
use chat_core::{Author, Feed, Nickname, Offset, Refusal, RefusalCode, RoomId, UserId};
use chat_store::{Page, StoreError};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{Failed, after_reads};
use super::in_room::not_in_room;
use crate::engine::delivery::{Answer, RoomPage};
use crate::engine::log::Log;
use crate::engine::planted::{self, Bug};
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
fn begin(connection: Arc<Connection>, asked: HistoryRequest, request: Request) {
    let HistoryRequest { of, range, limit, .. } = asked;
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
    let later = Arc::clone(&connection);
    let of_room = match &of {
        Asked::Room(room) => Some(room.clone()).filter(|_| connection.access.is_some()),
        Asked::Between(..) => None,
    };
    after_reads(&connection, request, async move {
        let past = read(&later, of, range, limit).await?;
        let json = json_of(past).map_err(|error| {
            tracing::error!("a page of history cannot be serialised: {error}");
            Failed::Store
        })?;
        Ok(match of_room {
            Some(room) if !planted::is(Bug::HistoryUnasked) => {
                Answer::Page(RoomPage { json, rooms: vec![room] })
            }
            _ => Answer::Made(json),
        })
    });
}

/// Messages in the order of the log, as far as they are known.
struct Past {
    messages: Vec<HistoryMessage>,
    more: bool,
    more_after: Option<bool>,
    /// Everything up to here was deleted.
    horizon: Offset,
    /// Where the answer begins to be filled, upwards and downwards; from the last one downwards if none.
    keep: Option<Offset>,
}

async fn read(
    connection: &Connection,
    of: Asked,
    range: HistoryRange,
    limit: usize,
) -> Result<Past, IdentityError> {
    let services = &connection.services;
    let (feed, action) = match of {
        Asked::Room(room) => (Feed::Room(room.clone()), Action::Read(room)),
        Asked::Between(user, nickname) => {
            let (other, _) = services.identities.find(&nickname).await?;
            (Feed::Between(user, other), Action::ReadPrivately(other))
        }
    };
    if !planted::is(Bug::HistoryUnasked) {
        let is_allowed = connection.permit(&[action]).await.map(drop);
        is_allowed.map_err(Refusal::from)?;
    }
    let author = connection.authorship.author();
    Ok(read_range(&services.log, &feed, range, limit, author).await?)
}

async fn read_range(
    log: &Log,
    feed: &Feed,
    range: HistoryRange,
    limit: usize,
    author: Author,
) -> Result<Past, StoreError> {
    let (before, after) = match range {
        HistoryRange::Newest => (None, None),
        HistoryRange::Before(moment) => (Some(offset_of(log, moment).await?), None),
        HistoryRange::After(Moment::Offset(after)) => (None, Some(after)),
        HistoryRange::After(moment) => (None, Some(offset_of(log, moment).await?.previous())),
        HistoryRange::Around(moment) => {
            let offset = offset_of(log, moment).await?;
            (Some(offset), Some(offset.previous()))
        }
    };
    let Some(after) = after else {
        let Page { messages, more, horizon, .. } = log.read_before(feed, before, limit).await?;
        let messages = log.shown(messages, author).await?;
        return Ok(Past { messages, more, more_after: None, horizon, keep: None });
    };
    // Of those around it, half are before.
    let earlier = if before.is_some() { limit / 2 } else { 0 };
    let later = log.read_said_after(feed, after, limit - earlier).await?;
    let first = later.messages.first().map(|message| message.offset);
    let before = before.or(first).or(Some(after.next()));
    let (mut messages, more) = match earlier {
        0 => (Vec::new(), !log.read_before(feed, before, 1).await?.messages.is_empty()),
        earlier => {
            let page = log.read_before(feed, before, earlier).await?;
            (page.messages, page.more)
        }
    };
    messages.extend(later.messages);
    let messages = log.shown(messages, author).await?;
    let horizon = later.horizon;
    Ok(Past { messages, more, more_after: Some(later.more), horizon, keep: first })
}

async fn offset_of(log: &Log, moment: Moment) -> Result<Offset, StoreError> {
    match moment {
        Moment::Offset(offset) => Ok(offset),
        Moment::Time(time) => log.offset_at(time).await,
    }
}

/// Returns a [`chat_core::event::History`] with as many of the messages as fit into an answer: the newest ones, or those
/// around the one to keep.
fn json_of(past: Past) -> Result<Arc<RawValue>, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shortened {
        messages: VecDeque<Box<RawValue>>,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        more_after: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gone_before: Option<Offset>,
    }

    let Past { mut messages, mut more, mut more_after, horizon, keep } = past;
    let later = match keep {
        Some(keep) => messages.split_off(messages.partition_point(|it| it.offset < keep)),
        None => Vec::new(),
    };
    let (mut earlier, mut later) = (messages.into_iter().rev(), later.into_iter());
    let (mut fitting, mut bytes) = (VecDeque::new(), 0);
    // In turns, so that neither side takes the room of the other.
    let (mut goes_on, mut turn) = ([true; 2], 0);
    while goes_on != [false; 2] {
        turn ^= 1;
        let is_later = turn == 1;
        let next = match goes_on[turn] {
            true if is_later => later.next(),
            true => earlier.next(),
            false => continue,
        };
        let Some(message) = next else {
            goes_on[turn] = false;
            continue;
        };
        let message = to_raw_value(&message)?;
        bytes += message.get().len();
        if bytes > PAGE_BYTES && !fitting.is_empty() {
            bytes -= message.get().len();
            goes_on[turn] = false;
            match is_later {
                true => more_after = Some(true),
                false => more = true,
            }
        } else if is_later {
            fitting.push_back(message);
        } else {
            fitting.push_front(message);
        }
    }
    let is_gone = !more && horizon > Offset::ZERO;
    let gone_before = is_gone.then(|| horizon.next());
    let messages = fitting;
    Ok(to_raw_value(&Shortened { messages, more, more_after, gone_before })?.into())
}

#[cfg(test)]
mod tests {
    use chat_core::event::History;
    use chat_core::{Message, NewMessage};

    use super::*;

    fn past(contents: &[&str], keep: Option<u64>) -> Past {
        let message = |(index, content): (usize, &&str)| {
            let new = NewMessage::new(RoomId::general(), content.parse().unwrap());
            Message::from_new(Offset::new(index as u64 + 1).unwrap(), new).into()
        };
        let messages = contents.iter().enumerate().map(message).collect();
        let keep = keep.map(|keep| Offset::new(keep).unwrap());
        let (more, more_after) = (false, keep.map(|_| false));
        Past { messages, more, more_after, horizon: Offset::ZERO, keep }
    }

    fn answer_of(past: Past) -> (Vec<u64>, History, usize) {
        let json = json_of(past).unwrap();
        let history: History = serde_json::from_str(json.get()).unwrap();
        let offsets = history.messages.iter().map(|message| message.offset.as_u64()).collect();
        (offsets, history, json.get().len())
    }

    fn answer(contents: &[&str]) -> (Vec<u64>, bool, usize) {
        let (offsets, history, bytes) = answer_of(past(contents, None));
        assert_eq!(history.more_after, None);
        (offsets, history.more, bytes)
    }

    #[test]
    fn an_answer_around_a_message_has_those_on_both_sides_that_fit() {
        let around = |contents: &[&str], keep| {
            let (offsets, history, bytes) = answer_of(past(contents, Some(keep)));
            assert!(bytes < PAGE_BYTES + 70_000);
            (offsets, history.more, history.more_after)
        };
        assert_eq!(around(&["a", "b", "c"], 2), (vec![1, 2, 3], false, Some(false)));
        assert_eq!(around(&["a", "b", "c"], 1), (vec![1, 2, 3], false, Some(false)));
        let large = "x".repeat(60_000);
        assert_eq!(around(&[&*large; 10], 5), (vec![3, 4, 5, 6], true, Some(true)));
        assert_eq!(around(&[&*large; 10], 1), (vec![1, 2, 3, 4], false, Some(true)));
        assert_eq!(around(&[&*large; 10], 10), (vec![7, 8, 9, 10], true, Some(false)));
        let mut contents = [&*large; 10];
        contents[7] = "small";
        assert_eq!(around(&contents, 9), (vec![6, 7, 8, 9, 10], true, Some(false)));
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
