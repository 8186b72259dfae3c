//! The real server with real clients.

mod guarded;
mod javascript;
