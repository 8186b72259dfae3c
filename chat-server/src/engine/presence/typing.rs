use std::time::Duration;

use chat_core::UserId;
use tokio::time::Instant;

/// The minimum time between two announcements that a user is typing.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// The state of a user who is typing in a room, or was a moment ago.
///
/// Announcements follow it, but at most once per [`AGAIN`].
#[derive(Debug)]
pub(super) struct TypingState {
    /// When it ends by itself; none if it has ended.
    pub(super) until: Option<Instant>,
    /// When it was last announced that the user is typing.
    pub(super) told: Option<Instant>,
    /// Whether the last announcement was that the user is typing.
    pub(super) shown: bool,
    /// Whether it is typing on this node, so that other nodes must be told.
    pub(super) here: bool,
}

impl TypingState {
    /// Returns whether it was announced so recently that it must not be announced again yet.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.told.is_some_and(|told| now < told + AGAIN)
    }
}

/// What a connection has last reported of private messages that its user is typing.
#[derive(Debug)]
pub(super) struct PrivateTypingState {
    /// To whom it is typing; none if it has stopped.
    pub(super) to: Option<UserId>,
    /// How often it was announced that it is, and since when that counts.
    pub(super) told: (u32, Instant),
}
