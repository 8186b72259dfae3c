use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A secret shared by all nodes of a chat and nobody else, which authenticates their frames.
///
/// It signs frames that travel through a broker: anyone who can reach the broker can still read them, but not forge
/// them. It is a text of lines, each a secret of at least 32 bytes, as printed by `openssl rand -hex 32`. The first
/// line signs and every line is accepted, so that it can be changed without stopping all nodes: add the new secret as
/// the last line on each node, then make it the first line on each, then remove the old one.
///
/// ```
/// use chat_adapter::ClusterSecret;
///
/// let secret = ClusterSecret::from_bytes(b"0f1e2d3c4b5a69788796a5b4c3d2e1f0\n")?;
/// assert_eq!(format!("{secret:?}"), "ClusterSecret(…)");
/// assert!(ClusterSecret::from_bytes(b"easy to guess").is_err());
/// # Ok::<(), chat_adapter::ClusterSecretError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterSecret(Arc<[Box<[u8]>]>);

/// The error of reading a [`ClusterSecret`]. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClusterSecretError {
    /// All lines are empty.
    #[error("it is empty; make a secret with: openssl rand -hex 32")]
    Empty,
    /// A line is so short that it could be guessed.
    #[error(
        "line {line} has fewer than {} bytes; make a secret with: openssl rand -hex 32",
        ClusterSecret::MIN_BYTES
    )]
    TooShort {
        /// The line, counted from 1.
        line: usize,
    },
    /// There are too many lines: each frame would be checked with all of them.
    #[error(
        "it has more than {} lines; leave out those that no node signs with",
        ClusterSecret::MAX_LINES
    )]
    TooMany,
}

impl ClusterSecret {
    /// The minimum length of a line in bytes, without white space at its ends.
    pub const MIN_BYTES: usize = 32;

    /// The maximum number of lines.
    pub const MAX_LINES: usize = 8;

    /// Reads the secret from the contents of a file. Ignores empty lines, and white space at the ends of a line.
    ///
    /// # Errors
    /// See [`ClusterSecretError`].
    pub fn from_bytes(text: &[u8]) -> Result<Self, ClusterSecretError> {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let lines = (1..).zip(lines).filter(|(_, line)| !line.is_empty());
        let mut secrets = Vec::new();
        for (line, secret) in lines {
            if secret.len() < Self::MIN_BYTES {
                return Err(ClusterSecretError::TooShort { line });
            }
            secrets.push(secret.into());
        }
        match secrets.len() {
            0 => Err(ClusterSecretError::Empty),
            lines if lines > Self::MAX_LINES => Err(ClusterSecretError::TooMany),
            _ => Ok(Self(secrets.into())),
        }
    }

    /// Returns the secrets; the first one signs.
    #[cfg(any(
        test,
        feature = "nats",
        feature = "postgres",
        feature = "redis",
        all(feature = "cluster", unix)
    ))]
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Hides the secret.
impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_line_of_32_bytes_or_more_and_there_may_be_several() {
        let (old, new) = ("o".repeat(32), "n".repeat(64));
        let secret = ClusterSecret::from_bytes(format!("\r\n {new}\r\n\n{old}").as_bytes());
        let secret = secret.expect("a secret");
        assert_eq!(secret.lines().collect::<Vec<_>>(), [new.as_bytes(), old.as_bytes()]);

        for (text, error) in [
            (String::new(), ClusterSecretError::Empty),
            ("\n \n".into(), ClusterSecretError::Empty),
            ("x".repeat(31), ClusterSecretError::TooShort { line: 1 }),
            (format!("{new}\n\nshort"), ClusterSecretError::TooShort { line: 3 }),
            (format!("{old}\n").repeat(9), ClusterSecretError::TooMany),
        ] {
            assert_eq!(ClusterSecret::from_bytes(text.as_bytes()), Err(error), "{text:?}");
        }
    }
}
