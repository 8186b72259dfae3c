use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// How many bytes of a hash tell URLs of one host apart.
const HASH: usize = 8;

/// Where a webhook sends to: an absolute URL with `https` or `http`.
///
/// It is shown with scheme, host and port only: what follows may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    has_tls: bool,
    authority: Authority,
    path: PathAndQuery,
}

/// Why a text is no URL of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WebhookUrlError {
    /// It is no absolute URL with `https` or `http`.
    #[error("give an absolute URL, as https://example.org/hook")]
    NoUrl,
    /// It has a user name or a password.
    #[error("a user name in the URL is not sent; receivers know the chat by its signature")]
    UserName,
}

impl WebhookUrl {
    pub(super) fn has_tls(&self) -> bool {
        self.has_tls
    }

    /// Returns host and port, as the header `host` has them.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.has_tls { 443 } else { 80 })
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Returns the name of its cursor: the same for the same URL, and no more of it to read than may be shown.
    pub(super) fn cursor_name(&self) -> String {
        let hash = Sha256::digest(format!("{self}{}", self.path));
        format!("webhook {self} {}", HEXLOWER.encode(&hash[..HASH]))
    }
}

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let url: Uri = text.parse().map_err(|_| WebhookUrlError::NoUrl)?;
        let parts = url.into_parts();
        let has_tls = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            _ => return Err(WebhookUrlError::NoUrl),
        };
        let authority = parts.authority.ok_or(WebhookUrlError::NoUrl)?;
        if authority.as_str().contains('@') {
            return Err(WebhookUrlError::UserName);
        }
        let has_port = authority.as_str().rsplit(']').next().is_some_and(|end| end.contains(':'));
        if authority.host().is_empty() || (has_port && authority.port_u16().is_none()) {
            return Err(WebhookUrlError::NoUrl);
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { has_tls, authority, path })
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.has_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_without_a_user() {
        for (text, host, port, path) in [
            ("https://example.org", "example.org", 443, "/"),
            ("http://example.org/a/b?c=d#e", "example.org", 80, "/a/b?c=d"),
            ("http://[::1]:8080/?a", "::1", 8080, "/?a"),
        ] {
            let url: WebhookUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.path()), (host, port, path));
        }
        for text in ["", "/a", "example.org", "ftp://a/", "https://", "http://a:b/", "http://a b"] {
            assert_eq!(text.parse::<WebhookUrl>(), Err(WebhookUrlError::NoUrl), "{text}");
        }
        let with_user = "https://user:secret@example.org/".parse::<WebhookUrl>();
        assert_eq!(with_user, Err(WebhookUrlError::UserName));
    }

    #[test]
    fn what_may_be_secret_is_not_shown_and_still_tells_cursors_apart() {
        let [one, other] = ["secret", "other"]
            .map(|path| format!("https://example.org/{path}?q").parse::<WebhookUrl>().unwrap());
        for shown in [format!("{one}"), format!("{one:?}"), one.cursor_name()] {
            assert!(shown.contains("example.org") && !shown.contains("secret"), "{shown}");
        }
        assert_ne!(one.cursor_name(), other.cursor_name());
    }
}
