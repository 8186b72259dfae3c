use super::error::JwtKeyError;
use super::key::{Key, Keys};
use super::key_set;

/// What begins a file that holds a public key in the form of OpenSSH, which must not be taken for a secret.
const OPEN_SSH: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];

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
