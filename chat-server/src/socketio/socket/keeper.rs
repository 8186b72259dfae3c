use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chat_core::Timestamp;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::connection::Connection;
use crate::engine::people::Unidentified;
use crate::socketio::transport::Farewell;

/// Sees to it that the person behind a connection keeps its nickname while it is connected, and is connected no
/// longer than its token says.
///
/// One task a connection, from its first name on, however often it takes another one: a task for each name would
/// outlive its request, and a client that takes names would pile them up.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    runs: AtomicBool,
    renamed: Arc<Notify>,
}

impl Keeper {
    /// Keeps the name that the connection has now, instead of the one before.
    pub(crate) fn keep(&self, connection: &Arc<Connection>) {
        if self.runs.swap(true, Ordering::AcqRel) {
            self.renamed.notify_one();
            return;
        }
        let gone = connection.gone.clone();
        let connection = Arc::downgrade(connection);
        let renamed = Arc::clone(&self.renamed);
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
}
