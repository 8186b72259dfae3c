use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};

use super::error::JwtKeyError;

/// The minimum length of a secret in bytes: HS256 is no safer than its secret is hard to guess (RFC 7518, section
/// 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The length of an uncompressed point of P-256 in bytes: a mark, and two coordinates.
const P256_POINT_BYTES: usize = 65;

/// A key that verifies tokens, and the one algorithm that it verifies.
pub(super) struct Key {
    pub(super) decoding: DecodingKey,
    pub(super) algorithm: Algorithm,
    /// The id that tokens call it by (`kid`), if it has one.
    pub(super) id: Option<String>,
}

/// The keys of a file.
pub(super) struct Keys {
    pub(super) keys: Vec<Key>,
    /// Why each of the others cannot be used.
    pub(super) skipped: Vec<String>,
}

impl Key {
    pub(super) fn new(decoding: DecodingKey, algorithm: Algorithm) -> Self {
        Self { decoding, algorithm, id: None }
    }

    pub(super) fn from_secret(secret: &[u8]) -> Result<Self, JwtKeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(JwtKeyError::Short { bytes: secret.len() });
        }
        Ok(Self::new(DecodingKey::from_secret(secret), Algorithm::HS256))
    }

    pub(super) fn from_pem(text: &str) -> Result<Self, JwtKeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(JwtKeyError::Private);
        }
        let pem = text.as_bytes();
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            return Ok(Self::new(key, Algorithm::RS256));
        }
        if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            return Ok(Self::new(key, Algorithm::EdDSA));
        }
        // The points of other curves have other lengths.
        let is_p256 = |key: &DecodingKey| {
            key.try_get_as_bytes().is_ok_and(|point| point.len() == P256_POINT_BYTES)
        };
        let key = DecodingKey::from_ec_pem(pem).ok().filter(is_p256);
        key.map(|key| Self::new(key, Algorithm::ES256)).ok_or(JwtKeyError::Unsupported)
    }
}

/// Decodes base64 as key sets and tokens have it, without the padding that some write.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}
