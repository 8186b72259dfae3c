use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use super::api_client::{ApiClient, ServerUrl};

/// Where the server is if no option says so.
const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// The environment variable with a token.
const TOKEN: &str = "CHAT_SERVER_TOKEN";

/// Which server to ask, and with which token.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ApiArgs {
    /// The server to ask over its API, with its base path if it has one: http://HOST:PORT, https://HOST/chat
    /// or unix:PATH
    ///
    /// With HTTPS, for the proxy in front of it, SSL_CERT_FILE may name the certificate of an authority of your own.
    #[arg(long, env = "CHAT_SERVER_URL", value_name = "URL")]
    pub(super) url: Option<ServerUrl>,

    /// File with the token, as "chat-server api-token" has printed it; the environment variable CHAT_SERVER_TOKEN may have
    /// it, too
    #[arg(long, env = "CHAT_SERVER_TOKEN_FILE", value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

impl ApiArgs {
    /// Returns what asks the server.
    ///
    /// # Errors
    /// When there is no token.
    pub(super) fn client(self) -> anyhow::Result<ApiClient> {
        let url = match self.url {
            Some(url) => url,
            None => DEFAULT_URL.parse()?,
        };
        let token =
            match &self.token_file {
                Some(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the token in {}", path.display()))?,
                None => std::env::var(TOKEN).ok().filter(|token| !token.is_empty()).ok_or_else(
                    || anyhow!("there is no token; give --token-file FILE, or set {TOKEN}"),
                )?,
            };
        ApiClient::new(url, token.trim())
    }
}
