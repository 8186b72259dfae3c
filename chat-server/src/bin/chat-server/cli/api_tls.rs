//! HTTPS to a server, or to the proxy in front of it.

use std::io;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Speaks TLS over a connection to a host, whose certificate must be that of an authority that the system trusts, or of one
/// in the files of the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// # Errors
/// When the certificate is not trusted or not for this host, or TLS cannot be used: one line that says why.
pub(super) async fn secure(host: &str, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        bail!("this system has no certificates of authorities; install ca-certificates");
    }
    // Named, because there is no default where others are compiled in, too.
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    // An address in the form of a URL has brackets around IPv6.
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).context("no certificate is for such a host")?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| described(&error))
}

fn described(error: &io::Error) -> anyhow::Error {
    let hint = "set SSL_CERT_FILE to the certificate of an authority of your own";
    anyhow::anyhow!("the server's TLS is not accepted: {error}; {hint}")
}
