//! What a live connection may go on doing: asked again when access changes, and when decisions expire.

use std::sync::Arc;

use chat_core::event::{NOT_JOINED, NotJoined, RoomNotJoined};
use chat_core::{Refusal, RoomId};

use super::connection::Connection;
use crate::engine::delivery::EphemeralEvent;
use crate::engine::policy::{Access, Action, PolicyError, Standing};
use crate::socketio::transport::Farewell;

/// Lets a connection whose delivery begins have its messages: at once, or when it is settled.
pub(crate) fn begin(connection: &Arc<Connection>) {
    if let Some(access) = &connection.access
        && !access.release()
    {
        let connection = Arc::clone(connection);
        tokio::spawn(async move { settle(&connection).await });
    }
}

/// Asks what a connection may go on doing, and ends what it may not. Then the delivery goes on. If the policy cannot
/// decide, nothing is delivered until it can. Cancel safe.
pub(crate) async fn settle(connection: &Connection) {
    let Some(access) = &connection.access else { return };
    let settled = async {
        let _one_at_a_time = access.settling.lock().await;
        let mut is_settled = access.is_settled();
        while !is_settled {
            match ask(connection, access).await {
                Ok(is_current) => is_settled = is_current,
                // It has been logged.
                Err(_) => return access.unsettle(),
            }
        }
        access.release();
        connection.waiting.wake.notify_one();
    };
    connection.gone.run_until_cancelled(settled).await;
}

/// Returns false if access has changed meanwhile.
async fn ask(connection: &Connection, access: &Access) -> Result<bool, PolicyError> {
    let mut standing = Standing::of(access);
    if let Some(refusal) = standing.ask(Action::Connect).await? {
        access.unsettle();
        connection.shut_out(&refusal.message, Farewell::Forbidden);
        return Ok(true);
    }
    let rooms: Vec<RoomId> = connection.position.following().rooms.keys().cloned().collect();
    for room in rooms {
        if let Some(refusal) = standing.ask(Action::Read(room.clone())).await? {
            connection.exclude(&room, refusal);
            continue;
        }
        let hidden = standing.ask(Action::SeeUsers(room.clone())).await?.is_some();
        connection.presence.see(&room, !hidden);
    }
    Ok(standing.settle())
}

impl Connection {
    /// Takes the connection out of a room that it may not read any more, and tells the client.
    pub(super) fn exclude(&self, room: &RoomId, refusal: Refusal) {
        tracing::debug!(socket.id = %self.session.id(), "out of a room: {}", refusal.message);
        let told = RoomNotJoined::new(room.as_str().to_owned(), refusal);
        self.leave_excluded(room, told.clone());
        let told = NotJoined::new(vec![told]);
        // After the answer to a join before this: the client believes what it is told last.
        if let Some(event) = EphemeralEvent::new(NOT_JOINED, &told) {
            self.waiting.outbox.tell(event);
        }
    }

    /// Ends the connection and its session: the client may not be connected any more.
    pub(super) fn shut_out(&self, reason: &str, farewell: Farewell) {
        tracing::debug!(socket.id = %self.session.id(), "shut out: {reason}");
        self.session.end();
        self.presence.end(true);
        self.link.close(farewell);
    }
}
