//! The server's log on standard error.

use std::fmt;
use std::io::IsTerminal;

use anyhow::Context;
use clap::ValueEnum;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A sentence with its fields, for people
    Text,
    /// A JSON object, for programs that collect logs
    Json,
}

/// Logs events to standard error from now on, if `filter` allows them, as in `info` or `chat_server=debug`. Several
/// processes may share standard error: each line of a worker names its `worker` by address.
///
/// # Errors
/// When the filter is invalid, or a log is set up already.
pub(crate) fn init(filter: &str, format: LogFormat, worker: Option<&str>) -> anyhow::Result<()> {
    // These log every connection attempt and every wait; the store and the adapter log once what matters.
    let libraries = "async_nats=off,sqlx::pool=off,sqlx::postgres::notice=off";
    let filter = EnvFilter::try_new(format!("{filter},{libraries}"))
        .with_context(|| format!("--log {filter:?} is no filter; try \"info\" or \"debug\""))?;
    let worker = worker.map(ToOwned::to_owned);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => log
            .with_timer(Beginning { worker })
            .with_ansi(std::io::stderr().is_terminal())
            .try_init(),
        LogFormat::Json => log
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine { worker, format: Format::default().json().flatten_event(true) })
            .try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("events are written somewhere already: {error}"))
}

/// The beginning of each line of text: the time, and the worker that writes it.
struct Beginning {
    worker: Option<String>,
}

impl FormatTime for Beginning {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        self.worker.as_ref().map_or(Ok(()), |worker| write!(writer, " worker={worker}"))
    }
}

/// A line with a JSON object, whose first member is the worker that writes it.
struct JsonLine {
    worker: Option<String>,
    format: Format<Json>,
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(worker) = &self.worker else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        let members = line.strip_prefix('{').unwrap_or(&line);
        write!(writer, "{{\"worker\":{},{members}", serde_json::Value::from(&**worker))
    }
}
