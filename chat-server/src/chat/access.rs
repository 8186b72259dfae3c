use chat_core::AccessScope;

use super::Chat;

impl Chat {
    /// Applies a change of who may do what: forgets what the [policy](crate::ChatBuilder::policy) has decided within
    /// `scope`, and asks again what live connections may go on doing. Call it after the policy knows of the change.
    ///
    /// When this returns, on this node:
    ///
    /// - No request takes effect because of an earlier decision. A message that was already queued for the log is still
    ///   committed.
    /// - No message of a room is handed to a connection that the policy does not let read it, nor a page of its history.
    ///   The connection has left the room and its client is told so (`not joined`); what had been handed to the socket by
    ///   then still arrives.
    /// - Clients that the policy does not let connect are disconnected, and their sessions have ended.
    ///
    /// Connections that the policy cannot decide about get nothing until it can, and this call waits for that ten
    /// seconds at most. The other nodes are told at once and do the same, usually within a fraction of a second. The
    /// frame may be lost: a node that knows that it may have missed frames asks again about everything, and each
    /// decision expires, [after a minute](crate::Decision::DEFAULT_AGE) by default.
    ///
    /// Without a policy there is nothing to forget. A change of a user also ends the connections of devices that the user
    /// has removed.
    ///
    /// Cancel safe: once polled, the change counts on this node, and connections get nothing until they have been asked
    /// about. Other nodes may not have been told.
    pub async fn access_changed(&self, scope: AccessScope) {
        self.connections.access_changed(&scope).await;
    }
}
