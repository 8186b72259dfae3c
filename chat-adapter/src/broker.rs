//! What the adapters that reach other processes have in common.

mod backoff;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod host;
mod link;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod url;
mod wire;

pub(crate) use self::backoff::backoff;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
pub(crate) use self::host::is_this_machine;
pub(crate) use self::link::Link;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
pub(crate) use self::url::BrokerUrl;
#[cfg(any(all(feature = "cluster", unix), feature = "nats", feature = "redis"))]
pub(crate) use self::wire::MAX_FRAME;
pub(crate) use self::wire::{Decoder, Wire};
