use super::{CatchUp, Mode};

/// How much longer the history is than what the clients missed.
const HISTORY: u64 = 10_000;

/// Clients that connect at once and have missed so many messages, the last ones of a longer
/// history.
pub(crate) fn reconnect_storm(clients: usize, missed: u64) -> Mode {
    Mode::CatchUp(CatchUp { clients, missed, history: HISTORY.max(missed) })
}
