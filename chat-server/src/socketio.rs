//! The chat for Socket.IO clients: transports, session recovery, and the handler of each event.

pub(crate) mod client_address;
pub(crate) mod on_loss;
pub mod recovery;
pub(crate) mod socket;
pub(crate) mod transport;
