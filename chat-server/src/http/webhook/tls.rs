use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::{ClientConfig, Error as RustlsError, RootCertStore};

/// Why a webhook cannot use TLS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookTlsError {
    /// A certificate cannot be read.
    #[error("the certificates of authorities cannot be read")]
    Pem(#[source] PemError),
    /// There is no certificate.
    #[error("there is no certificate")]
    NoCertificate,
    /// A certificate is not one of an authority, or TLS is not possible at all.
    #[error("TLS cannot be used")]
    Tls(#[from] RustlsError),
    /// The system trusts nobody.
    #[error("this system has no certificates of authorities; install `ca-certificates`")]
    NobodyToTrust,
}

/// Reads the certificates in a PEM file.
pub(super) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, WebhookTlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(WebhookTlsError::Pem)?;
    // Found here, and not only when it connects.
    roots(&certificates)?;
    if certificates.is_empty() { Err(WebhookTlsError::NoCertificate) } else { Ok(certificates) }
}

/// Returns the TLS of a client that trusts the authorities of the system and these.
pub(super) fn client(
    authorities: &[CertificateDer<'static>],
) -> Result<ClientConfig, WebhookTlsError> {
    let mut roots = roots(authorities)?;
    let system = rustls_native_certs::load_native_certs();
    // Some systems have some that nobody can use.
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        return Err(WebhookTlsError::NobodyToTrust);
    }
    // Named, because there is no default where others are compiled in, too.
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, RustlsError> {
    let mut roots = RootCertStore::empty();
    authorities.iter().try_for_each(|certificate| roots.add(certificate.clone()))?;
    Ok(roots)
}
