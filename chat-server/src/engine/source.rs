use std::net::IpAddr;

/// Whom the limits count that hold for somebody without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Everybody at an address, or at those that one customer has.
    Address(IpAddr),
    /// A connection of which nobody has said where it comes from, by its number.
    Connection(u64),
}
