use chat_core::{ParseError, Refusal};
use thiserror::Error;

/// Why a bot cannot be connected, now or any more.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is not one of a websocket without TLS: `ws://host:port`.
    #[error("{url:?} is not an address such as ws://127.0.0.1:3000")]
    Url {
        /// The address.
        url: String,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Random(#[from] getrandom::Error),
    /// The session cannot begin.
    #[error(transparent)]
    Run(#[from] ParseError),
    /// The server does not let the bot in, and trying again is useless.
    #[error("the server refuses the bot: {0}")]
    Refused(Refusal),
    /// The bot has been stopped.
    #[error("the bot has stopped")]
    Stopped,
}

/// Why something is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The server refuses it, however often it is sent.
    #[error("the server refuses it: {0}")]
    Refused(Refusal),
    /// The bot has stopped before there was an answer: it may be stored or not.
    #[error("the bot has stopped")]
    Stopped,
}
