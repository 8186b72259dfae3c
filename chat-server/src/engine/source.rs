use std::net::IpAddr;

/// The unit that limits count for clients without a nickname.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// All clients at one address, or at the addresses of one customer.
    Address(IpAddr),
    /// A connection of unknown address, by its number.
    Connection(u64),
}
