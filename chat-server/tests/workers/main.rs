//! Several processes that serve one chat, for real: `chat-server --workers`.

#![cfg(unix)]
// What fails panics: it is a test.
#![allow(clippy::expect_used)]

mod chat;
mod client;
mod processes;
mod server;

use std::time::Duration;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
