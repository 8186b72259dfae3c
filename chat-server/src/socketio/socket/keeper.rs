use std::sync::Arc;
use std::sync::atomic::Ordering;

use chat_core::Timestamp;
use tokio::time::timeout;

use super::connection::Connection;
use crate::engine::users::IdentityError;
use crate::socketio::transport::Farewell;

/// Keeps the nickname of a connection's user while the connection lasts, and ends the connection when the user's
/// token expires.
///
/// There is one task per connection, from its first nickname on, however often the nickname changes: one task per
/// nickname would outlive its request, and a client could accumulate tasks by changing nicknames.
pub(crate) fn keep_name(connection: &Arc<Connection>) {
    connection.look_for_removal();
    let keeper = &connection.keeper;
    if keeper.runs.swap(true, Ordering::AcqRel) {
        keeper.renamed.notify_one();
        return;
    }
    let gone = connection.gone.clone();
    let connection = Arc::downgrade(connection);
    let renamed = Arc::clone(&keeper.renamed);
    tokio::spawn(gone.run_until_cancelled_owned(async move {
        loop {
            let Some(now) = connection.upgrade() else { return };
            let Some(user) = now.user() else { return };
            let identities = now.services.identities.clone();
            drop(now);
            let renewal = identities.renewal();
            let left = user.until.map(|until| until.since(Timestamp::now()));
            let pause = left.map_or(renewal, |left| left.min(renewal));
            if timeout(pause, renamed.notified()).await.is_ok() {
                continue;
            }
            let Some(now) = connection.upgrade() else { return };
            if left.is_some_and(|left| left <= renewal) {
                // A new token may have come at the last moment.
                if now.user().is_some_and(|now| now.until != user.until) {
                    continue;
                }
                tracing::debug!("a connection is closed: its token has expired");
                now.link.close(Farewell::Expired);
                return;
            }
            match identities.renew(&user).await {
                Ok(()) => {}
                Err(IdentityError::Store(error)) => {
                    tracing::debug!("a nickname was not renewed, trying again later: {error}");
                }
                // It has another one by now.
                Err(IdentityError::Refused(_)) if now.user().as_ref() != Some(&user) => {}
                Err(IdentityError::Refused(_)) => {
                    // Renewals failed for so long that another user has it now. The client learns that when it
                    // reconnects.
                    now.link.close(Farewell::NameLost);
                    return;
                }
            }
        }
    }));
}
