#![doc = include_str!("../README.md")]
// Shows which feature has what, where rustdoc can.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod broadcast;
#[cfg(any(
    feature = "nats",
    feature = "postgres",
    feature = "redis",
    all(feature = "cluster", unix)
))]
mod broker;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
mod config;
mod error;
mod exposure;
mod fanout;
mod local;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod secret;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use broadcast::{Broadcast, Incoming, Subscriber};
#[cfg(all(feature = "cluster", unix))]
pub use cluster::{ClusterBroadcast, ClusterHub};
pub use config::{open, open_with};
pub use error::BroadcastError;
pub use exposure::needs_secret;
pub use fanout::Fanout;
pub use local::LocalBroadcast;
#[cfg(feature = "nats")]
pub use nats::NatsBroadcast;
#[cfg(feature = "postgres")]
pub use postgres::PostgresBroadcast;
#[cfg(feature = "redis")]
pub use redis::RedisBroadcast;
pub use secret::{ClusterSecret, ClusterSecretError};
