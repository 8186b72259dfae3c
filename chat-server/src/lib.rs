#![doc = include_str!("../README.md")]

mod app;
pub mod cli;
mod delivery;
mod log;
mod relay;
mod socket;
pub mod telemetry;
mod transport;
mod web;

pub use app::{Chat, ChatBuilder, ChatError};
