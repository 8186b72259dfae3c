use super::Chat;
use crate::engine::consumers::Consuming;
use crate::http::webhook::{Webhook, WebhookTlsError};

impl Chat {
    /// Sends what is said to a URL, at least once and in order, over restarts and from one of all nodes: see
    /// [`Webhook`].
    ///
    /// ```
    /// use chat_server::Webhook;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// # let chat = chat_server::Chat::builder(store).start().await?;
    /// let url = "http://localhost:8080/hook".parse()?;
    /// let secrets = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
    /// chat.webhook(Webhook::new(url, secrets).of_rooms(["orders".parse()?]))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Give a URL once: a second webhook for it would wait for the first one to end.
    ///
    /// # Errors
    /// When the URL has TLS, and there are no authorities to trust.
    pub fn webhook(&self, webhook: Webhook) -> Result<Consuming, WebhookTlsError> {
        let consumption = webhook.consumption();
        Ok(self.consume(consumption, webhook.delivery(self.log.epoch())?))
    }
}
