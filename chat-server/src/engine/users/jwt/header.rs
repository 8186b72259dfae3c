use chat_core::Refusal;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value as Json;

use super::key::base64;
use super::refusal::{invalid, no_token};

/// What the header of a token says, which nobody has verified: it only helps to find the key.
pub(super) struct Header {
    /// None for an algorithm that no key has.
    pub(super) algorithm: Option<Algorithm>,
    /// The id of the key.
    pub(super) kid: Option<String>,
}

#[derive(Deserialize)]
struct Fields {
    alg: String,
    kid: Option<String>,
    #[serde(default)]
    crit: Present,
}

/// Whether a field is there, with any value.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(|_| Self(true))
    }
}

impl Header {
    /// Reads the header of a token.
    ///
    /// # Errors
    /// When it is none, or demands that the server understand an extension (`crit`, RFC 7515, section 4.1.11).
    pub(super) fn read(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(no_token());
        };
        let fields = base64(header).and_then(|json| serde_json::from_slice(&json).ok());
        let Fields { alg, kid, crit } = fields.ok_or_else(no_token)?;
        if crit.0 {
            let message = "the token demands extensions (`crit`), and this server knows none";
            return Err(invalid(message));
        }
        let algorithm = match &*alg {
            "HS256" => Some(Algorithm::HS256),
            "RS256" => Some(Algorithm::RS256),
            "ES256" => Some(Algorithm::ES256),
            // The second is the name by RFC 9864.
            "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
            _ => None,
        };
        Ok(Self { algorithm, kid })
    }
}
