use std::str::FromStr;

use thiserror::Error;

use super::authority::{Authority, Origin, default_port, is_name, is_scheme};

/// Other origins whose pages may use the chat: `https://example.org`, `https://*.example.org` for all names below it,
/// `http://localhost:*` for any port, or `*` for all pages.
///
/// Pages of a named origin may send credentials, such as the cookie by which a proxy finds the node of a session.
/// With `*`, pages can use the chat without credentials over polling; over websockets, browsers send cookies to any
/// server.
///
/// ```
/// use chat_server::AllowedOrigin;
///
/// let origins: Vec<AllowedOrigin> =
///     vec!["https://*.example.org".parse()?, "http://localhost:*".parse()?];
/// assert!("example.org".parse::<AllowedOrigin>().is_err());
/// # Ok::<_, chat_server::AllowedOriginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(Pages);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pages {
    All,
    Of { scheme: String, host: AllowedHost, port: Port },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Any,
    Only(Option<u16>),
}

/// The error of parsing an [`AllowedOrigin`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no origin; it has to be as https://example.org, https://*.example.org, http://localhost:* or *, \
     without a path"
)]
pub struct AllowedOriginError(String);

/// A host name that requests may use: `chat.example.org`, or `*.example.org` for all names below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// In lower case.
    name: String,
    below: bool,
}

/// The error of parsing an [`AllowedHost`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no name of a host; it has to be as chat.example.org or *.example.org, without a port"
)]
pub struct AllowedHostError(String);

/// How far the pages of an origin are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Allowed {
    WithoutCredentials,
    WithCredentials,
}

impl AllowedOrigin {
    /// Returns how far this origin is trusted; none for `null` and for text that is no origin.
    pub(super) fn allows(&self, origin: Option<&Origin>) -> Option<Allowed> {
        match &self.0 {
            Pages::All => Some(Allowed::WithoutCredentials),
            Pages::Of { scheme, host, port } => {
                let origin = origin?;
                let same_port = match port {
                    Port::Any => true,
                    Port::Only(port) => *port == origin.port(),
                };
                let allowed =
                    same_port && *scheme == origin.scheme && host.matches(&origin.authority);
                allowed.then_some(Allowed::WithCredentials)
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self(Pages::All));
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (rest, any_port) = match rest.strip_suffix(":*") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let Authority { host: name, port } = Authority::parse(rest)?;
        let port = match port {
            Some(_) if any_port => return None,
            None if any_port => Port::Any,
            port => Port::Only(port.or_else(|| default_port(&scheme))),
        };
        let host = AllowedHost { name, below };
        is_scheme(&scheme).then_some(Self(Pages::Of { scheme, host, port }))
    }
}

impl FromStr for AllowedOrigin {
    type Err = AllowedOriginError;

    fn from_str(text: &str) -> Result<Self, AllowedOriginError> {
        Self::parse(text.trim()).ok_or_else(|| AllowedOriginError(text.to_owned()))
    }
}

impl AllowedHost {
    pub(super) fn matches(&self, authority: &Authority) -> bool {
        if !self.below {
            return authority.host == self.name;
        }
        let rest = authority.host.strip_suffix(&*self.name).and_then(|rest| rest.strip_suffix('.'));
        rest.is_some_and(|rest| !rest.is_empty())
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        let trimmed = text.trim();
        let (below, name) = match trimmed.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, trimmed),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let host = is_name(&name).then_some(Self { name, below });
        host.ok_or_else(|| AllowedHostError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, origin: &str) -> bool {
        let pattern: AllowedOrigin = pattern.parse().unwrap();
        pattern.allows(Origin::parse(origin).as_ref()).is_some()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (pattern, origin) in [
            ("https://example.org", "https://example.org"),
            ("https://example.org", "https://example.org:443"),
            ("https://example.org:443", "https://example.org"),
            ("HTTPS://Example.org", "https://example.org"),
            ("https://*.example.org", "https://a.example.org"),
            ("https://*.example.org", "https://a.b.example.org"),
            ("http://localhost:*", "http://localhost:5173"),
            ("http://localhost:*", "http://localhost"),
            ("http://*.example.org:*", "http://a.example.org:81"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("*", "https://example.org"),
            ("*", "null"),
        ] {
            assert!(allows(pattern, origin), "{pattern} {origin}");
        }
        for (pattern, origin) in [
            ("https://example.org", "http://example.org"),
            ("https://example.org", "https://example.org:8443"),
            ("https://example.org", "https://a.example.org"),
            ("https://example.org", "https://example.org.evil.example"),
            ("https://*.example.org", "https://example.org"),
            ("https://*.example.org", "https://.example.org"),
            ("https://*.example.org", "https://evilexample.org"),
            ("https://*.example.org", "https://a.example.org:8443"),
            ("http://localhost:*", "https://localhost:5173"),
            ("http://localhost:*", "http://localhost.evil.example:80"),
            ("https://example.org", "null"),
        ] {
            assert!(!allows(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn only_who_is_named_may_send_credentials() {
        let allowed = |pattern: &str| {
            let pattern: AllowedOrigin = pattern.parse().unwrap();
            pattern.allows(Origin::parse("https://example.org").as_ref())
        };
        assert_eq!(allowed("*"), Some(Allowed::WithoutCredentials));
        assert_eq!(allowed("https://example.org"), Some(Allowed::WithCredentials));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_what_it_has_to_be() {
        for text in [
            "",
            "example.org",
            "https://",
            "https://example.org/",
            "https://a.*.org",
            "https://*",
            "*://a",
            "https://a:*:*",
            "https://a:80:*",
            "https://a b",
            "null",
            "https://user@a",
        ] {
            let error = text.parse::<AllowedOrigin>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no origin")), "{error}");
        }
        for text in ["", "*", "*.", "a:80", "http://a", "[::1]", "a b"] {
            let error = text.parse::<AllowedHost>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no name of a host")), "{error}");
        }
    }
}
