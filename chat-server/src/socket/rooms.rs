use std::sync::Arc;

use chat_core::{Joined, Left, Refusal, RefusalCode, room_from_event};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, json};
use super::session::MAX_ROOMS;
use crate::delivery::Answer;

/// Handles [`chat_core::JOIN`].
pub(crate) struct JoinHandler(pub(crate) Arc<Connection>);

/// Handles [`chat_core::LEAVE`].
pub(crate) struct LeaveHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for JoinHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(ack_id, event.len()) else { return };
        match join(&self.0, json(&event)) {
            Ok(joined) => request.answer(Answer::Joined(joined)),
            Err(refusal) => request.refuse(refusal),
        }
    }
}

fn join(connection: &Connection, event: &str) -> Result<Joined, Refusal> {
    let room = room_from_event(event)?;
    let rooms = connection.rooms.now();
    // Read here and not later: what this client sends to the room after this comes back to it.
    let tail = connection.log.tail();
    if !rooms.contains_key(&room) {
        if rooms.len() >= MAX_ROOMS {
            let message =
                format!("you are in {MAX_ROOMS} rooms, which is the most; leave one first");
            return Err(Refusal::new(RefusalCode::TooManyRooms, message));
        }
        connection.change_rooms(|rooms| {
            rooms.insert(room.clone(), tail);
        });
    }
    Ok(Joined { room, tail })
}

impl MessageHandler<LocalAdapter, InOrder> for LeaveHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(ack_id, event.len()) else { return };
        match room_from_event(json(&event)) {
            Ok(room) => {
                self.0.change_rooms(|rooms| {
                    rooms.remove(&room);
                });
                request.answer(Answer::Left(Left { room }));
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}
