use std::net::IpAddr;

use socketioxide::socket::{Sid, Socket};

use crate::client_address::ClientAddress;

/// Whom the limits count that hold for somebody without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Everybody at an address, see [`ClientAddress::group`].
    Address(IpAddr),
    /// A connection of which nobody has said where it comes from.
    Connection(Sid),
}

impl Source {
    pub(crate) fn of(socket: &Socket) -> Self {
        let address = ClientAddress::of(&socket.req_parts().extensions);
        address.map_or(Self::Connection(socket.id), |address| Self::Address(address.group()))
    }
}
