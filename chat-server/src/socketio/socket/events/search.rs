use std::collections::HashMap;
use std::sync::Arc;

use chat_core::event::{SEARCH, SearchRequest};
use chat_core::{Audience, Feed, Refusal, RefusalCode, RoomId, UserId};
use chat_store::SearchScope;
use serde_json::value::{RawValue, to_raw_value};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{Failed, after_reads};
use super::in_room::not_in_room;
use crate::engine::delivery::{Answer, RoomPage};
use crate::engine::policy::{Action, Denied};
use crate::engine::search::{Search, SearchPage, writers_of};
use crate::engine::users::IdentityError;

/// [`chat_core::event::SEARCH`].
pub(crate) struct SearchEvent;

impl Event for SearchEvent {
    const NAME: &'static str = SEARCH;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = SearchRequest;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        SearchRequest::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, asked: SearchRequest, request: Request) {
        let Some(search) = connection.services.search.clone() else {
            let message = "this server has no search";
            return request.refuse(Refusal::new(RefusalCode::SearchOff, message));
        };
        let later = Arc::clone(connection);
        connection.requests.now_or_later(move || begin(later, search, asked, request));
    }
}

/// Searches after the pages that this connection has requested before. Nothing else of the connection waits for it.
fn begin(connection: Arc<Connection>, search: Search, asked: SearchRequest, request: Request) {
    let later = Arc::clone(&connection);
    after_reads(&connection, request, async move {
        let found = find(&later, &search, asked).await?;
        let shown = shown(found, later.user().map(|user| user.id));
        let (json, rooms) = shown.map_err(|error| {
            tracing::error!("what was found cannot be serialised: {error}");
            Failed::Store
        })?;
        Ok(match later.access.is_some() {
            true => Answer::Page(RoomPage { json, rooms }),
            false => Answer::Made(json),
        })
    });
}

async fn find(
    connection: &Connection,
    search: &Search,
    asked: SearchRequest,
) -> Result<SearchPage, IdentityError> {
    let SearchRequest { query, before, limit, .. } = asked;
    let user = connection.user().map(|user| user.id);
    let mut feeds: Vec<_> = readable(connection, &query.rooms).await?;
    if query.rooms.is_empty() {
        feeds.extend(user.map(Feed::User));
    }
    let writers = writers_of(&query, &connection.services.identities).await?;
    let mut found = search.find(&query, writers, SearchScope::Feeds(feeds), before, limit).await?;
    if let Some(user) = user {
        keep_readable(connection, user, &mut found).await?;
    }
    Ok(found)
}

/// Returns the feeds of these rooms, or of all that the connection is in, as far as it may read them now.
async fn readable(connection: &Connection, asked: &[RoomId]) -> Result<Vec<Feed>, Refusal> {
    let following = connection.position.following();
    let rooms: Vec<RoomId> = match asked {
        [] => following.rooms.keys().cloned().collect(),
        asked => asked.to_vec(),
    };
    let mut feeds = Vec::with_capacity(rooms.len());
    for room in rooms {
        if following.room(&room).is_none() {
            return Err(not_in_room());
        }
        match connection.permit(&[Action::Read(room.clone())]).await.map(drop) {
            Ok(()) => feeds.push(Feed::Room(room)),
            Err(Denied::Refused(_)) if asked.is_empty() => {}
            Err(denied) => return Err(denied.into()),
        }
    }
    Ok(feeds)
}

/// Leaves out private messages with users with whom the policy lets none be read.
async fn keep_readable(
    connection: &Connection,
    user: UserId,
    found: &mut SearchPage,
) -> Result<(), Refusal> {
    let other_of = |audience: &Audience| match *audience {
        Audience::Private { from, to, .. } => Some(if from == user { to } else { from }),
        Audience::Room(_) => None,
    };
    let mut readable = HashMap::new();
    for (message, _) in &found.messages {
        let Some(other) = other_of(&message.audience) else { continue };
        if readable.contains_key(&other) {
            continue;
        }
        let is_readable = match connection.permit(&[Action::ReadPrivately(other)]).await.map(drop) {
            Ok(()) => true,
            Err(Denied::Refused(_)) => false,
            Err(denied) => return Err(denied.into()),
        };
        readable.insert(other, is_readable);
    }
    found.messages.retain(|(message, _)| {
        other_of(&message.audience).is_none_or(|other| readable.get(&other) == Some(&true))
    });
    Ok(())
}

/// Returns the answer, and the rooms that they are of.
fn shown(
    found: SearchPage,
    reader: Option<UserId>,
) -> Result<(Arc<RawValue>, Vec<RoomId>), serde_json::Error> {
    let mut rooms: Vec<_> =
        found.messages.iter().filter_map(|(message, _)| message.audience.room().cloned()).collect();
    rooms.sort_unstable();
    rooms.dedup();
    Ok((to_raw_value(&found.shown(reader))?.into(), rooms))
}
