use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio_rustls::rustls::Error as RustlsError;

/// Why a certificate and its key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsCertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The first file has no certificate.
    #[error("{} has no certificate in PEM (BEGIN CERTIFICATE)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The second file has no private key.
    #[error(
        "{} has no private key in PEM (BEGIN PRIVATE KEY), or one with a password, which must be taken off first",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error(
        "{} is not the key of the certificate that stands first in {}; the server's own goes before those of \
         authorities",
        key.display(),
        certificate.display()
    )]
    WrongKey {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The certificate or its key is of a kind that TLS has no use for.
    #[error("the certificate or its key cannot be used for TLS")]
    Unusable(#[source] RustlsError),
}

impl TlsCertificateError {
    pub(super) fn of(error: RustlsError, certificate: &Path, key: &Path) -> Self {
        match error {
            RustlsError::InconsistentKeys(_) => {
                Self::WrongKey { certificate: certificate.to_owned(), key: key.to_owned() }
            }
            error => Self::Unusable(error),
        }
    }
}
