#![doc = include_str!("../README.md")]

mod app;
mod base_path;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod cli;
mod client_address;
mod delivery;
mod episode;
mod http_server;
mod identity;
mod limits;
mod log;
mod on_loss;
mod origin;
mod outage;
mod quota;
mod rate;
pub mod recovery;
mod relay;
mod roster;
mod socket;
mod source;
pub mod supervisor;
pub mod telemetry;
mod transport;
mod trusted_proxy;
mod web;

pub use app::{Chat, ChatBuilder, ChatError};
pub use base_path::{BasePath, BasePathError};
pub use client_address::ClientAddress;
pub use http_server::Listener;
pub use identity::{JwtKey, JwtKeyError};
pub use limits::{LimitError, Limits};
pub use origin::{AllowedHost, AllowedHostError, AllowedOrigin, AllowedOriginError};
pub use socket::{Direction, Observed};
pub use transport::TransportService;
pub use trusted_proxy::{TrustedProxy, TrustedProxyError};
pub use web::client_router;
