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

/// A session that a client has named the secret of.
pub struct Found<S> {
    pub(super) key: SessionKey,
    pub(super) pid: String,
    pub(super) known: Known,
    pub(super) state: S,
    pub(super) offset: Option<String>,
}

impl<S> Found<S> {
    /// The public id that its socket had, and will have.
    pub fn id(&self) -> &str {
        &self.known.saved.id
    }

    /// What the application saved last.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The client's place: the trailing string of the last event it got; none when it has got none. It
    /// may be anything that a client can send.
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
    /// None when the client cannot get it back.
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

    /// A session that ends with its connection.
    pub(super) fn without(saved: Saved) -> Self {
        Self { id: saved.id, recovered: false, owner: None, state: PhantomData }
    }

    /// The public id of the socket: `socket.id` at the client, see [`public_id`](super::public_id).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the client got it back, rather than a new one.
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Names the socket to disconnect when another connection takes the session over. To be called when
    /// the client was accepted; if the session has another owner by then, it is disconnected at once.
    pub fn activate(&self, socket: &SocketRef) {
        if let Some(Owner { writer, key, generation }) = &self.owner
            && let Some(socket) = writer.registry().activate(*key, *generation, socket.clone())
            && socket.connected()
        {
            evict(socket);
        }
    }

    /// Replaces the application's part. It is saved soon; nothing happens when the session has got
    /// another owner.
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

    /// Waits until what was [saved](Self::save) before this call would outlive the server. Returns at once
    /// when the client cannot get the session back. Cancel safe: it is saved all the same.
    pub async fn saved(&self) {
        if let Some(Owner { writer, .. }) = &self.owner {
            writer.saved().await;
        }
    }

    /// To be called when the connection is gone: a session that was disconnected on purpose, by either
    /// side, ends, as in Socket.IO; any other is kept for the recovery window.
    ///
    /// Returns whether the client has left on purpose. It has not when it was disconnected here because it
    /// is connected elsewhere by now.
    pub fn disconnected(&self, reason: DisconnectReason) -> bool {
        use DisconnectReason::{ClientNSDisconnect, ServerNSDisconnect};
        let on_purpose = matches!(reason, ClientNSDisconnect | ServerNSDisconnect);
        let was_owner = self.release(on_purpose);
        on_purpose && (was_owner || self.owner.is_none())
    }

    /// Ends the session: the client cannot get it back.
    pub fn end(&self) {
        self.release(true);
    }

    /// Whether it still was this connection's.
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
