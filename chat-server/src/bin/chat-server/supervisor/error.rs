use std::io;
use std::process::ExitStatus;

use thiserror::Error;

/// Why the workers could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SupervisorError {
    /// Not an address with a port.
    #[error("{0:?} is no address with a port")]
    Address(String),
    /// So many workers do not fit behind the first port.
    #[error("there are not {workers} ports from {first} on")]
    Ports {
        /// The port of the first.
        first: u16,
        /// How many there should be.
        workers: u16,
    },
    /// The operating system does not start the program.
    #[error("a worker cannot be started")]
    Spawn(#[source] io::Error),
    /// A worker ended before it listened.
    #[error("the worker for {address} ended before it listened: {status}")]
    NotStarted {
        /// Where it should have listened.
        address: String,
        /// How it ended.
        status: ExitStatus,
    },
}
