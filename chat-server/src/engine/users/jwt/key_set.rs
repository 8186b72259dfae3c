//! Key sets (JWKS) of [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value as Json;

use super::error::JwtKeyError;
use super::key::{Key, Keys, base64};

/// The minimum length of an RSA modulus in bytes (RFC 7518, section 3.3).
const MIN_RSA_BYTES: usize = 256;

/// The length of an Ed25519 key, and of a coordinate of P-256, in bytes.
const POINT_BYTES: usize = 32;

/// Maximum number of characters repeated from a key set.
const SHOWN_CHARS: usize = 40;

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Json>,
}

/// A key of a set. Members that are missing or of another type make it unusable, not the set.
#[derive(Deserialize)]
struct JsonKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

/// Reads a key set. Keys that cannot be used are skipped, as the RFC asks for.
///
/// # Errors
/// When it is no key set, contains a private key, or no key that can be used.
pub(super) fn read(json: &str) -> Result<Keys, JwtKeyError> {
    let set: KeySet = serde_json::from_str(json).map_err(|_| JwtKeyError::NoKeySet)?;
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for key in set.keys {
        if key["d"] != Json::Null {
            return Err(JwtKeyError::Private);
        }
        match JsonKey::deserialize(key).map_err(|_| "it is malformed".into()).and_then(JsonKey::key)
        {
            Ok(key) => keys.push(key),
            Err(reason) => skipped.push(reason),
        }
    }
    if keys.is_empty() {
        return Err(JwtKeyError::NoneUsable { skipped: skipped.len() });
    }
    Ok(Keys { keys, skipped })
}

impl JsonKey {
    /// Makes it a key for the one algorithm that its type has here, or says why it is none.
    fn key(self) -> Result<Key, String> {
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return Err("it is not for signatures".into());
        }
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("it is not for verifying".into());
        }
        let curve = self.crv.as_deref();
        let (key, algorithm, name) = match (&*self.kty, curve) {
            ("RSA", _) => (self.rsa(), Algorithm::RS256, "RS256"),
            ("OKP", Some("Ed25519")) => (self.ed25519(), Algorithm::EdDSA, "EdDSA"),
            ("EC", Some("P-256")) => (self.p256(), Algorithm::ES256, "ES256"),
            ("oct", _) => (self.secret(), Algorithm::HS256, "HS256"),
            (kty, curve) => {
                let shown: String = kty.chars().take(SHOWN_CHARS).collect();
                let curve = curve.map(|curve| curve.chars().take(SHOWN_CHARS).collect::<String>());
                return Err(format!(
                    "its type {shown:?} {} is not supported",
                    curve.unwrap_or_default()
                ));
            }
        };
        let is_other = |alg: &String| alg != name && !(name == "EdDSA" && alg == "Ed25519");
        if self.alg.as_ref().is_some_and(is_other) {
            return Err(format!("it is for another algorithm than {name}"));
        }
        let key = key.ok_or_else(|| format!("it is no key for {name}, or too short"))?;
        Ok(Key { id: self.kid, ..Key::new(key, algorithm) })
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let (n, e) = (base64(self.n.as_ref()?)?, base64(self.e.as_ref()?)?);
        let length = n.iter().skip_while(|&&byte| byte == 0).count();
        let usable = length >= MIN_RSA_BYTES && !e.is_empty();
        usable.then(|| DecodingKey::from_rsa_raw_components(&n, &e))
    }

    fn ed25519(&self) -> Option<DecodingKey> {
        let x = base64(self.x.as_ref()?).filter(|x| x.len() == POINT_BYTES)?;
        Some(DecodingKey::from_ed_der(&x))
    }

    fn p256(&self) -> Option<DecodingKey> {
        let coordinate = |text: &Option<String>| {
            base64(text.as_ref()?).filter(|bytes| bytes.len() == POINT_BYTES)
        };
        let point = [&[4], &*coordinate(&self.x)?, &*coordinate(&self.y)?].concat();
        Some(DecodingKey::from_ec_der(&point))
    }

    fn secret(&self) -> Option<DecodingKey> {
        let secret = base64(self.k.as_ref()?)?;
        Key::from_secret(&secret).ok().map(|key| key.decoding)
    }
}
