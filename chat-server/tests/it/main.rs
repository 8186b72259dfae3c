//! The server as its users meet it: a process of its own, over the network.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod api;
mod application;
mod browser;
mod client;
mod clients;
#[cfg(target_os = "linux")]
mod deployment;
mod devices;
#[cfg(target_os = "linux")]
mod disks;
mod fairness;
mod guarded;
mod hooks;
mod imports;
mod interceptor;
mod javascript;
mod kept_rooms;
mod limits;
mod logging;
mod manual;
mod many_connections;
mod nginx;
mod nodes;
mod origins;
mod policy;
mod prometheus;
mod rate;
mod security;
mod server;
#[path = "../../../testing/service.rs"]
mod service;
mod slow_clients;
mod stores;
mod torture;
mod unread;
mod webhooks;
#[cfg(all(feature = "cluster", unix))]
mod workers;
