use std::error::Error;

use thiserror::Error as ThisError;

/// Why a frame could not be published or the frames of others not be listened to.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum BroadcastError {
    /// What carries the frames does not answer for now.
    ///
    /// Nothing is lost by it: the other nodes find what they missed in the store.
    #[error("the broadcast between nodes is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync + 'static>),
    /// It was closed by this program.
    #[error("the broadcast between nodes is closed")]
    Closed,
}
