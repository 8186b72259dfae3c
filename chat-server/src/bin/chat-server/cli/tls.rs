//! TLS of the server's own listeners: its options, and the certificate that follows its files.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use chat_server::TlsCertificate;
use clap::Args;
use clap::builder::BoolishValueParser;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::one_line::one_line;

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(3);

/// How long before its end the log warns of a certificate that nobody has renewed.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct TlsArgs {
    /// File with the server's certificate and the intermediate ones (PEM, fullchain.pem); clients then use https:// and wss://
    ///
    /// The server reads the files of --tls-cert and --tls-key again when they change, and on SIGHUP. If it cannot use them, it
    /// keeps the previous certificate.
    #[arg(long, env = "CHAT_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// File with the private key of --tls-cert (PEM, privkey.pem)
    #[arg(long, env = "CHAT_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Use TLS for --admin-listen, too, with the same certificate
    #[arg(long, env = "CHAT_ADMIN_TLS", value_parser = BoolishValueParser::new())]
    admin_tls: bool,
}

impl TlsArgs {
    pub(super) fn is_used(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Refuses options that make no sense together.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.admin_tls && !self.is_used() {
            bail!("--admin-tls needs the certificate of --tls-cert and --tls-key");
        }
        Ok(())
    }

    /// Returns what the URLs of the chat begin with.
    pub(super) fn scheme(&self) -> &'static str {
        if self.is_used() { "https" } else { "http" }
    }

    pub(super) fn is_for_operator(&self) -> bool {
        self.is_used() && self.admin_tls
    }

    /// Reads the certificate; none if there is to be no TLS.
    pub(super) fn certificate(&self) -> anyhow::Result<Option<TlsCertificate>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let certificate = TlsCertificate::from_files(certificate, key)
            .context("--tls-cert and --tls-key cannot be used")?;
        tell_end(&certificate);
        Ok(Some(certificate))
    }
}

/// Reads the files again. If something is wrong with them, logs it and keeps the previous certificate.
pub(super) fn reload(certificate: &TlsCertificate) {
    tell(certificate, certificate.reload().map(|()| true));
}

/// Follows the files. Never returns.
pub(super) async fn follow(certificate: TlsCertificate) {
    loop {
        sleep(PAUSE).await;
        let certificate = certificate.clone();
        // It cannot panic.
        let _ = spawn_blocking(move || {
            let changed = certificate.reload_if_changed();
            tell(&certificate, changed);
        })
        .await;
    }
}

fn tell(certificate: &TlsCertificate, changed: Result<bool, chat_server::TlsCertificateError>) {
    match changed {
        Ok(false) => {}
        Ok(true) => tell_end(certificate),
        Err(error) => tracing::error!(
            "the TLS certificate stays as it was: {}",
            one_line(&anyhow::Error::new(error))
        ),
    }
}

fn tell_end(certificate: &TlsCertificate) {
    let Some(end) = certificate.expires_at() else {
        tracing::info!("a TLS certificate is used that does not say when it expires");
        return;
    };
    let date = humantime::format_rfc3339_seconds(end);
    match end.duration_since(SystemTime::now()) {
        Err(_) => tracing::warn!("the TLS certificate has expired on {date}; clients refuse it"),
        Ok(left) if left < SOON => {
            tracing::warn!("the TLS certificate expires on {date}; renew it");
        }
        Ok(_) => tracing::info!("the TLS certificate is valid until {date}"),
    }
}
