use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The fields of `auth` with which a client asks for its session. The Socket.IO client library adds them.
///
/// A `pid` of another type, or one too long to come from this server, counts as absent; such an `offset` counts as
/// the empty text, which is no valid position. Unknown fields are ignored.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Claim {
    /// The secret of the session.
    #[serde(deserialize_with = "pid")]
    pub pid: Option<String>,
    /// The trailing string of the last event that the client received; none if it has received none.
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

/// Hides the secret.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("pid", &self.pid.as_ref().map(|_| "…"))
            .field("offset", &self.offset)
            .finish()
    }
}
