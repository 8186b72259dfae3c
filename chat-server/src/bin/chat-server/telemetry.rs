//! The server's log on standard error.

use std::fmt;
use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// Logs events to standard error from now on, if `filter` allows them, as in `info` or `chat_server=debug`. Several
/// processes may share standard error: each line of a worker names its `worker` by address.
///
/// # Errors
/// When the filter is invalid, or a log is set up already.
pub(crate) fn init(filter: &str, worker: Option<&str>) -> anyhow::Result<()> {
    // These log every connection attempt and every wait; the store and the adapter log once what matters.
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

/// The beginning of each line: the time, and the worker that writes it.
struct Beginning {
    worker: Option<String>,
}

impl FormatTime for Beginning {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        self.worker.as_ref().map_or(Ok(()), |worker| write!(writer, " worker={worker}"))
    }
}
