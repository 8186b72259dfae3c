use std::error::Error;

use thiserror::Error as ThisError;

/// The error of the client library. Never shows a password.
type Source = Box<dyn Error + Send + Sync + 'static>;

/// The error of publishing or subscribing.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The URL names no known broadcast.
    #[error(
        "{reason}; an adapter is local:, cluster:PATH, redis://HOST, nats://HOST or postgres://HOST"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The program was compiled without the broadcast that the URL names.
    #[error(
        "this program was built without {scheme} adapters; build it with the feature {feature:?}"
    )]
    Feature {
        /// The scheme of the URL.
        scheme: &'static str,
        /// The cargo feature that enables it.
        feature: &'static str,
    },
    /// The broker did not answer at the start.
    #[error("{place} does not answer; start it, or correct the address of the adapter")]
    Unreachable {
        /// The broker.
        place: String,
        /// The error of the client library.
        source: Source,
    },
    /// The broker requires a password, or another one.
    #[error(
        "{place} {problem}; give it in the URL of the adapter, as in {example}, with reserved \
         characters percent-encoded"
    )]
    Authentication {
        /// The broker.
        place: String,
        /// What is wrong with the password.
        problem: &'static str,
        /// An example URL with user and password.
        example: &'static str,
        /// The error of the client library.
        source: Source,
    },
    /// The broker answers but refuses what the broadcast needs.
    #[error("{place} refuses to carry frames; see what it says and correct its configuration")]
    Refused {
        /// The broker.
        place: String,
        /// The error of the broker.
        source: Source,
    },
    /// The broker does not answer at the moment.
    ///
    /// No messages are lost: the other nodes find what they missed in the store.
    #[error("the broadcast between nodes is not available")]
    Unavailable(#[source] Source),
    /// This program has closed the broadcast.
    #[error("the broadcast between nodes is closed")]
    Closed,
}

impl BroadcastError {
    /// Returns whether the same call may succeed later without a change of the configuration.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable(_))
    }

    pub(crate) fn url(reason: impl Into<String>) -> Self {
        Self::Url { reason: reason.into() }
    }
}
