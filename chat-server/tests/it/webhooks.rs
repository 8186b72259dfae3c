//! Webhooks, as receivers meet them.

mod delivery;
pub(crate) mod https;
mod program;
mod receiver;

use std::sync::Arc;

use chat_adapter::LocalBroadcast;
use chat_server::{Chat, Webhook, WebhookSecrets};
use chat_store::Store;
use receiver::{Delivered, Receiver};
use serde_json::Value;

/// Two secrets, each a line, and the bytes of each.
const SECRETS: [(&str, [u8; 24]); 2] = [
    ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", [0; 24]),
    ("whsec_////////////////////////////////", [0xff; 24]),
];

fn secrets(count: usize) -> WebhookSecrets {
    let lines = SECRETS[..count].iter().map(|(line, _)| format!("{line}\n"));
    lines.collect::<String>().parse().unwrap()
}

/// A webhook for everything in rooms, from the beginning.
fn webhook(receiver: &Receiver) -> Webhook {
    Webhook::new(receiver.url("http").parse().unwrap(), secrets(1)).from_the_beginning()
}

async fn node(store: &Arc<dyn Store>, broadcast: &Arc<LocalBroadcast>) -> Chat {
    let chat = Chat::builder(Arc::clone(store)).broadcast(broadcast.clone());
    chat.start().await.unwrap()
}

/// The contents of the messages that were delivered, each as often as it was.
fn contents(delivered: &[Delivered]) -> Vec<String> {
    let messages = delivered.iter().flat_map(Delivered::messages);
    messages.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Checks that they are 1, 2, 3 and so on, if one that was delivered before may be again.
fn are_in_order(delivered: &[Delivered]) {
    let mut newest = 0;
    for message in delivered.iter().flat_map(Delivered::messages) {
        let offset = message["offset"].as_u64().unwrap();
        assert!(offset <= newest + 1, "{newest} is followed by {offset}");
        newest = newest.max(offset);
    }
}

/// The newest offset that was delivered.
fn newest(delivered: &[Delivered]) -> u64 {
    let messages = delivered.iter().flat_map(Delivered::messages);
    messages.filter_map(|message: Value| message["offset"].as_u64()).max().unwrap_or_default()
}
