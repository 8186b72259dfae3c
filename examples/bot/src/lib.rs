#![doc = include_str!("../README.md")]

mod backoff;
mod bot;
mod builder;
mod driver;
mod error;
mod sender;
mod socket;

pub use bot::Bot;
pub use builder::BotBuilder;
pub use error::{ConnectError, SendError};
pub use sender::{Sender, Sending};
