use std::time::Duration;

use chat_core::AccessScope;
use tokio::time::timeout;

use super::Chat;

/// How long the broker may take for what waits before the frame to the other nodes.
const PATIENCE: Duration = Duration::from_secs(1);

impl Chat {
    /// Applies a change of who may do what: forgets what the [policy](crate::ChatBuilder::policy) has decided within
    /// `scope`, and asks again what live connections may go on doing. Call it after the policy knows of the change.
    ///
    /// When this returns, on this node:
    ///
    /// - No request has an effect that follows from a decision of before. A message that was already queued for the log is
    ///   still committed.
    /// - No message of a room is handed to a connection that the policy does not let read it, nor a page of its history.
    ///   The connection has left the room and its client is told so (`not joined`); what had been handed to the socket by
    ///   then still arrives.
    /// - No client that the policy does not let connect is connected, and the session of one that was has ended.
    ///
    /// Connections that the policy cannot decide about get nothing until it can, and this does not wait for it longer than
    /// ten seconds. The other nodes are told at once and do the same, usually within a fraction of a second. The frame may
    /// be lost: a node that knows that it may have missed frames asks again about everything, and each decision expires,
    /// [after a minute](crate::Decision::DEFAULT_AGE) by default.
    ///
    /// Without a policy there is nothing to forget on this node.
    ///
    /// Cancel safe: once polled, the change counts on this node, and connections get nothing until they have been asked
    /// about. Other nodes may not have been told.
    pub async fn access_changed(&self, scope: AccessScope) {
        let told = async {
            if let Some(outgoing) = &self.outgoing {
                let _ = timeout(PATIENCE, outgoing.access_changed(scope.clone())).await;
            }
        };
        tokio::join!(self.connections.access_changed(&scope), told);
    }
}
