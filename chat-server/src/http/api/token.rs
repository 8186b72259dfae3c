use std::fmt;

use chat_core::RoomId;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::scope::{ApiScope, Right};

/// What a secret begins with, so that scanners find those that are published by mistake.
const PREFIX: &str = "chat_";

/// The number of random bytes in a secret.
const SECRET_BYTES: usize = 32;

/// What the server knows of a token: whose it is, a hash of its secret, and what its holder may do.
///
/// Several tokens may have the same name, so that one can be replaced while the other is in use. They are the same
/// author: keys and quotas belong to the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    name: TokenName,
    sha256: SecretHash,
    scopes: Vec<ApiScope>,
}

/// A token that was just made.
#[derive(Clone)]
#[non_exhaustive]
pub struct NewApiToken {
    /// What the application sends as `Authorization: Bearer …`.
    pub secret: String,
    /// What the server keeps.
    pub token: ApiToken,
}

/// The name of an application: 1 to 64 letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TokenName(Box<str>);

/// The SHA-256 of a secret, as hexadecimal digits in text. How long it takes to compare two tells nothing about secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct SecretHash([u8; 32]);

/// Why a token cannot be made, or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiTokenError {
    /// The name is not allowed.
    #[error("a token's name has 1 to 64 letters, digits, dots, dashes and underscores")]
    Name,
    /// The hash is not one.
    #[error("`sha256` has to be 64 lower-case hexadecimal digits")]
    Hash,
    /// The operating system returned no random numbers.
    #[error("no random numbers are available")]
    Random(#[source] getrandom::Error),
}

impl ApiToken {
    /// Makes a token with a random secret.
    ///
    /// # Errors
    /// When the name has other characters than letters, digits, dots, dashes and underscores, or more than 64, or the
    /// operating system returns no random numbers.
    pub fn create(name: &str, scopes: Vec<ApiScope>) -> Result<NewApiToken, ApiTokenError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(ApiTokenError::Random)?;
        let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
        let name = TokenName::try_from(name.to_owned())?;
        let token = Self { name, sha256: SecretHash::of(&secret), scopes };
        Ok(NewApiToken { secret, token })
    }

    /// Returns the hash of its secret.
    pub(super) fn hash(&self) -> SecretHash {
        self.sha256
    }

    pub(super) fn name(&self) -> &TokenName {
        &self.name
    }

    /// Returns whether its holder may do something in a room, or, without one, everywhere.
    pub(super) fn allows(&self, right: Right, room: Option<&RoomId>) -> bool {
        self.scopes.iter().any(|scope| scope.allows(right, room))
    }

    /// Returns the rooms in which its holder may do something, unless it may everywhere.
    pub(super) fn rooms(&self, right: Right) -> Vec<RoomId> {
        self.scopes.iter().filter_map(|scope| scope.room_of(right)).cloned().collect()
    }

    /// Returns whether its holder may do something somewhere.
    pub(super) fn has(&self, right: Right) -> bool {
        self.scopes.iter().any(|scope| scope.has(right))
    }
}

impl TokenName {
    const MAX_BYTES: usize = 64;

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretHash {
    pub(super) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// Writes the line for a file of tokens.
impl fmt::Display for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Leaves out the secret.
impl fmt::Debug for NewApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiToken").field("token", &self.token).finish_non_exhaustive()
    }
}

impl TryFrom<String> for TokenName {
    type Error = ApiTokenError;

    fn try_from(text: String) -> Result<Self, ApiTokenError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(ApiTokenError::Name)
        }
    }
}

impl TryFrom<String> for SecretHash {
    type Error = ApiTokenError;

    fn try_from(text: String) -> Result<Self, ApiTokenError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| ApiTokenError::Hash)?;
        Ok(Self(bytes.try_into().map_err(|_| ApiTokenError::Hash)?))
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        HEXLOWER.encode(&hash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_plain_characters() {
        for name in ["", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(ApiToken::create(name, vec![]).is_err(), "{name}");
        }
        assert!(ApiToken::create("ci.build-2_x", vec![]).is_ok());
    }

    #[test]
    fn only_its_secret_is_that_of_a_token() {
        let new = ApiToken::create("ci", vec![]).unwrap();
        let other = ApiToken::create("ci", vec![]).unwrap();
        assert!(new.secret.len() >= 32 && new.secret != other.secret);
        assert_eq!(new.token.hash(), SecretHash::of(&new.secret));
        assert_ne!(new.token.hash(), SecretHash::of(&other.secret));
        assert!(!new.token.to_string().contains(&new.secret[5..]));
        assert!(!format!("{new:?}").contains(&new.secret));
    }
}
