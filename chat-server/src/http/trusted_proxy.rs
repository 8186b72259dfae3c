use std::iter;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use thiserror::Error;

/// The header to which each proxy appends the address that a request came from.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The addresses of trusted proxies: an address, `ADDRESS/BITS`, `loopback` or `private`.
///
/// Their `X-Forwarded-For` names the client, and their `X-Forwarded-Host` and `X-Forwarded-Proto` give the URL that
/// the client requested. If a server trusted anyone else, clients could choose the address they are counted as.
/// `Forwarded` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)) is ignored: a proxy that sets only one of the two
/// headers passes on what a client wrote into the other.
///
/// ```
/// use chat_server::TrustedProxy;
///
/// let proxies: Vec<TrustedProxy> =
///     vec!["loopback".parse()?, "10.1.2.3".parse()?, "2001:db8::/32".parse()?];
/// # Ok::<_, chat_server::TrustedProxyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy(Vec<Network>);

/// The error of parsing a [`TrustedProxy`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no address, no network as in 10.0.0.0/8, and neither \"loopback\" nor \"private\""
)]
pub struct TrustedProxyError(String);

/// A range of addresses with a common prefix. IPv4 addresses are mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: u128,
    bits: u32,
}

/// All proxies that a server trusts; none by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Arc<[Network]>);

/// The way that a request has come, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client itself, or from a proxy that nobody trusts. Such a proxy may have TLS.
    Direct,
    /// The same, over TLS of this server.
    Tls,
    /// From a trusted proxy.
    Proxied,
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        let networks = match text.trim() {
            "loopback" => &["127.0.0.0/8", "::1"][..],
            "private" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
            network => &[network],
        };
        let networks = networks.iter().map(|network| Network::parse(network));
        let networks = networks.collect::<Option<_>>().map(Self);
        networks.ok_or_else(|| TrustedProxyError(text.to_owned()))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then(|| Self { address: number(address), bits: bits + 128 - most })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let different = self.address ^ number(address);
        different.checked_shr(128 - self.bits).unwrap_or(0) == 0
    }
}

impl TrustedProxies {
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns the address of the client whose request `peer` passed on: the last one in `X-Forwarded-For` that is
    /// not a trusted proxy. None if `peer` is not trusted or names nobody; the client is then `peer` itself.
    ///
    /// Entries before one that is not an address are ignored.
    pub(crate) fn forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trust(peer) {
            return None;
        }
        let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let tokens = values.flat_map(|value| match value.to_str() {
            Ok(value) => value.rsplit(',').map(address).collect::<Vec<_>>(),
            Err(_) => vec![None],
        });
        let mut client = None;
        for address in tokens.map_while(|address| address) {
            client = Some(address);
            if !self.trust(address) {
                break;
            }
        }
        client
    }
}

impl FromIterator<TrustedProxy> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = TrustedProxy>>(proxies: I) -> Self {
        Self(proxies.into_iter().flat_map(|proxy| proxy.0).collect())
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Parses an address as proxies write it: some append the port.
fn address(token: &str) -> Option<IpAddr> {
    let token = token.trim();
    let bracketed = || token.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    let address: IpAddr = iter::once_with(|| token.parse().ok())
        .chain(iter::once_with(|| Some(token.parse::<std::net::SocketAddr>().ok()?.ip())))
        .chain(iter::once_with(bracketed))
        .find_map(|address| address)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn proxies(texts: &[&str]) -> TrustedProxies {
        texts.iter().map(|text| text.parse::<TrustedProxy>().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_networks_and_names_are_trusted() {
        let trusted = proxies(&["loopback", "private", "192.0.2.7", "2001:db8::/32"]);
        for address in
            ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.31.0.1"]
        {
            assert!(trusted.trust(ip(address)), "{address}");
        }
        for address in ["192.168.7.7", "fd00::1", "192.0.2.7", "2001:db8:ffff::1"] {
            assert!(trusted.trust(ip(address)), "{address}");
        }
        for address in ["192.0.2.8", "172.32.0.1", "11.0.0.1", "2001:db9::1", "::2", "128.0.0.1"] {
            assert!(!trusted.trust(ip(address)), "{address}");
        }
        assert!(!TrustedProxies::default().trust(ip("127.0.0.1")), "nobody by default");
        assert!(proxies(&["0.0.0.0/0"]).trust(ip("203.0.113.9")));
        assert!(!proxies(&["0.0.0.0/0"]).trust(ip("2001:db8::1")));
        assert!(proxies(&["::/0"]).trust(ip("203.0.113.9")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "localhost", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "*"] {
            let error = text.parse::<TrustedProxy>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no address")), "{error}");
        }
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_clients() {
        let trusted = proxies(&["loopback", "10.0.0.0/8"]);
        let client = |peer: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            trusted.forwarded_for(ip(peer), &headers).map(|address| address.to_string())
        };
        let found = |text: &str| Some(text.to_owned());
        assert_eq!(client("127.0.0.1", &["192.0.2.7"]), found("192.0.2.7"));
        // The first is what the client itself wrote.
        assert_eq!(client("127.0.0.1", &["203.0.113.9, 192.0.2.7, 10.1.1.1"]), found("192.0.2.7"));
        assert_eq!(
            client("127.0.0.1", &["203.0.113.9", "192.0.2.7", "10.1.1.1"]),
            found("192.0.2.7")
        );
        assert_eq!(client("127.0.0.1", &["10.2.2.2,10.1.1.1"]), found("10.2.2.2"));
        assert_eq!(client("127.0.0.1", &["192.0.2.7:5123"]), found("192.0.2.7"));
        assert_eq!(client("127.0.0.1", &["[2001:db8::7]:5123"]), found("2001:db8::7"));
        assert_eq!(client("127.0.0.1", &["[2001:db8::7]"]), found("2001:db8::7"));
        assert_eq!(client("127.0.0.1", &["::ffff:192.0.2.7"]), found("192.0.2.7"));
        assert_eq!(client("::1", &["192.0.2.7"]), found("192.0.2.7"));
        // Nobody, or nobody who can be told.
        assert_eq!(client("127.0.0.1", &[]), None);
        for malformed in ["", "unknown", "192.0.2.7, x", "192.0.2.7,", "é", "192.0.2.7;10.0.0.1"] {
            assert_eq!(client("127.0.0.1", &[malformed]), None, "{malformed}");
        }
        assert_eq!(client("127.0.0.1", &["x, 10.1.1.1"]), found("10.1.1.1"));
        // Not for others.
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), None);
    }
}
