use std::fs;
use std::path::Path;

#[cfg(feature = "api")]
use data_encoding::HEXLOWER;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
#[cfg(feature = "api")]
use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error;

#[cfg(feature = "api")]
use super::api::ApiTokens;
use super::owner_only::is_exposed;

/// The minimum length in bytes.
const MIN_BYTES: usize = 16;

/// The token that the operator's requests need, as a bearer token; see [`Chat::serve_admin`](crate::Chat::serve_admin).
#[derive(Debug, Clone)]
pub struct OperatorToken {
    /// A hash takes as long to compare, whatever of it is right.
    hash: [u8; 32],
}

/// The error of reading an [`OperatorToken`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OperatorTokenError {
    /// The file cannot be read.
    #[error("it cannot be read")]
    Io(#[from] std::io::Error),
    /// Others than its owner may read the file.
    #[error("others than its owner may read it; use chmod 600")]
    Exposed,
    /// The token is too short to be a secret.
    #[error("the token has fewer than {MIN_BYTES} bytes; create one with \"openssl rand -hex 32\"")]
    TooShort,
}

impl OperatorToken {
    /// Reads the token from a file, without the space around it. Nobody but its owner may read the file.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or the token has fewer than 16 bytes.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, OperatorTokenError> {
        let path = path.as_ref();
        if is_exposed(path)? {
            return Err(OperatorTokenError::Exposed);
        }
        Self::new(&fs::read_to_string(path)?)
    }

    /// Takes a token, without the space around it.
    ///
    /// # Errors
    /// When it has fewer than 16 bytes.
    pub fn new(token: &str) -> Result<Self, OperatorTokenError> {
        let token = token.trim();
        if token.len() < MIN_BYTES {
            return Err(OperatorTokenError::TooShort);
        }
        Ok(Self { hash: hash(token.as_bytes()) })
    }

    /// Returns it as the token of a program that may do everything.
    #[cfg(feature = "api")]
    pub(crate) fn for_api(&self) -> Option<ApiTokens> {
        let token = json!({
            "name": "operator",
            "sha256": HEXLOWER.encode(&self.hash),
            "scopes": ["read", "send", "moderate"],
        });
        token.to_string().parse().ok()
    }

    /// Returns whether a request has it.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = |value: &HeaderValue| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| hash(token.trim().as_bytes()))
        };
        headers.get(AUTHORIZATION).and_then(bearer) == Some(self.hash)
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_the_token_has_it() {
        let token = OperatorToken::new(" 0123456789abcdef\n").unwrap();
        let is_in = |value: &'static str| {
            let headers = [(AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect();
            token.is_in(&headers)
        };
        assert!(is_in("Bearer 0123456789abcdef") && is_in("bearer 0123456789abcdef"));
        for other in
            ["Bearer 0123456789abcdeF", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef"]
        {
            assert!(!is_in(other), "{other}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
        assert!(matches!(OperatorToken::new("short"), Err(OperatorTokenError::TooShort)));
    }
}
