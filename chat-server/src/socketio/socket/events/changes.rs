use std::sync::Arc;

use chat_core::event::{DELETE_MESSAGE, DeleteMessage, EDIT_MESSAGE, EditMessage, REACT, React};
use chat_core::{
    Audience, ClientOffset, Content, Emoji, Feed, FileReference, Message, NewMessage, Offset,
    Refusal, RefusalCode, Role, RoomId,
};
use chat_store::StoreError;

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::super::services::Services;
use super::answering::Failed;
use super::in_room::not_in_room;
use crate::engine::log::{Outcome, unknown_message};
use crate::engine::policy::Action;
use crate::engine::turns::Turn;

/// [`chat_core::event::EDIT_MESSAGE`].
pub(crate) struct EditEvent;

/// [`chat_core::event::DELETE_MESSAGE`].
pub(crate) struct DeleteEvent;

/// [`chat_core::event::REACT`].
pub(crate) struct ReactEvent;

/// What a client wants to do with a message.
struct Asked {
    of: Offset,
    what: What,
    client_offset: Option<ClientOffset>,
}

enum What {
    Edit(Content),
    Delete,
    React(Emoji, bool),
}

impl Event for EditEvent {
    const NAME: &'static str = EDIT_MESSAGE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = EditMessage;

    fn read(json: &str) -> Result<EditMessage, Refusal> {
        EditMessage::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, edit: EditMessage, request: Request) {
        let EditMessage { of, content, client_offset, .. } = edit;
        later(connection, Asked { of, what: What::Edit(content), client_offset }, request);
    }
}

impl Event for DeleteEvent {
    const NAME: &'static str = DELETE_MESSAGE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = DeleteMessage;

    fn read(json: &str) -> Result<DeleteMessage, Refusal> {
        DeleteMessage::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, delete: DeleteMessage, request: Request) {
        let DeleteMessage { of, client_offset, .. } = delete;
        later(connection, Asked { of, what: What::Delete, client_offset }, request);
    }
}

impl Event for ReactEvent {
    const NAME: &'static str = REACT;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = React;

    fn read(json: &str) -> Result<React, Refusal> {
        React::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, react: React, request: Request) {
        let React { to, emoji, on, client_offset, .. } = react;
        later(connection, Asked { of: to, what: What::React(emoji, on), client_offset }, request);
    }
}

fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let later = Arc::clone(connection);
    connection.requests.later(async move { submit(&later, asked, request).await });
}

/// Submits the change to the log, which finds out whether the message is still there, and answers.
async fn submit(connection: &Connection, asked: Asked, request: Request) {
    let Change { message, actions, allowed } = match change(connection, asked).await {
        Ok(change) => change,
        Err(Failed::Refused(refusal)) => return request.refuse(refusal),
        Err(Failed::Store) => return request.finish(Outcome::Unavailable),
    };
    match allowed {
        Ok(turn) => connection.submit(message, &actions, request, turn).await,
        Err(refusal) => request.refuse_unless_stored(message, refusal),
    }
}

/// A change of a message.
struct Change {
    /// As it is to be stored.
    message: NewMessage,
    /// What to ask the policy.
    actions: Vec<Action>,
    /// What to hold until it is stored, if the client may make it.
    allowed: Result<Option<Turn>, Refusal>,
}

/// Returns the change of a message that the client gets.
async fn change(
    connection: &Connection,
    Asked { of, what, client_offset }: Asked,
) -> Result<Change, Failed> {
    let mut allowed = Ok(None);
    let log = &connection.services.log;
    let message = log.message(of).await?.ok_or_else(unknown_message)?;
    let is_own = connection.authorship.author().wrote(&message);
    let (audience, action) = reach(connection, &message, is_own)?;
    let (mut new, actions) = match what {
        What::Edit(content) => {
            let turn = turn_at_files(connection, &message).await;
            allowed = connection.services.limits.admit(&content).map(|()| turn);
            if !is_own {
                allowed = Err(forbidden("you can edit your own messages only"));
            }
            (NewMessage::edit(audience, of, content), vec![action])
        }
        What::Delete => {
            if !is_own && !moderates(connection, message.audience.room()).await? {
                let message = "you can delete your own messages; others are for moderators";
                allowed = Err(forbidden(message));
            }
            // Who may not write any more may still take back what it has said.
            let read = message.audience.room().cloned().map(Action::Read).filter(|_| is_own);
            (NewMessage::deletion(audience, of), vec![read.unwrap_or(action)])
        }
        What::React(emoji, on) => {
            if on {
                allowed = has_room_for(connection, of, &emoji).await?;
            }
            (NewMessage::reaction(audience, of, &emoji, on), vec![action])
        }
    };
    new.client_offset = client_offset;
    connection.sign(&mut new);
    Ok(Change { message: new, actions, allowed })
}

/// Returns the audience of a change of a message that the client gets, and the action of writing there. Whoever does not
/// get the message does not learn that there is one.
fn reach(
    connection: &Connection,
    message: &Message,
    is_own: bool,
) -> Result<(Audience, Action), Refusal> {
    match &message.audience {
        Audience::Room(room) => match connection.position.joined(room) {
            Some(room) => Ok((Audience::Room(room.clone()), Action::Write(room))),
            None if is_own => Err(not_in_room()),
            None => Err(unknown_message()),
        },
        // What the application tells one user stays as it is.
        Audience::Private { from, to, .. } if from == to => Err(unknown_message()),
        Audience::Private { from, to, nickname } => {
            let user = connection.user().ok_or_else(unknown_message)?;
            let (other, nickname) = match user.id {
                id if id == *from => (*to, Some(nickname.clone())),
                id if id == *to => (*from, message.from.clone()),
                _ => return Err(unknown_message()),
            };
            debug_assert!(Feed::Between(user.id, other).contains(&message.audience));
            let nickname = nickname.ok_or_else(unknown_message)?;
            let audience = Audience::Private { from: user.id, to: other, nickname };
            Ok((audience, Action::SendPrivately(other)))
        }
    }
}

/// Waits until this edit may look at the files of a message, if it has some: another one may take them out of it.
async fn turn_at_files(connection: &Connection, message: &Message) -> Option<Turn> {
    let Services { files, changing, .. } = &connection.services;
    let has_files = files.is_some() && FileReference::is_any_in(&message.content);
    if has_files { Some(changing.at(message.offset).await) } else { None }
}

/// Checks that a message may get this reaction. If it is a new one, others wait until it is there.
async fn has_room_for(
    connection: &Connection,
    of: Offset,
    emoji: &Emoji,
) -> Result<Result<Option<Turn>, Refusal>, StoreError> {
    let Services { log, limits, changing, .. } = &connection.services;
    let turn = changing.at(of).await;
    let given = log.reactions(&[of], None).await?;
    let is_new = !given.iter().any(|it| it.emoji == emoji.as_str());
    if is_new && given.len() >= limits.max_reactions_per_message {
        let message = "this message has many different reactions; give one that it has";
        return Ok(Err(Refusal::new(RefusalCode::TooManyReactions, message)));
    }
    Ok(Ok(Some(turn).filter(|_| is_new)))
}

/// Returns whether the client is a moderator of a room: as the store has it, or by its signed token.
async fn moderates(connection: &Connection, room: Option<&RoomId>) -> Result<bool, Failed> {
    let (Some(room), Some(user)) = (room, connection.user()) else { return Ok(false) };
    let mut role = user.claims.role();
    if let Some(rooms) = &connection.services.rooms {
        let access = rooms.find_access(&room.key(), Some(user.id)).await;
        role = role.max(access?.and_then(|access| access.role));
    }
    Ok(role >= Some(Role::Moderator))
}

fn forbidden(message: &str) -> Refusal {
    Refusal::new(RefusalCode::Forbidden, message)
}
