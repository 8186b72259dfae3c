//! The files that are read again on SIGHUP.

use anyhow::Context;
use chat_server::{ApiTokens, JwtVerifier, TlsCertificate, WebhookSecrets};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

use super::{Cli, api_token, tls, webhooks};

/// What is read from files.
#[derive(Clone)]
pub(super) struct Reloaded {
    pub(super) verifier: Option<JwtVerifier>,
    pub(super) tokens: Option<ApiTokens>,
    pub(super) secrets: Vec<WebhookSecrets>,
    pub(super) certificate: Option<TlsCertificate>,
}

/// Returns the signal on which the files are read again; none without any secret file, and the signal ends the process as
/// ever. Secrets of the operator's listener and of the cluster are read at the start only, and who sends the signal
/// because of them ends nothing.
pub(super) fn reload_signal(cli: &Cli) -> anyhow::Result<Option<Signal>> {
    let has_files = cli.jwt.has_keys()
        || cli.api_tokens.is_some()
        || cli.webhooks.has_files()
        || cli.tls.is_used()
        || cli.admin_token_file.is_some()
        || cli.cluster_secret_file.is_some();
    has_files.then(|| signal(SignalKind::hangup()).context("cannot wait for SIGHUP")).transpose()
}

impl Reloaded {
    /// Reads the files again on each signal. Never returns.
    pub(super) async fn reload(self, mut asked: Signal) {
        while asked.recv().await.is_some() {
            let Self { verifier, tokens, secrets, certificate } = self.clone();
            // It cannot panic, and has logged what is wrong.
            let _ = spawn_blocking(move || {
                verifier.as_ref().map(JwtVerifier::reload);
                tokens.iter().for_each(api_token::reload);
                secrets.iter().for_each(webhooks::reload);
                certificate.iter().for_each(tls::reload);
            })
            .await;
        }
    }
}
