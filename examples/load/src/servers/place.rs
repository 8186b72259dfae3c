use std::net::SocketAddr;
use std::time::Duration;

use crate::measure::{cpu_time, family_cpu_time};

/// Where clients meet, and whose processor time they cost.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where those connect who send.
    pub(crate) senders: SocketAddr,
    /// Where those connect who only receive.
    pub(crate) listeners: SocketAddr,
    /// The processes of the nodes. The senders are at the first one.
    pub(crate) nodes: Vec<u32>,
    /// What the nodes share.
    pub(crate) shared: Option<SharedProcess>,
}

/// A process that several nodes use: a broker, a database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SharedProcess {
    Alone(u32),
    /// One that has children for its work.
    Family(u32),
}

impl SharedProcess {
    pub(crate) fn cpu_time(self) -> anyhow::Result<Duration> {
        match self {
            Self::Alone(pid) => cpu_time(pid),
            Self::Family(pid) => family_cpu_time(pid),
        }
    }
}
