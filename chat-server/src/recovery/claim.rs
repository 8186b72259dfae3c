use std::fmt;

use serde::{Deserialize, Deserializer};

/// What a client says in `auth` when it wants a session back. Its own library adds it.
///
/// A field that is missing, of another type or too long to be one of ours counts as absent. Unknown
/// fields are ignored.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The secret of the session.
    #[serde(deserialize_with = "short_text")]
    pub pid: Option<String>,
    /// The trailing string of the last event that the client got; none when it has got no event yet.
    #[serde(deserialize_with = "short_text")]
    pub offset: Option<String>,
}

/// Longer than anything that this server gives to clients, in bytes.
const TOO_LONG: usize = 256;

fn short_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let text = value.as_str().filter(|text| text.len() < TOO_LONG);
    Ok(text.map(ToOwned::to_owned))
}

/// Shows no secret.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("pid", &self.pid.as_ref().map(|_| "…"))
            .field("offset", &self.offset)
            .finish()
    }
}
