use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};

use super::error::JwtKeyError;
use super::key_set;

/// The minimum length of a secret in bytes: HS256 is no safer than its secret is hard to guess (RFC 7518, section
/// 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The length of an uncompressed point of P-256 in bytes: a mark, and two coordinates.
const P256_POINT_BYTES: usize = 65;

/// What begins a file that holds a public key in the form of OpenSSH, which must not be taken for a secret.
const OPEN_SSH: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];

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

    fn from_pem(text: &str) -> Result<Self, JwtKeyError> {
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

impl Keys {
    /// Reads the contents of a file: a secret, a key in PEM, or a key set (RFC 7517).
    ///
    /// What looks like the beginning of a public key or a key set is never taken for a secret, even if it is damaged
    /// or half written: everybody may know it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, JwtKeyError> {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let begins = text.trim_start_matches('\u{feff}').trim_start();
        if begins.starts_with(['{', '[']) {
            return key_set::read(begins);
        }
        let key = if text.contains("-----BEGIN") || begins.starts_with("---") {
            Key::from_pem(text)?
        } else if OPEN_SSH.iter().any(|prefix| begins.starts_with(prefix)) {
            return Err(JwtKeyError::Unsupported);
        } else {
            let secret = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            Key::from_secret(secret.strip_suffix(b"\r").unwrap_or(secret))?
        };
        Ok(Self { keys: vec![key], skipped: Vec::new() })
    }
}

/// Decodes base64 as key sets and tokens have it, without the padding that some write.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}
