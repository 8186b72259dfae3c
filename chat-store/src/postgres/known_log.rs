use std::sync::{Mutex, PoisonError};

use chat_core::{Epoch, Offset, Timestamp};
use sqlx::PgConnection;

/// What a store knows of its log, to find out on each new connection whether the database still has it: another server may
/// have taken over that lacks the end, or a backup may have been restored.
#[derive(Debug)]
pub(super) struct KnownLog {
    epoch: Epoch,
    newest: Mutex<Option<(Offset, Timestamp)>>,
}

impl KnownLog {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, newest: Mutex::default() }
    }

    /// Notes a message that the log has.
    pub(super) fn note(&self, offset: Offset, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|(newest, _)| newest < offset) {
            *newest = Some((offset, at));
        }
    }

    /// Returns whether the database has this log. One whose newest message was deleted since counts as this one.
    pub(super) async fn is_in(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        const QUERY: &str = "SELECT epoch = $1 AND ($2::bigint IS NULL OR coalesce(
                (SELECT at = $3 FROM chat_messages WHERE id = $2), last_deleted >= $2))
            FROM chat_log";
        let newest = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let (offset, at) = newest.unzip();
        let is_in = sqlx::query_scalar(QUERY)
            .bind(self.epoch.as_str())
            .bind(offset.map(|offset| offset.as_u64().cast_signed()))
            .bind(at.map(Timestamp::as_millis));
        Ok(is_in.fetch_optional(connection).await?.unwrap_or(false))
    }
}
