use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use chat_store::SessionKey;
use serde::Serialize;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;

use super::saved::{Known, Saved, text_of};
use super::sockets::evict;
use super::writer::Writer;

/// A session whose secret a client has sent.
pub struct Found<S> {
    pub(super) key: SessionKey,
    pub(super) pid: String,
    pub(super) known: Known,
    pub(super) state: S,
    pub(super) offset: Option<String>,
}

impl<S> Found<S> {
    /// Returns the public id that its socket had, and will have again.
    pub fn id(&self) -> &str {
        &self.known.saved.id
    }

    /// Returns what the application saved last.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Returns the client's position: the trailing string of the last event that it received; none if it has received
    /// none. It may be anything that a client can send.
    pub fn offset(&self) -> Option<&str> {
        self.offset.as_deref()
    }
}

/// Shows no secret.
impl<S> fmt::Debug for Found<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("id", &self.known.saved.id).finish_non_exhaustive()
    }
}

/// The session of one connection.
///
/// When it is dropped, it is kept for the recovery window, as after a broken connection.
pub struct Session<S> {
    id: String,
    recovered: bool,
    /// None if the client cannot recover it.
    owner: Option<Owner>,
    state: PhantomData<fn(S)>,
}

struct Owner {
    writer: Arc<Writer>,
    key: SessionKey,
    generation: i64,
}

impl<S> Session<S> {
    pub(super) fn owned(
        writer: Arc<Writer>,
        key: SessionKey,
        generation: i64,
        id: String,
        recovered: bool,
    ) -> Self {
        Self { id, recovered, owner: Some(Owner { writer, key, generation }), state: PhantomData }
    }

    /// Returns a session that ends with its connection.
    pub(super) fn without(saved: Saved) -> Self {
        Self { id: saved.id, recovered: false, owner: None, state: PhantomData }
    }

    /// Returns the public id of the socket: `socket.id` on the client, see [`public_id`](super::public_id).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns whether the client recovered this session; otherwise it is new.
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Sets the socket to disconnect when another connection takes the session over. Call it when the client was
    /// accepted. If the session has another owner by then, the socket is disconnected at once.
    pub fn activate(&self, socket: &SocketRef) {
        if let Some(Owner { writer, key, generation }) = &self.owner
            && let Some(socket) = writer.registry().activate(*key, *generation, socket.clone())
            && socket.connected()
        {
            evict(socket);
        }
    }

    /// Replaces the state. It is saved soon. Nothing happens if the session has another owner by now.
    pub fn save(&self, state: &S)
    where
        S: Serialize,
    {
        if let Some(Owner { writer, key, generation }) = &self.owner
            && let Some(state) = text_of(state)
        {
            writer.registry().update(*key, *generation, state);
            writer.wake();
        }
    }

    /// Returns whether the state would survive a crash of the server, or the client cannot recover the session.
    pub(crate) fn is_saved(&self) -> bool {
        let unsaved = |owner: &Owner| owner.writer.registry().has_unsaved_state(owner.key);
        !self.owner.as_ref().is_some_and(unsaved)
    }

    /// Waits until everything [saved](Self::save) before this call would survive a crash of the server. Returns at
    /// once if the client cannot recover the session. Cancel safe: the state is saved all the same.
    pub async fn saved(&self) {
        if let Some(Owner { writer, .. }) = &self.owner {
            writer.saved().await;
        }
    }

    /// Call this when the connection is gone. A session that was disconnected on purpose, by either side, ends, as in
    /// Socket.IO; any other is kept for the recovery window.
    ///
    /// Returns whether the client left on purpose. It did not if it was disconnected here because it is connected
    /// elsewhere now.
    pub fn disconnected(&self, reason: DisconnectReason) -> bool {
        use DisconnectReason::{ClientNSDisconnect, ServerNSDisconnect};
        let on_purpose = matches!(reason, ClientNSDisconnect | ServerNSDisconnect);
        let was_owner = self.release(on_purpose);
        on_purpose && (was_owner || self.owner.is_none())
    }

    /// Ends the session: the client cannot recover it.
    pub fn end(&self) {
        self.release(true);
    }

    /// Releases the session, and returns whether this connection still owned it.
    fn release(&self, end: bool) -> bool {
        let Some(Owner { writer, key, generation }) = &self.owner else { return false };
        let was_owner = writer.registry().release(*key, *generation, end).is_some();
        if was_owner {
            writer.wake();
        }
        was_owner
    }
}

impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        self.release(false);
    }
}

impl<S> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("recovered", &self.recovered)
            .finish_non_exhaustive()
    }
}
