use std::sync::Arc;

use chat_core::{JOIN, Join, Joined, LEAVE, Left, Offset, Refusal, RefusalCode, room_from_event};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request, json};
use super::session::MAX_ROOMS;
use crate::engine::delivery::Answer;

/// Handles [`chat_core::JOIN`].
pub(crate) struct JoinHandler(pub(crate) Arc<Connection>);

/// Handles [`chat_core::LEAVE`].
pub(crate) struct LeaveHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for JoinHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(JOIN, ack_id, event.len()) else { return };
        let join = match Join::from_event(json(&event)) {
            Ok(join) => join,
            Err(refusal) => return request.refuse(refusal),
        };
        let beyond_the_end = join.after.filter(|&after| after > connection.services.log.tail());
        let connection = Arc::clone(connection);
        match beyond_the_end {
            None => self.0.turns.now_or_later(move || finish(&connection, join, request)),
            Some(after) => self.0.turns.later(async move {
                let contains = connection.services.log.contains(after);
                let join = match connection.gone.run_until_cancelled(contains).await {
                    Some(Ok(true)) => join,
                    // It speaks of another log.
                    Some(Ok(false)) => Join { after: Some(Offset::ZERO), ..join },
                    // Silence makes the client try again.
                    Some(Err(_)) | None => return,
                };
                finish(&connection, join, request);
            }),
        }
    }
}

fn finish(connection: &Connection, join: Join, request: Request) {
    let Join { room, after } = join;
    let following = connection.place.following();
    let is_in = following.rooms.contains_key(&room);
    if !is_in && following.rooms.len() >= MAX_ROOMS {
        let message = format!("you are in {MAX_ROOMS} rooms, which is the most; leave one first");
        return request.refuse(Refusal::new(RefusalCode::TooManyRooms, message));
    }
    // Read here and not later: what this client sends to the room after this comes back to it.
    let tail = connection.services.log.tail();
    let answer = {
        let room = room.clone();
        || {
            let users = connection.services.roster.count(&room);
            request.answer(Answer::Joined(Joined { room, users, tail }));
        }
    };
    if is_in && after.is_none() {
        return answer();
    }
    connection.join(room, after.unwrap_or(tail), answer);
}

impl MessageHandler<LocalAdapter, InOrder> for LeaveHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(LEAVE, ack_id, event.len()) else { return };
        match room_from_event(json(&event)) {
            Ok(room) => {
                let connection = Arc::clone(connection);
                self.0.turns.now_or_later(move || {
                    connection.leave(&room);
                    request.answer(Answer::Left(Left { room }));
                });
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}
