use std::fmt;

use chat_core::event::Token;
use chat_core::{Refusal, RefusalCode, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use thiserror::Error;

use super::issuer::{Issuer, Subject};
use super::owner::owner;

/// How far the issuer's clock may be ahead of this machine's, in seconds.
const LEEWAY: u64 = 10;

/// The key that verifies JSON Web Tokens.
///
/// | key | algorithm |
/// |---|---|
/// | any bytes, 32 or more | HS256 |
/// | an RSA public key in PEM | RS256 |
/// | an Ed25519 public key in PEM | EdDSA |
///
/// No other algorithm is accepted, in particular not the one that the token itself names. A token needs the claim
/// `sub`, and its times `exp` and `nbf` are checked if present, `nbf` with a tolerance of ten seconds. The nickname
/// is the first one present of the claims `nickname`, `preferred_username`, `name` and `sub`.
pub struct JwtKey {
    key: DecodingKey,
    validation: Validation,
}

/// The error of reading a [`JwtKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// The secret is so short that it could be guessed.
    #[error("the secret for HS256 has {bytes} bytes; it needs 32 or more")]
    Short {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The key is private; only the issuer of the tokens should have it.
    #[error("this is a private key; the chat needs the public one")]
    Private,
    /// The PEM contains no key of a supported kind.
    #[error("the PEM file holds no RSA or Ed25519 public key")]
    Unsupported,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    iss: String,
    nickname: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
    exp: Option<f64>,
}

impl JwtKey {
    /// Reads a key from the contents of a file. Line ends after a secret are ignored.
    ///
    /// # Errors
    /// When it is no key that tokens can be verified with.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JwtKeyError> {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if text.contains("-----BEGIN") {
            return Self::from_pem(bytes, text);
        }
        let secret = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        if secret.len() < 32 {
            return Err(JwtKeyError::Short { bytes: secret.len() });
        }
        Ok(Self::new(DecodingKey::from_secret(secret), Algorithm::HS256))
    }

    fn from_pem(bytes: &[u8], text: &str) -> Result<Self, JwtKeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(JwtKeyError::Private);
        }
        if let Ok(key) = DecodingKey::from_rsa_pem(bytes) {
            return Ok(Self::new(key, Algorithm::RS256));
        }
        let key = DecodingKey::from_ed_pem(bytes).map_err(|_| JwtKeyError::Unsupported)?;
        Ok(Self::new(key, Algorithm::EdDSA))
    }

    fn new(key: DecodingKey, algorithm: Algorithm) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = LEEWAY;
        Self { key, validation }
    }
}

impl Issuer for JwtKey {
    fn subject(&self, token: Option<&Token>) -> Result<Subject, Refusal> {
        let invalid = |message| Refusal::new(RefusalCode::InvalidToken, message);
        let token =
            token.ok_or_else(|| invalid("a token is needed: give it as `token` in `auth`"))?;
        let claims = decode::<Claims>(token.as_str(), &self.key, &self.validation);
        let claims = claims.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => expired(),
            ErrorKind::ImmatureSignature => invalid("the token is not valid yet"),
            ErrorKind::InvalidSignature => invalid("the token is not signed with the right key"),
            ErrorKind::InvalidAlgorithm => invalid("the token is not signed as it has to be"),
            ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => {
                invalid("the token has no subject (`sub`)")
            }
            _ => invalid("the token is no JSON Web Token"),
        })?;
        let Claims { sub, iss, nickname, preferred_username, name, exp } = claims.claims;
        let owner = owner("jwt", &[&iss, &sub]);
        let nickname = nickname.or(preferred_username).or(name).unwrap_or(sub).parse();
        let nickname =
            nickname.map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))?;
        // Rounded down, and meaningless if it is no time: then the token has been refused.
        let until = exp.map(|seconds| Timestamp::from_millis((seconds * 1000.0) as i64));
        // The library accepts some tokens that have just expired. A connection ends when its token expires: if
        // accepted, it would be closed at once and reconnect again and again.
        if until.is_some_and(|until| until <= Timestamp::now()) {
            return Err(expired());
        }
        Ok(Subject { owner, nickname, until })
    }
}

fn expired() -> Refusal {
    Refusal::new(RefusalCode::ExpiredToken, "the token has expired; get a new one")
}

/// Hides the key.
impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("algorithms", &self.validation.algorithms)
            .finish_non_exhaustive()
    }
}
