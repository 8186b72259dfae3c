#![doc = include_str!("../README.md")]

mod app;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod cli;
mod client_address;
mod delivery;
mod identity;
mod limits;
mod log;
mod outage;
pub mod recovery;
mod relay;
mod roster;
mod socket;
pub mod supervisor;
pub mod telemetry;
mod transport;
mod web;

pub use app::{Chat, ChatBuilder, ChatError};
pub use client_address::ClientAddress;
pub use identity::{JwtKey, JwtKeyError};
pub use limits::{LimitError, Limits};
pub use socket::{Direction, Observed};
pub use transport::TransportService;
pub use web::client_router;
