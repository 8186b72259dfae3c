use std::sync::Arc;
use std::sync::atomic::Ordering;

use chat_core::Timestamp;
use tokio::time::timeout;

use super::connection::Connection;
use crate::engine::people::Unidentified;
use crate::socketio::transport::Farewell;

/// Sees to it that the person behind a connection keeps the nickname that it has now while it is connected, and is
/// connected no longer than its token says.
///
/// One task a connection, from its first name on, however often it takes another one: a task for each name would
/// outlive its request, and a client that takes names would pile them up.
pub(crate) fn keep_name(connection: &Arc<Connection>) {
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
            let Some(person) = now.person() else { return };
            let identities = now.services.identities.clone();
            drop(now);
            let renewal = identities.renewal();
            let left = person.until.map(|until| until.since(Timestamp::now()));
            let pause = left.map_or(renewal, |left| left.min(renewal));
            if timeout(pause, renamed.notified()).await.is_ok() {
                continue;
            }
            let Some(now) = connection.upgrade() else { return };
            if left.is_some_and(|left| left <= renewal) {
                tracing::debug!("a connection is closed: its token has expired");
                now.link.close(Farewell::Expired);
                return;
            }
            match identities.renew(&person).await {
                Ok(()) => {}
                Err(Unidentified::Store(error)) => {
                    tracing::debug!("a nickname was not renewed, trying again later: {error}");
                }
                // It has another one by now.
                Err(Unidentified::Refused(_)) if now.person().as_ref() != Some(&person) => {}
                Err(Unidentified::Refused(_)) => {
                    // It could not be renewed for so long that somebody else has it now. The client learns
                    // of it when it connects again.
                    now.link.close(Farewell::NameLost);
                    return;
                }
            }
        }
    }));
}
