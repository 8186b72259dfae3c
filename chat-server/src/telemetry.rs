//! What the server tells about itself: lines on standard error.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Writes events to standard error from now on: those that `filter` lets through, as in `info` or
/// `chat_server=debug`.
///
/// # Errors
/// When the filter cannot be understood, or events are written somewhere already.
pub fn init(filter: &str) -> anyhow::Result<()> {
    // These log every attempt to connect; the store and the adapter say once what matters of it.
    let filter = EnvFilter::try_new(format!("{filter},async_nats=off,sqlx::postgres::notice=off"))
        .with_context(|| format!("--log {filter:?} is no filter; try \"info\" or \"debug\""))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| anyhow::anyhow!("events are written somewhere already: {error}"))
}
