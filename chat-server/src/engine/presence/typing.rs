use std::time::Duration;

use tokio::time::Instant;

/// How often it is told at the most that a member types.
const AGAIN: Duration = Duration::from_secs(1);

/// A member that types in a room, or did a moment ago.
///
/// What others are told follows what is so, but no faster than once in [`AGAIN`].
#[derive(Debug)]
pub(super) struct Typist {
    /// When it ends by itself; none when it has ended.
    pub(super) until: Option<Instant>,
    /// When it was last told that the member types.
    pub(super) told: Option<Instant>,
    /// Whether the last that was told is that the member types.
    pub(super) shown: bool,
    /// Whether it types on this node, so that other nodes are to be told.
    pub(super) here: bool,
}

impl Typist {
    /// Whether it was told so recently that it must not be told again.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.told.is_some_and(|told| now < told + AGAIN)
    }
}
