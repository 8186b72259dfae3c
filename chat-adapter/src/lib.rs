#![doc = include_str!("../README.md")]

mod broadcast;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
mod error;
mod local;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use broadcast::{Broadcast, Incoming, Subscriber};
#[cfg(all(feature = "cluster", unix))]
pub use cluster::{ClusterBroadcast, ClusterHub};
pub use error::BroadcastError;
pub use local::LocalBroadcast;
