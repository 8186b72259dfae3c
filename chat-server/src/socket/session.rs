use chat_core::{Handshake, Offset, RecoveryOffset, RoomId};
use chat_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::delivery::JoinedAfter;
use crate::log::Log;
use crate::recovery::Found;

/// What of a connection outlives it, as [`recovery`](crate::recovery) keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatSession {
    /// Where the session began: the place of a client that has got no message yet.
    pub(crate) start: Offset,
    pub(crate) rooms: JoinedAfter,
}

/// In how many rooms a connection may be.
pub(crate) const MAX_ROOMS: usize = 100;

impl ChatSession {
    /// The session of a client that connects anew, and its place: where it says, or at the beginning when
    /// it speaks of another log.
    pub(crate) async fn begin(
        log: &Log,
        handshake: &Handshake,
    ) -> Result<(Self, Offset), StoreError> {
        let asked = handshake.server_offset;
        let start = if log.contains(asked).await? { asked } else { Offset::ZERO };
        let rooms = match &*handshake.rooms {
            [] => vec![RoomId::general()],
            rooms => rooms.to_vec(),
        };
        let rooms = rooms.into_iter().take(MAX_ROOMS).map(|room| (room, start)).collect();
        Ok((Self { start, rooms }, start))
    }

    /// The session that a client claims and its place, if what it claims fits together.
    ///
    /// A place that is malformed, in another log, beyond the end of this one or from before the session
    /// is not that of the client that the session belongs to: it gets a new session.
    pub(crate) async fn resume(
        log: &Log,
        found: &Found,
    ) -> Result<Option<(Self, Offset)>, StoreError> {
        let Ok(session) = serde_json::from_str::<Self>(found.state()) else { return Ok(None) };
        let Some(claimed) = found.offset() else {
            let start = session.start;
            return Ok(Some((session, start)));
        };
        let Ok(RecoveryOffset { epoch, offset }) = claimed.parse() else { return Ok(None) };
        let fits = epoch == *log.epoch() && offset >= session.start && log.contains(offset).await?;
        Ok(fits.then_some((session, offset)))
    }

    pub(crate) fn to_text(&self) -> String {
        // Names and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
