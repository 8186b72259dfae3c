use super::{CatchUp, Mode};

/// Clients that connect at once and have nothing yet of so many messages.
pub(crate) fn replay(clients: usize, messages: u64) -> Mode {
    Mode::CatchUp(CatchUp { clients, missed: messages, history: messages })
}
