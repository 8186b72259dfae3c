#![doc = include_str!("../README.md")]

pub mod append;
pub mod delivery;
mod explore;
pub mod session;
pub mod turns;
pub mod wake;
pub mod window;

pub use explore::{Counterexample, Explored, Protocol, counterexample, endless_run, explore};
