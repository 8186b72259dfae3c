use std::collections::HashMap;
use std::sync::Arc;

use chat_core::event::{
    HistoryOf, READ, READERS, ReadKept, ReadRequest, Reader, Readers, UNREAD, Unread,
    UnreadConversation, UnreadRoom, room_from_event,
};
use chat_core::{Feed, Offset, Refusal, RefusalCode, RoomId, UserId};
use chat_store::StoreError;

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{Failed, after_reads, made};
use super::in_room::not_in_room;
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;
use crate::engine::reading::{MAX_POSITIONS, Reading};
use crate::engine::users::User;

/// [`chat_core::event::READ`].
pub(crate) struct ReadEvent;

/// [`chat_core::event::UNREAD`].
pub(crate) struct UnreadEvent;

/// [`chat_core::event::READERS`].
pub(crate) struct ReadersEvent;

/// Who is told of what a user has read, beside the user's other devices.
enum Told {
    Room(RoomId),
    /// Nobody: it was the private messages with this user.
    OtherDevices(UserId),
}

/// What a client wants to tell or know of reading.
enum Asked {
    Read(ReadRequest),
    Unread,
    Readers(RoomId),
}

impl Event for ReadEvent {
    const NAME: &'static str = READ;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = ReadRequest;

    fn read(json: &str) -> Result<ReadRequest, Refusal> {
        ReadRequest::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, read: ReadRequest, request: Request) {
        later(connection, Asked::Read(read), request);
    }
}

impl Event for UnreadEvent {
    const NAME: &'static str = UNREAD;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = ();

    fn read(_: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn handle(connection: &Arc<Connection>, (): (), request: Request) {
        later(connection, Asked::Unread, request);
    }
}

impl Event for ReadersEvent {
    const NAME: &'static str = READERS;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = RoomId;

    fn read(json: &str) -> Result<RoomId, Refusal> {
        room_from_event(json)
    }

    fn handle(connection: &Arc<Connection>, room: RoomId, request: Request) {
        later(connection, Asked::Readers(room), request);
    }
}

fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let later = Arc::clone(connection);
    after_reads(connection, request, async move { answer(&later, asked).await });
}

async fn answer(connection: &Connection, asked: Asked) -> Result<Answer, Failed> {
    let Some(reading) = &connection.services.reading else {
        let message = "this server does not keep what was read";
        return Err(Refusal::new(RefusalCode::UnknownEvent, message).into());
    };
    let Some(user) = connection.user() else {
        let message = "what was read is kept for users with a nickname; take one first";
        return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
    };
    match asked {
        Asked::Read(read) => note(connection, reading, &user, read).await,
        Asked::Unread => made(&unread(connection, reading, &user).await?),
        Asked::Readers(room) => {
            let room = may_read(connection, room, true).await?;
            let readers = reading.of_feed(&room.clone().into(), Readers::MAX_READERS).await?;
            let users: Vec<UserId> = readers.iter().map(|(user, _)| *user).collect();
            let mut names = connection.services.identities.nicknames(&users).await?;
            let mut reader = |(user, offset)| {
                let nickname = names.remove(&user);
                Reader { user: Some(user), nickname, offset }
            };
            made(&Readers::new(room, readers.into_iter().map(&mut reader).collect()))
        }
    }
}

/// Notes what a user has read, and tells the room and the user's other devices.
async fn note(
    connection: &Connection,
    reading: &Reading,
    user: &User,
    ReadRequest { of, offset, .. }: ReadRequest,
) -> Result<Answer, Failed> {
    // What is not written yet was not read.
    let offset = offset.min(connection.services.log.tail());
    let (feed, told) = match of {
        HistoryOf::Room(room) => {
            let room = may_read(connection, room, false).await?;
            (Feed::Room(room.clone()), Told::Room(room))
        }
        HistoryOf::With(nickname) => {
            let (other, _) = connection.services.identities.find(&nickname).await?;
            (Feed::Between(user.id, other), Told::OtherDevices(other))
        }
    };
    // Of what nobody has written to, nothing is kept: else a user could fill the store with names.
    if connection.services.log.count_after(&feed, Offset::ZERO, 1).await? == 0 {
        return made(&ReadKept::new(offset));
    }
    if !reading.note(user.id, feed, offset).await {
        return Err(Failed::Store);
    }
    match told {
        Told::Room(room) => connection.presence.read(&room, offset),
        Told::OtherDevices(other) => connection.presence.read_privately(other, offset),
    }
    made(&ReadKept::new(offset))
}

/// Counts what a user has not read.
async fn unread(
    connection: &Connection,
    reading: &Reading,
    user: &User,
) -> Result<Unread, StoreError> {
    let log = &connection.services.log;
    let read: HashMap<Feed, Offset> = reading.of_user(user.id, MAX_POSITIONS).await?;
    let mut unread = Unread::default();
    let rooms: Vec<RoomId> = connection.position.following().rooms.keys().cloned().collect();
    for room in rooms {
        let feed = Feed::Room(room.clone());
        let read = read.get(&feed).copied().unwrap_or_default();
        let count = log.count_after(&feed, read, Unread::MAX_COUNT).await?;
        unread.rooms.push(UnreadRoom { room, read, unread: count });
    }
    let conversations = read.iter().filter_map(|(feed, read)| match *feed {
        Feed::Between(one, other) => Some((if one == user.id { other } else { one }, feed, *read)),
        _ => None,
    });
    // Those with the newest positions, in their order.
    let mut conversations: Vec<(UserId, &Feed, Offset)> = conversations.collect();
    conversations.sort_by_key(|(user, _, read)| (std::cmp::Reverse(*read), *user));
    for (user, feed, read) in conversations.into_iter().take(Unread::MAX_CONVERSATIONS) {
        let unread_count = log.count_after(feed, read, Unread::MAX_COUNT).await?;
        let conversation = UnreadConversation { user: Some(user), read, unread: unread_count };
        unread.conversations.push(conversation);
    }
    Ok(unread)
}

/// Returns a room that the connection is in, if the policy lets it read there, and see who else is if it `sees`.
async fn may_read(connection: &Connection, room: RoomId, sees: bool) -> Result<RoomId, Failed> {
    let Some(room) = connection.position.joined(&room) else { return Err(not_in_room().into()) };
    let mut actions = vec![Action::Read(room.clone())];
    actions.extend(sees.then(|| Action::SeeUsers(room.clone())));
    match connection.permit(&actions).await {
        Ok(_grant) => Ok(room),
        Err(denied) => Err(Failed::from(denied)),
    }
}
