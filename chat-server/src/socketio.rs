//! The chat for clients of Socket.IO: how their bytes come and go, what a reconnect restores, and what each event does.

pub(crate) mod client_address;
pub(crate) mod on_loss;
pub mod recovery;
pub(crate) mod socket;
pub(crate) mod transport;
