#![doc = include_str!("../README.md")]

mod broadcast;
mod error;
mod local;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use broadcast::{Broadcast, Incoming, Subscriber};
pub use error::BroadcastError;
pub use local::LocalBroadcast;
#[cfg(feature = "postgres")]
pub use postgres::PostgresBroadcast;
