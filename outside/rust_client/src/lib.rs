//! A client with `rust_socketio` that hears everything once, in order, and whose messages are stored once. It stands in
//! the project's `docs/CLIENTS.md`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder, ReconnectSettings};
use rust_socketio::{Error, Event, Payload};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// How long an ack may take before the message is sent again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client in the room `general`.
pub struct ChatClient {
    url: String,
    place: Arc<Place>,
    client: Client,
}

/// Where the client is in the room. Two connections may be there for a moment: a message counts once.
struct Place {
    server_offset: Mutex<u64>,
    show: Box<dyn Fn(&str) + Send + Sync>,
}

impl Place {
    fn server_offset(&self) -> MutexGuard<'_, u64> {
        self.server_offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatClient {
    /// Connects to the server at `url`, and calls `show` for each message after `server_offset`.
    ///
    /// # Errors
    /// When the first attempt to connect fails. Later ones are repeated.
    pub async fn start(
        url: &str,
        server_offset: u64,
        show: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let server_offset = Mutex::new(server_offset);
        let place = Arc::new(Place { server_offset, show: Box::new(show) });
        let client = connect(url, &place).await?;
        Ok(Self { url: url.to_owned(), place, client })
    }

    /// Sends a message until it is acked, and returns the answer.
    pub async fn say(&mut self, content: &str) -> Value {
        let key = Uuid::new_v4().to_string();
        loop {
            if let Some(answer) = self.try_to_say(content, &key).await {
                return answer;
            }
            // The library keeps an ack that never came, and its task panics when a later one gets the same random
            // number, below 999. A new client has none.
            timeout(PATIENCE, self.client.disconnect()).await.ok();
            sleep(Duration::from_secs(1)).await;
            if let Ok(Ok(client)) = timeout(PATIENCE, connect(&self.url, &self.place)).await {
                self.client = client;
            }
        }
    }

    async fn try_to_say(&self, content: &str, key: &str) -> Option<Value> {
        let (sender, answer) = oneshot::channel();
        let mut sender = Some(sender);
        let acked = move |payload, _| {
            if let (Payload::Text(answer), Some(sender)) = (payload, sender.take()) {
                sender.send(answer).ok();
            }
            async {}.boxed()
        };
        let message = vec![json!(content), json!(key)];
        let sent = self.client.emit_with_ack("chat message", message, PATIENCE, acked);
        timeout(PATIENCE, sent).await.ok()?.ok()?;
        let answer = timeout(PATIENCE, answer).await.ok()?.ok()?;
        Some(answer[0][0].clone())
    }
}

async fn connect(url: &str, place: &Arc<Place>) -> Result<Client, Error> {
    let (place, hearing) = (Arc::clone(place), Arc::clone(place));
    let auth = move || json!({ "serverOffset": *place.server_offset() });
    let accepted = Arc::new(Notify::new());
    let accept = Arc::clone(&accepted);
    let client = ClientBuilder::new(url)
        .auth(auth())
        .on(Event::Connect, move |_, _| {
            accept.notify_one();
            async {}.boxed()
        })
        .on_reconnect(move || {
            let mut settings = ReconnectSettings::new();
            settings.auth(auth());
            async { settings }.boxed()
        })
        .on("chat message", move |payload, _| {
            if let Payload::Text(arguments) = payload
                && let [Value::String(content), Value::Number(offset), ..] = &arguments[..]
            {
                let mut server_offset = hearing.server_offset();
                if let Some(offset) = offset.as_u64().filter(|offset| offset > &server_offset) {
                    (hearing.show)(content);
                    *server_offset = offset;
                }
            }
            async {}.boxed()
        })
        .connect()
        .await?;
    // The library returns before the server has accepted the client, which takes no message before.
    timeout(PATIENCE, accepted.notified()).await.ok();
    Ok(client)
}
