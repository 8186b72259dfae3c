#![doc = include_str!("../README.md")]

mod application;
mod broadcast;
mod client;
mod cluster;
mod commit;
mod consumer;
mod disk;
mod effect;
mod faults;
mod forks;
mod moderation;
mod oracle;
mod os;
mod plants;
mod reactions;
mod rng;
mod roles;
mod rooms;
mod rules;
mod run;
mod store;
mod world;

pub use faults::Fault;
pub use plants::Plant;
pub use run::{LIVENESS, PRESENCE, Started};
pub use world::{Outcome, Run};
