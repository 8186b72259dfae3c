use thiserror::Error;

/// Why a connection is of no use any more. Close it, and open another one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The server sent something that is not Socket.IO 5 over Engine.IO 4.
    #[error("the server sent no Socket.IO packet: {start:?}")]
    Malformed {
        /// The beginning of what it sent.
        start: String,
    },
    /// The server ended the connection.
    #[error("the server ended the connection")]
    Ended,
    /// Nothing arrived for as long as the server's pings may take.
    #[error("the server has not sent anything for too long")]
    Silent,
}

impl SessionError {
    pub(super) fn malformed(frame: &str) -> Self {
        Self::Malformed { start: frame.chars().take(40).collect() }
    }
}
