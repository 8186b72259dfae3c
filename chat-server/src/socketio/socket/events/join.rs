use std::sync::Arc;

use chat_core::event::{JOIN, Join, Joined};
use chat_core::{Offset, Refusal, RefusalCode};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;

/// [`chat_core::event::JOIN`].
pub(crate) struct JoinEvent;

impl Event for JoinEvent {
    const NAME: &'static str = JOIN;

    type Arguments = Join;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        Join::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, join: Join, request: Request) {
        let beyond_the_end = join.after.filter(|&after| after > connection.services.log.tail());
        let later = Arc::clone(connection);
        if beyond_the_end.is_none() && connection.access.is_none() {
            return connection.requests.now_or_later(move || finish(&later, join, true, request));
        }
        connection.requests.later(async move {
            let gone = later.gone.clone();
            // Nobody waits for the answer any more when the client is gone.
            gone.run_until_cancelled(ask(&later, join, beyond_the_end, request)).await;
        });
    }
}

/// Asks the store whether it knows the offset, and the policy whether the client may join.
async fn ask(
    connection: &Connection,
    join: Join,
    beyond_the_end: Option<Offset>,
    request: Request,
) {
    let join = match beyond_the_end {
        None => join,
        Some(after) => match connection.services.log.contains(after).await {
            Ok(true) => join,
            // The offset is from another log.
            Ok(false) => join.with_after(Offset::ZERO),
            // Silence makes the client retry.
            Err(_) => return,
        },
    };
    let Some(access) = &connection.access else {
        return finish(connection, join, true, request);
    };
    let needed = [Action::Join(join.room.clone()), Action::Read(join.room.clone())];
    let sees = Action::SeeUsers(join.room.clone());
    match access.permit_and(&needed, Some(&sees)).await {
        Ok((_permit, sees)) => finish(connection, join, sees, request),
        Err(denied) => request.refuse(denied.into()),
    }
}

/// Joins the room; the client is told of the others in it if it `sees` them.
fn finish(connection: &Connection, join: Join, sees: bool, request: Request) {
    let Join { room, after, .. } = join;
    let following = connection.position.following();
    let is_in = following.room(&room).is_some();
    let most = connection.services.limits.max_rooms;
    if !is_in && following.rooms.len() >= most {
        let message = format!("you are in {most} rooms, which is the most; leave one first");
        return request.refuse(Refusal::new(RefusalCode::TooManyRooms, message));
    }
    // Read now and not later: what this client sends to the room after this comes back to it.
    // The client may have come from a node that knows more of the log than this one: it does not go back.
    let tail = connection.services.log.tail().max(connection.position.cursor());
    let answer = {
        let room = room.clone();
        || {
            let users = if sees { connection.services.presence.count(&room) } else { 0 };
            request.answer(Answer::Joined(Joined::new(room, users, tail)));
        }
    };
    if is_in && after.is_none() {
        return answer();
    }
    if connection.access.is_some() {
        connection.presence.see(&room, sees);
    }
    connection.join(room, after.unwrap_or(tail), answer);
}
