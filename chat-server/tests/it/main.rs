//! The server as its users meet it: a process of its own, over the network.

mod guarded;
mod javascript;
