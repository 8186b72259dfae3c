use std::io;
use std::process::ExitStatus;

use thiserror::Error;

/// Why the workers could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SupervisorError {
    /// The text is not an address with a port.
    #[error("{0:?} is no address with a port")]
    Address(String),
    /// There are not enough ports after the first one.
    #[error("there are not {workers} ports from {first} on")]
    Ports {
        /// The first port.
        first: u16,
        /// The number of workers.
        workers: u16,
    },
    /// The operating system cannot start the program.
    #[error("a worker cannot be started")]
    Spawn(#[source] io::Error),
    /// A worker exited before it listened.
    #[error("the worker for {address} ended before it listened: {status}")]
    NotStarted {
        /// The address it should have listened on.
        address: String,
        /// Its exit status.
        status: ExitStatus,
    },
}
