#![doc = include_str!("../README.md")]

#[cfg(feature = "broker")]
mod backoff;
mod broadcast;
#[cfg(feature = "broker")]
mod broker_url;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
mod config;
mod error;
mod fanout;
#[cfg(feature = "broker")]
mod link;
mod local;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "broker")]
mod wire;

pub use broadcast::{Broadcast, Incoming, Subscriber};
#[cfg(all(feature = "cluster", unix))]
pub use cluster::{ClusterBroadcast, ClusterHub};
pub use config::open;
pub use error::BroadcastError;
pub use local::LocalBroadcast;
#[cfg(feature = "nats")]
pub use nats::NatsBroadcast;
#[cfg(feature = "redis")]
pub use redis::RedisBroadcast;
