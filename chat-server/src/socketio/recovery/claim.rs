use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What a client says in `auth` when it wants a session back. Its own library adds it.
///
/// A `pid` of another type, or too long to be one of ours, counts as absent; such an `offset` counts as
/// the empty text, which is nobody's place. Unknown fields are ignored.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The secret of the session.
    #[serde(deserialize_with = "pid")]
    pub pid: Option<String>,
    /// The trailing string of the last event that the client got; none when it has got no event yet.
    #[serde(deserialize_with = "offset")]
    pub offset: Option<String>,
}

/// Longer than anything that this server gives to clients, in bytes.
const TOO_LONG: usize = 256;

fn pid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(short_text(&Value::deserialize(deserializer)?))
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok((!value.is_null()).then(|| short_text(&value).unwrap_or_default()))
}

fn short_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| text.len() < TOO_LONG).map(ToOwned::to_owned)
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
