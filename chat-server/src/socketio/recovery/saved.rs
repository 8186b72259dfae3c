use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionRecord};
use serde::{Deserialize, Serialize};

/// The part of a session that is saved.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    /// The public id of its socket.
    pub(super) id: String,
    /// The application's state.
    pub(super) state: String,
}

impl Saved {
    pub(super) fn from_record(record: &SessionRecord) -> Option<Self> {
        serde_json::from_str(&record.state).ok()
    }

    pub(super) fn to_text(&self) -> String {
        // Two strings always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What this node or the store knows about a session.
#[derive(Clone)]
pub(super) struct Known {
    /// The generation of its owner, see [`SessionRecord`].
    pub(super) generation: i64,
    pub(super) saved: Saved,
}

/// Returns the record that a session is saved as.
pub(super) fn record(
    key: SessionKey,
    known: &Known,
    revision: i64,
    keep_for: Duration,
) -> SessionRecord {
    let keep_for = i64::try_from(keep_for.as_millis()).unwrap_or(i64::MAX);
    let now = Timestamp::now().as_millis();
    let expires_at = Timestamp::from_millis(now.saturating_add(keep_for));
    SessionRecord::new(key, known.saved.to_text(), expires_at)
        .with_version(known.generation, revision)
}

/// The state of a session as it is saved; none when it cannot be written as JSON.
pub(super) fn text_of(state: &impl Serialize) -> Option<String> {
    match serde_json::to_string(state) {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::error!("the state of a session cannot be saved: {error}");
            None
        }
    }
}
