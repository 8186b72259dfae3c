use std::net::{IpAddr, Ipv6Addr};

/// A host, with a port if there is one: `example.org:3000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// In lower case, with an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// The origin that a browser sends for the page that makes a request; see [the
/// standard](https://fetch.spec.whatwg.org/#origin-header).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) authority: Authority,
}

impl Authority {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (&text[..address.len() + 2], port)
            }
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            // A sign before the number is not allowed.
            Some(port) if port.starts_with(|first: char| first.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            None if port.is_empty() => None,
            _ => return None,
        };
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        (host.starts_with('[') || is_name(&host)).then_some(Self { host, port })
    }

    /// Returns the IP address; none for a name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let host = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        host.unwrap_or(&self.host).parse().ok()
    }
}

impl Origin {
    /// Parses an origin; none for `null` and for other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let authority = Authority::parse(authority)?;
        is_scheme(scheme).then(|| Self { scheme: scheme.to_ascii_lowercase(), authority })
    }

    /// Returns the port, including the default port of the scheme.
    pub(super) fn port(&self) -> Option<u16> {
        self.authority.port.or_else(|| default_port(&self.scheme))
    }
}

pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Returns whether the text may be a host name. The check is loose on purpose: the operator chooses the names.
pub(super) fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let parse = |text| Authority::parse(text).map(|Authority { host, port }| (host, port));
        let found = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parse("example.org"), found("example.org", None));
        assert_eq!(parse("Example.ORG.:8080"), found("example.org", Some(8080)));
        assert_eq!(parse("127.0.0.1:3000"), found("127.0.0.1", Some(3000)));
        assert_eq!(parse("[::1]:3000"), found("[::1]", Some(3000)));
        assert_eq!(parse("[::1]"), found("[::1]", None));
        for text in [
            "", ":80", "a:", "a:b", "a:+1", "a:65536", "a:1:2", "::1", "[::1", "[a]", "[::1]80",
            "a/b", "user@a", "a b", "a?b", "é", "*",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(Authority::parse("[::1]:80").unwrap().address().is_some());
        assert!(Authority::parse("localhost").unwrap().address().is_none());
    }

    #[test]
    fn an_origin_has_a_scheme_and_no_path() {
        let port = |text| Origin::parse(text).map(|origin| origin.port());
        assert_eq!(port("http://example.org"), Some(Some(80)));
        assert_eq!(port("https://example.org"), Some(Some(443)));
        assert_eq!(port("https://example.org:444"), Some(Some(444)));
        assert_eq!(port("capacitor://localhost"), Some(None));
        for text in ["null", "", "http://", "://a", "http://a/", "http://a, http://b", "1://a"] {
            assert_eq!(port(text), None, "{text}");
        }
    }
}
