//! The certificate of a server that speaks TLS itself, read from files and read again when they change.

mod error;
mod validity;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ProducesTickets;

pub use error::TlsCertificateError;

/// A certificate and its private key, for a [listener](crate::Listener::with_tls) that speaks TLS. Cheap to clone;
/// clones share the certificate, and a [reload](Self::reload) counts for the new connections of all.
#[derive(Clone)]
pub struct TlsCertificate(Arc<Shared>);

struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    /// Lets clients come back without a whole handshake, also after the certificate has changed.
    tickets: Arc<dyn ProducesTickets>,
    current: RwLock<Current>,
    looks: Mutex<Looks>,
}

struct Current {
    config: Arc<ServerConfig>,
    expires_at: Option<SystemTime>,
}

/// The contents of both files, to see whether they have changed.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

type Fingerprint = Option<[u8; 32]>;

/// What the files were when somebody looked.
#[derive(Default)]
struct Looks {
    /// When they were last read for use.
    used: Fingerprint,
    /// The last time.
    last: Fingerprint,
}

impl TlsCertificate {
    /// Reads a certificate and its key from two files in PEM. The first file has the server's certificate, followed by
    /// the intermediate ones, as ACME clients write it (`fullchain.pem`).
    ///
    /// # Errors
    /// When a file cannot be read, has no certificate or no key, or the key does not belong to the certificate.
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsCertificateError> {
        let (certificate, key) = (certificate.into(), key.into());
        // Named, because there is no default where others are compiled in, too.
        let provider = Arc::new(ring::default_provider());
        let tickets = ring::Ticketer::new().map_err(TlsCertificateError::Unusable)?;
        let files = Files::read(&certificate, &key)?;
        let current = files.check(&certificate, &key, &provider, &tickets)?;
        let used = files.fingerprint();
        let shared = Shared {
            certificate,
            key,
            provider,
            tickets,
            current: RwLock::new(current),
            looks: Mutex::new(Looks { used, last: used }),
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Reads the files again. If they cannot be used, the previous certificate stays. Open connections keep theirs.
    ///
    /// # Errors
    /// As [`from_files`](Self::from_files).
    pub fn reload(&self) -> Result<(), TlsCertificateError> {
        let Shared { certificate, key, provider, tickets, current, .. } = &*self.0;
        let files = Files::read(certificate, key);
        let print = files.as_ref().ok().and_then(Files::fingerprint);
        *self.looks() = Looks { used: print, last: print };
        let new = files?.check(certificate, key, provider, tickets)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// [Reloads](Self::reload) the files if they have changed since they were last read, and returns whether it did.
    /// Call it every few seconds: files must be the same twice in a row, because whatever writes them takes some time
    /// between the two.
    ///
    /// # Errors
    /// As [`from_files`](Self::from_files), once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, TlsCertificateError> {
        let files = Files::read(&self.0.certificate, &self.0.key);
        let print = files.ok().and_then(|files| files.fingerprint());
        let has_changed = {
            let mut looks = self.looks();
            let is_settled = std::mem::replace(&mut looks.last, print) == print;
            is_settled && looks.used != print
        };
        if has_changed {
            self.reload()?;
        }
        Ok(has_changed)
    }

    /// Returns when the certificate expires; none if that cannot be read.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).expires_at
    }

    /// Returns how to speak TLS on a new connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    fn looks(&self) -> std::sync::MutexGuard<'_, Looks> {
        self.0.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names the files, not what is in them.
impl fmt::Debug for TlsCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { certificate, key, .. } = &*self.0;
        f.debug_struct("TlsCertificate")
            .field("certificate", certificate)
            .field("key", key)
            .finish_non_exhaustive()
    }
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsCertificateError> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|source| TlsCertificateError::Read { path: path.to_owned(), source })
        };
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for bytes in [&self.certificate, &self.key] {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
        Some(hash.finalize().into())
    }

    fn check(
        &self,
        certificate: &Path,
        key: &Path,
        provider: &Arc<CryptoProvider>,
        tickets: &Arc<dyn ProducesTickets>,
    ) -> Result<Current, TlsCertificateError> {
        let no_certificate = || TlsCertificateError::NoCertificate { path: certificate.to_owned() };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| no_certificate())?;
        let expires_at = validity::expires_at(chain.first().ok_or_else(no_certificate)?);
        let private = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsCertificateError::NoKey { path: key.to_owned() })?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsCertificateError::Unusable)?;
        let mut config = builder
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| TlsCertificateError::of(error, certificate, key))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = Arc::clone(tickets);
        Ok(Current { config: Arc::new(config), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    /// Writes a certificate for these names and its key, and returns both.
    fn issue(directory: &TempDir, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key);
        let (certificate, key) = (certificate.unwrap().pem(), key.serialize_pem());
        fs::write(directory.path().join("cert.pem"), &certificate).unwrap();
        fs::write(directory.path().join("key.pem"), &key).unwrap();
        (certificate, key)
    }

    fn open(directory: &TempDir) -> Result<TlsCertificate, TlsCertificateError> {
        let file = |name| directory.path().join(name);
        TlsCertificate::from_files(file("cert.pem"), file("key.pem"))
    }

    fn put(directory: &TempDir, name: &str, text: &str) {
        fs::write(directory.path().join(name), text).unwrap();
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let said = || open(&directory).unwrap_err().to_string();
        assert!(said().contains("cert.pem cannot be read"), "{}", said());
        let (_, other_key) = issue(&directory, "localhost");
        let (certificate, key) = issue(&directory, "localhost");
        assert!(open(&directory).is_ok());
        put(&directory, "key.pem", &other_key);
        assert!(said().contains("is not the key of the certificate"), "{}", said());
        put(&directory, "key.pem", &certificate);
        assert!(said().contains("key.pem has no private key"), "{}", said());
        put(&directory, "key.pem", &key);
        put(&directory, "cert.pem", &key);
        assert!(said().contains("cert.pem has no certificate"), "{}", said());
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        put(&directory, "cert.pem", nonsense);
        assert!(said().contains("cannot be used for TLS"), "{}", said());
    }

    #[test]
    fn new_files_are_used_once_both_are_there() {
        let directory = tempfile::tempdir().unwrap();
        issue(&directory, "localhost");
        let used = open(&directory).unwrap();
        let before = used.config();
        assert!(!used.reload_if_changed().unwrap());
        let (certificate, key) = issue(&directory, "other.example");
        assert!(!used.reload_if_changed().unwrap(), "it may not be complete");
        assert!(used.reload_if_changed().unwrap());
        assert!(!Arc::ptr_eq(&before, &used.config()));
        assert!(!used.reload_if_changed().unwrap());

        let before = used.config();
        put(&directory, "cert.pem", "");
        assert!(!used.reload_if_changed().unwrap());
        assert!(used.reload_if_changed().is_err());
        assert!(!used.reload_if_changed().unwrap(), "it is said once");
        fs::remove_file(directory.path().join("cert.pem")).unwrap();
        assert!(!used.reload_if_changed().unwrap());
        assert!(used.reload_if_changed().is_err());
        assert!(!used.reload_if_changed().unwrap());
        assert!(Arc::ptr_eq(&before, &used.config()), "the previous one stays");
        put(&directory, "cert.pem", &certificate);
        put(&directory, "key.pem", &key);
        assert!(!used.reload_if_changed().unwrap());
        assert!(used.reload_if_changed().unwrap());
    }

    #[test]
    fn the_end_of_a_certificate_is_known() {
        let directory = tempfile::tempdir().unwrap();
        for year in [2049, 2050] {
            let key = KeyPair::generate().unwrap();
            let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(year, 2, 28);
            let expected = SystemTime::from(parameters.not_after);
            put(&directory, "cert.pem", &parameters.self_signed(&key).unwrap().pem());
            put(&directory, "key.pem", &key.serialize_pem());
            assert_eq!(open(&directory).unwrap().expires_at(), Some(expected));
        }
    }
}
