//! What is measured, each in a file of its own.

mod catch_up;
pub(crate) mod connect;
mod crowd;
pub(crate) mod fanout;
pub(crate) mod ingest;
pub(crate) mod nodes;
pub(crate) mod reconnect_storm;
pub(crate) mod replay;
pub(crate) mod rooms;

use std::time::Duration;

use crate::measure::Profiler;
use crate::report::Measurement;
use crate::servers::Running;
pub(crate) use catch_up::CatchUp;
pub(crate) use connect::Connect;
pub(crate) use crowd::{Crowd, Pace, Rooms};

/// Something to measure, with its sizes.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// Clients that send and receive.
    Crowd(Crowd),
    /// Clients that are connected and silent.
    Connect(Connect),
    /// Clients that get what they missed.
    CatchUp(CatchUp),
}

/// When to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// How long a load lasts before it is measured.
    pub(crate) warm_up: Duration,
    /// How long it is measured.
    pub(crate) duration: Duration,
}

impl Mode {
    /// How many messages have to be in the store before.
    pub(crate) fn history(&self) -> u64 {
        match self {
            Self::Crowd(crowd) => crowd.history,
            Self::Connect(_) => 0,
            Self::CatchUp(catch_up) => catch_up.history,
        }
    }

    /// Measures a server that has just been started; the profiler samples it meanwhile.
    pub(crate) async fn measure(
        &self,
        server: &Running,
        window: Window,
        profiler: &mut Profiler,
    ) -> anyhow::Result<Measurement> {
        match self {
            Self::Crowd(crowd) => crowd.measure(&server.place(), window, profiler).await,
            Self::Connect(connect) => connect.measure(server, window, profiler).await,
            Self::CatchUp(catch_up) => catch_up.measure(server, profiler).await,
        }
    }
}
