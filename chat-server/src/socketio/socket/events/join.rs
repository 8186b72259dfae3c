use std::sync::Arc;

use chat_core::event::{JOIN, Join, Joined};
use chat_core::{Offset, Refusal, RefusalCode};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use crate::engine::delivery::Answer;

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
        match beyond_the_end {
            None => connection.requests.now_or_later(move || finish(&later, join, request)),
            Some(after) => connection.requests.later(async move {
                let contains = later.services.log.contains(after);
                let join = match later.gone.run_until_cancelled(contains).await {
                    Some(Ok(true)) => join,
                    // The offset is from another log.
                    Some(Ok(false)) => join.with_after(Offset::ZERO),
                    // Silence makes the client retry.
                    Some(Err(_)) | None => return,
                };
                finish(&later, join, request);
            }),
        }
    }
}

fn finish(connection: &Connection, join: Join, request: Request) {
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
            let users = connection.services.presence.count(&room);
            request.answer(Answer::Joined(Joined::new(room, users, tail)));
        }
    };
    if is_in && after.is_none() {
        return answer();
    }
    connection.join(room, after.unwrap_or(tail), answer);
}
