//! The options for webhooks.

use std::path::PathBuf;

use anyhow::{Context, bail};
use chat_core::RoomId;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::one_line::one_line;
use chat_server::{Chat, Webhook, WebhookSecrets, WebhookUrl};

#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Webhooks")]
pub(super) struct WebhookArgs {
    /// URL to which everything said in rooms from now on is sent by POST, signed; separate several with commas or repeat
    /// the option
    ///
    /// Each message is sent at least once and in order, by one of all nodes, also after a restart: it is sent again until
    /// the receiver answers with status 2xx. Write a comma in a URL as %2C. The server connects to whatever the URL
    /// names, also inside your network.
    #[arg(
        long = "webhook",
        env = "CHAT_WEBHOOK",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ',',
        requires = "secret_files"
    )]
    // Parsed later: an error here would show what may be secret in it.
    urls: Vec<String>,

    /// File with the secret that signs what is sent to --webhook; give one for all URLs, or one for each, in their order
    ///
    /// Create one with "(umask 077; echo whsec_$(openssl rand -base64 32) > FILE)". Each line is a secret, and each one
    /// signs, so you can change the secret while the receiver accepts both. Nobody but the owner of FILE may read it. On
    /// SIGHUP it is read again.
    #[arg(
        long = "webhook-secret-file",
        env = "CHAT_WEBHOOK_SECRET_FILE",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "urls"
    )]
    secret_files: Vec<PathBuf>,

    /// Rooms whose messages are sent to --webhook; without this option, those of all rooms
    #[arg(
        id = "webhook_rooms",
        long = "webhook-rooms",
        env = "CHAT_WEBHOOK_ROOMS",
        value_name = "ROOM,…",
        value_delimiter = ',',
        requires = "urls"
    )]
    rooms: Vec<RoomId>,

    /// Send private messages to --webhook, too
    #[arg(long = "webhook-private", env = "CHAT_WEBHOOK_PRIVATE", value_parser = BoolishValueParser::new())]
    has_private_messages: bool,

    /// File with certificates of authorities (PEM) that --webhook trusts in addition to those of the system
    #[arg(long = "webhook-ca", env = "CHAT_WEBHOOK_CA", value_name = "FILE", requires = "urls")]
    authorities: Option<PathBuf>,
}

/// The webhooks of the options, and the files with their secrets.
#[derive(Clone)]
pub(super) struct Webhooks {
    webhooks: Vec<Webhook>,
    pub(super) secrets: Vec<WebhookSecrets>,
}

impl WebhookArgs {
    pub(super) fn has_files(&self) -> bool {
        !self.secret_files.is_empty()
    }

    /// Reads the files of the webhooks.
    pub(super) fn webhooks(&self) -> anyhow::Result<Webhooks> {
        let secrets = self.secret_files.iter().map(|path| {
            let secrets = WebhookSecrets::from_file(path).map_err(anyhow::Error::new);
            secrets.context("--webhook-secret-file cannot be used")
        });
        let secrets: Vec<_> = secrets.collect::<anyhow::Result<_>>()?;
        if secrets.len() > 1 && secrets.len() != self.urls.len() {
            let (files, urls) = (secrets.len(), self.urls.len());
            bail!(
                "{files} of --webhook-secret-file and {urls} of --webhook; give one for all, or one for each"
            );
        }
        let is_twice = |(index, url)| self.urls[..index].contains(url);
        if self.urls.iter().enumerate().any(is_twice) {
            bail!("--webhook has a URL twice");
        }
        let authorities = self.authorities.as_ref().map(|path| {
            let pem = std::fs::read(path);
            pem.with_context(|| format!("--webhook-ca {} cannot be read", path.display()))
        });
        let authorities = authorities.transpose()?;
        let webhook = |(url, secrets): (&String, &WebhookSecrets)| {
            let url = url.parse::<WebhookUrl>().context("--webhook cannot be used")?;
            let mut webhook = Webhook::new(url, secrets.clone());
            if !self.rooms.is_empty() {
                webhook = webhook.of_rooms(self.rooms.iter().cloned());
            }
            if self.has_private_messages {
                webhook = webhook.with_private_messages();
            }
            match &authorities {
                Some(pem) => webhook.with_authorities(pem).context("--webhook-ca cannot be used"),
                None => Ok(webhook),
            }
        };
        // Of one for all or one for each, each URL gets its own.
        let webhooks = self.urls.iter().zip(secrets.iter().cycle()).map(webhook);
        let webhooks = webhooks.collect::<anyhow::Result<_>>()?;
        Ok(Webhooks { webhooks, secrets })
    }
}

impl Webhooks {
    /// Starts them.
    pub(super) fn start(self, chat: &Chat) -> anyhow::Result<()> {
        for webhook in self.webhooks {
            chat.webhook(webhook).context("--webhook cannot be used")?;
        }
        Ok(())
    }
}

/// Reads a file again. Logs what is wrong with it, and keeps the previous secrets then.
pub(super) fn reload(secrets: &WebhookSecrets) {
    if let Err(error) = secrets.reload() {
        let error = one_line(&anyhow::Error::new(error));
        tracing::error!("the secrets of webhooks stay as they were: {error}");
    }
}
