use std::error::Error;

use thiserror::Error as ThisError;

/// The error of the client library underneath. Never shows a password.
type Source = Box<dyn Error + Send + Sync + 'static>;

/// Why a frame could not be published or the frames of others not be listened to.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The URL names no broadcast that there is.
    #[error(
        "{reason}; an adapter is local:, cluster:PATH, redis://HOST, nats://HOST or postgres://HOST"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The broadcast that the URL names was left out when this program was compiled.
    #[error(
        "this program was built without {scheme} adapters; build it with the feature {feature:?}"
    )]
    Feature {
        /// The scheme of the URL.
        scheme: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The broker did not answer at the start.
    #[error("{place} does not answer; start it, or correct the address of the adapter")]
    Unreachable {
        /// Which one.
        place: String,
        /// What its client said.
        source: Source,
    },
    /// The broker wants a password, or another one.
    #[error(
        "{place} {problem}; give it in the URL of the adapter, as in {example}, with reserved \
         characters percent-encoded"
    )]
    Authentication {
        /// Which one.
        place: String,
        /// What is wrong with the password.
        problem: &'static str,
        /// A URL that has them.
        example: &'static str,
        /// What its client said.
        source: Source,
    },
    /// The broker answers, but does not do what is needed of it.
    #[error("{place} refuses to carry frames; see what it says and correct its configuration")]
    Refused {
        /// Which one.
        place: String,
        /// What it said.
        source: Source,
    },
    /// What carries the frames does not answer for now.
    ///
    /// Nothing is lost by it: the other nodes find what they missed in the store.
    #[error("the broadcast between nodes is not available")]
    Unavailable(#[source] Source),
    /// It was closed by this program.
    #[error("the broadcast between nodes is closed")]
    Closed,
}

impl BroadcastError {
    /// Whether the same call may succeed later without anybody changing the configuration.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable(_))
    }

    pub(crate) fn url(reason: impl Into<String>) -> Self {
        Self::Url { reason: reason.into() }
    }
}
