//! Bots and a real server, which is killed, cut off and restarted.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod away;
mod echo;
mod events;
mod faults;
mod proxy;
mod refusals;
mod server;
mod slow;
