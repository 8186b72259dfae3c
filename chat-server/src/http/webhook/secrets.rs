use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::http::owner_only::is_exposed;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets that sign what a [`Webhook`](crate::Webhook) sends, one a line: `whsec_` and 24 to 64 bytes in base64. Empty
/// lines, and those that begin with `#`, do not count. Cheap to clone; clones share the same secrets.
///
/// Each of them signs: to change a secret, add the new one, let the receiver change, and take the old one away.
///
/// ```
/// use chat_server::WebhookSecrets;
///
/// let secrets: WebhookSecrets = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// # Ok::<_, chat_server::WebhookSecretsError>(())
/// ```
#[derive(Clone)]
pub struct WebhookSecrets(Arc<Shared>);

struct Shared {
    /// Where they are from; none for those in memory.
    path: Option<PathBuf>,
    secrets: RwLock<Vec<Secret>>,
}

/// The bytes of a secret.
struct Secret(Vec<u8>);

/// Why a text is not a list of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WebhookSecretsError {
    /// A line is no secret.
    #[error("line {line} is no secret; give `whsec_` and 24 to 64 bytes in base64")]
    Line {
        /// Its number, from 1 on.
        line: usize,
    },
    /// There is none.
    #[error("there is no secret")]
    None,
}

/// Why a file of secrets cannot be used.
#[derive(Debug, Error)]
#[error("the file of secrets {} cannot be used", path.display())]
#[non_exhaustive]
pub struct WebhookSecretsFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: WebhookSecretsFileErrorKind,
}

/// What is wrong with a file of secrets.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookSecretsFileErrorKind {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Others than its owner may read or write it.
    #[error("others than its owner may use it; run `chmod 600` on it")]
    Exposed,
    /// It is not a list of secrets.
    #[error(transparent)]
    Secrets(#[from] WebhookSecretsError),
}

impl WebhookSecrets {
    /// Reads the secrets in a file, which nobody but its owner may read or write.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it has a line that is not a secret.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, WebhookSecretsFileError> {
        let path = path.into();
        let secrets = RwLock::new(read(&path)?);
        Ok(Self(Arc::new(Shared { path: Some(path), secrets })))
    }

    /// Reads the file again. If it cannot be used, the previous secrets stay.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn reload(&self) -> Result<(), WebhookSecretsFileError> {
        if let Some(path) = &self.0.path {
            let secrets = read(path)?;
            *self.0.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
        }
        Ok(())
    }

    /// Signs a body: once with each secret, separated by spaces.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let secrets = self.0.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let signatures: Vec<_> =
            secrets.iter().filter_map(|secret| secret.sign(id, timestamp, body)).collect();
        signatures.join(" ")
    }
}

impl Secret {
    fn parse(line: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(line.strip_prefix(PREFIX)?).ok()?;
        BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Returns a signature; a key of any length makes one.
    fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl FromStr for WebhookSecrets {
    type Err = WebhookSecretsError;

    fn from_str(text: &str) -> Result<Self, WebhookSecretsError> {
        let secrets = RwLock::new(secrets_in(text)?);
        Ok(Self(Arc::new(Shared { path: None, secrets })))
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecrets")
    }
}

fn read(path: &Path) -> Result<Vec<Secret>, WebhookSecretsFileError> {
    let read = || {
        if is_exposed(path)? {
            return Err(WebhookSecretsFileErrorKind::Exposed);
        }
        Ok(secrets_in(&std::fs::read_to_string(path)?)?)
    };
    read().map_err(|source| WebhookSecretsFileError { path: path.to_owned(), source })
}

fn secrets_in(text: &str) -> Result<Vec<Secret>, WebhookSecretsError> {
    let mut secrets = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let secret = Secret::parse(line);
        secrets.push(secret.ok_or(WebhookSecretsError::Line { line: index + 1 })?);
    }
    if secrets.is_empty() { Err(WebhookSecretsError::None) } else { Ok(secrets) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn it_signs_as_the_specification_does_in_its_example() {
        let secrets: WebhookSecrets = SECRET.parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_and_none_is_shown() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let both: WebhookSecrets = format!("# new\n{SECRET}\r\n\n{other}\n").parse().unwrap();
        let sign = |text: &str| text.parse::<WebhookSecrets>().unwrap().sign("id", 1, b"x");
        assert_eq!(both.sign("id", 1, b"x"), format!("{} {}", sign(SECRET), sign(other)));
        assert_eq!(format!("{both:?}"), "WebhookSecrets");
    }

    #[test]
    fn a_line_that_is_no_secret_is_named() {
        for wrong in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_?", &SECRET[..30]] {
            let error = format!("# one\n{wrong}").parse::<WebhookSecrets>().unwrap_err();
            assert_eq!(error, WebhookSecretsError::Line { line: 2 }, "{wrong}");
        }
        assert_eq!("\n#".parse::<WebhookSecrets>().unwrap_err(), WebhookSecretsError::None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_read_again_if_its_owner_alone_may_use_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write(SECRET, 0o640);
        assert!(WebhookSecrets::from_file(&path).is_err());
        write(SECRET, 0o600);
        let secrets = WebhookSecrets::from_file(&path).unwrap();
        let signed = secrets.sign("id", 1, b"x");
        write("no secret", 0o600);
        secrets.reload().unwrap_err();
        assert_eq!(secrets.sign("id", 1, b"x"), signed, "the previous ones stay");
        write(&format!("{SECRET}\n{SECRET}"), 0o600);
        secrets.reload().unwrap();
        assert_eq!(secrets.sign("id", 1, b"x"), format!("{signed} {signed}"));
    }
}
