use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;

/// The address of a request's client: the peer's own, or the one that a trusted proxy reports.
///
/// Per-address limits use it. [`Chat::serve`](crate::Chat::serve) adds it to the extensions of every request. An
/// application that serves the [router](crate::Chat::router) itself either adds it too, or uses axum's
/// `into_make_service_with_connect_info::<SocketAddr>()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Returns the address from a request's extensions; none if nobody added one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().copied().or_else(|| {
            let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
            Some(Self(address.ip()))
        })
    }

    /// Returns what per-address limits count by: an IPv4 address, also if it is mapped into IPv6, or the first 64
    /// bits of an IPv6 address, the least that one customer gets ([RFC
    /// 6177](https://www.rfc-editor.org/rfc/rfc6177)).
    pub fn group(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                [a, b, c, d, 0, 0, 0, 0].into()
            }
            address => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_counted_as_one() {
        let group = |text: &str| ClientAddress(text.parse().unwrap()).group().to_string();
        assert_eq!(group("192.0.2.7"), "192.0.2.7");
        assert_eq!(group("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn an_address_that_was_put_there_comes_before_that_of_the_connection() {
        let mut extensions = Extensions::new();
        assert_eq!(ClientAddress::of(&extensions), None);
        extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
        assert_eq!(ClientAddress::of(&extensions), Some(ClientAddress([127, 0, 0, 1].into())));
        extensions.insert(ClientAddress([192, 0, 2, 7].into()));
        assert_eq!(ClientAddress::of(&extensions), Some(ClientAddress([192, 0, 2, 7].into())));
    }
}
