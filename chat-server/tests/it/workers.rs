//! Several processes that serve one chat: `chat-server --workers`.

mod chat;
mod client;
mod processes;
mod supervisor;

use std::time::Duration;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
