//! Webhooks: a consumer that sends each message to a URL, signed as [Standard
//! Webhooks](https://www.standardwebhooks.com) says.

mod delivery;
mod receiver;
mod retry_after;
mod secrets;
mod tls;
mod url;

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Epoch, RoomId};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::engine::consumers::Consumption;
pub(crate) use delivery::Delivery;
use receiver::Receiver;
pub use secrets::{
    WebhookSecrets, WebhookSecretsError, WebhookSecretsFileError, WebhookSecretsFileErrorKind,
};
pub use tls::WebhookTlsError;
pub use url::{WebhookUrl, WebhookUrlError};

/// The maximum size of the contents of a batch: with what is around them it is below 100 kB, the limit of many a receiver.
const MOST_BYTES: usize = 64 * 1024;

/// Sends what is said in the chat to a URL, by POST. Start it with [`Chat::webhook`](crate::Chat::webhook).
///
/// # Contract
///
/// - **At least once, in order**, as a [`Consumer`](crate::Consumer) gets it: a batch is sent again until the receiver answers
///   with status 2xx, and the next one after that. Of all nodes, one sends. Its cursor is kept under the URL, so it goes on
///   after a restart where it was.
/// - **The body** is `{ "epoch", "messages": [ … ] }`, with a hundred messages and 64 KiB of contents at most. Each message has a `kind`: `message`, `message edited`,
///   `message deleted` or `reaction`, and otherwise the form it has in streams of the API. Together with the epoch, its
///   `offset` tells it apart.
/// - **The headers** are `webhook-id`, the same whenever a batch is sent again, unless something of it was deleted meanwhile;
///   `webhook-timestamp`, in seconds; and `webhook-signature`, `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64, once
///   for each secret.
/// - **Failures** are all other answers, redirects too, and none in [time](Self::with_timeout). The pause before the next
///   attempt grows from 100 milliseconds to 30 seconds; a `Retry-After` makes it longer, five minutes at most. Nothing is
///   skipped: after a 410 (Gone), too, it tries again, every five minutes, and logs an error each time, until the webhook is
///   taken away.
/// - **What is read of answers** is the status and 64 KiB. Neither secrets nor contents are logged, nor of the URL more than
///   scheme, host and port.
///
/// The URL is the operator's choice: nothing keeps it from leading to an internal address.
#[derive(Debug, Clone)]
pub struct Webhook {
    url: WebhookUrl,
    secrets: WebhookSecrets,
    authorities: Vec<CertificateDer<'static>>,
    from_the_beginning: bool,
    rooms: Option<Vec<RoomId>>,
    has_private_messages: bool,
    timeout: Duration,
}

impl Webhook {
    /// Creates a webhook for all messages to rooms from now on, with ten seconds for each delivery.
    pub fn new(url: WebhookUrl, secrets: WebhookSecrets) -> Self {
        Self {
            url,
            secrets,
            authorities: Vec::new(),
            from_the_beginning: false,
            rooms: None,
            has_private_messages: false,
            timeout: Duration::from_secs(10),
        }
    }

    /// Begins with the first message of the log, unless its cursor is kept already.
    #[must_use]
    pub fn from_the_beginning(self) -> Self {
        Self { from_the_beginning: true, ..self }
    }

    /// Sends the messages of these rooms only, and private ones if it is [told to](Self::with_private_messages).
    #[must_use]
    pub fn of_rooms(self, rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self { rooms: Some(rooms.into_iter().collect()), ..self }
    }

    /// Sends private messages, too. By default they are left out.
    #[must_use]
    pub fn with_private_messages(self) -> Self {
        Self { has_private_messages: true, ..self }
    }

    /// Sets how long a delivery may take, with connecting and the answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Trusts these authorities, too, in PEM: for a receiver with a certificate of your own.
    ///
    /// # Errors
    /// When there is no certificate, or one cannot be read.
    pub fn with_authorities(mut self, pem: &[u8]) -> Result<Self, WebhookTlsError> {
        self.authorities.extend(tls::authorities(pem)?);
        Ok(self)
    }

    /// Returns what it consumes.
    pub(crate) fn consumption(&self) -> Consumption {
        let consumption = Consumption::new(self.url.cursor_name())
            .with_most_bytes_at_once(MOST_BYTES)
            .with_timeout(self.timeout);
        let consumption = match self.from_the_beginning {
            true => consumption.from_the_beginning(),
            false => consumption,
        };
        match &self.rooms {
            // Private messages are in no room: both are picked from everything.
            Some(rooms) if !self.has_private_messages => consumption.of_rooms(rooms.clone()),
            _ => consumption,
        }
    }

    /// Returns what sends the messages of a log.
    ///
    /// # Errors
    /// When the URL has TLS, and there is nobody to trust.
    pub(crate) fn delivery(self, epoch: &Epoch) -> Result<Delivery, WebhookTlsError> {
        let tls = match self.url.has_tls() {
            true => Some(tls::client(&self.authorities)?),
            false => None,
        };
        Ok(Delivery {
            receiver: Receiver::new(self.url, tls.map(Arc::new)),
            secrets: self.secrets,
            epoch: epoch.clone(),
            rooms: self.rooms,
            has_private_messages: self.has_private_messages,
        })
    }
}
