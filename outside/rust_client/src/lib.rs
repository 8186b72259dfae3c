//! A client with `rust_socketio` that hears everything once, in order, and whose messages are stored once. It stands in
//! the project's `docs/CLIENTS.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder, ReconnectSettings};
use rust_socketio::{Error, Payload};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// How long an ack may take before the message is sent again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the server at `url`, calls `show` for each message after `server_offset`, and moves that on.
///
/// # Errors
/// When the first attempt to connect fails. Later ones are repeated.
pub async fn start(
    url: &str,
    server_offset: Arc<AtomicU64>,
    show: impl Fn(&str) + Send + Sync + 'static,
) -> Result<Client, Error> {
    let offset = Arc::clone(&server_offset);
    let auth = move || json!({ "serverOffset": offset.load(Ordering::Relaxed) });
    ClientBuilder::new(url)
        .auth(auth())
        .on_reconnect(move || {
            let mut settings = ReconnectSettings::new();
            settings.auth(auth());
            async { settings }.boxed()
        })
        .on("chat message", move |payload, _| {
            if let Payload::Text(arguments) = payload
                && let [Value::String(content), offset, ..] = &arguments[..]
            {
                show(content);
                server_offset.store(offset.as_u64().unwrap_or_default(), Ordering::Relaxed);
            }
            async {}.boxed()
        })
        .connect()
        .await
}

/// Sends a message until it is acked, and returns the answer. Call it for one message after the other.
pub async fn say(client: &Client, content: &str) -> Value {
    let key = Uuid::new_v4().to_string();
    loop {
        let (sender, answer) = oneshot::channel();
        let mut sender = Some(sender);
        let acked = move |payload, _| {
            if let (Payload::Text(answer), Some(sender)) = (payload, sender.take()) {
                sender.send(answer).ok();
            }
            async {}.boxed()
        };
        let message = vec![json!(content), json!(key)];
        let sent = client.emit_with_ack("chat message", message, PATIENCE, acked);
        if let Ok(Ok(())) = timeout(PATIENCE, sent).await
            && let Ok(Ok(answer)) = timeout(PATIENCE, answer).await
        {
            return answer[0][0].clone();
        }
        sleep(Duration::from_secs(1)).await;
    }
}
