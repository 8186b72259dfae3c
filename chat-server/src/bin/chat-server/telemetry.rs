//! What the server tells about itself: lines on standard error.

use std::fmt;
use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// Writes events to standard error from now on: those that `filter` lets through, as in `info` or
/// `chat_server=debug`. Several processes may write to the same standard error: each line names the
/// `worker` that it is from, if it is from one, by its address.
///
/// # Errors
/// When the filter cannot be understood, or events are written somewhere already.
pub(crate) fn init(filter: &str, worker: Option<&str>) -> anyhow::Result<()> {
    // These log every attempt to connect and every wait; the store and the adapter say once what matters of it.
    let libraries = "async_nats=off,sqlx::pool=off,sqlx::postgres::notice=off";
    let filter = EnvFilter::try_new(format!("{filter},{libraries}"))
        .with_context(|| format!("--log {filter:?} is no filter; try \"info\" or \"debug\""))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Beginning { worker: worker.map(ToOwned::to_owned) })
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| anyhow::anyhow!("events are written somewhere already: {error}"))
}

/// What each line begins with: the time, and who writes it.
struct Beginning {
    worker: Option<String>,
}

impl FormatTime for Beginning {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        self.worker.as_ref().map_or(Ok(()), |worker| write!(writer, " worker={worker}"))
    }
}
