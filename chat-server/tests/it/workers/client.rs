use std::collections::VecDeque;
use std::io;

use serde_json::{Value, json};

use crate::client;

/// A client that reads the log from its beginning, on a connection that may end.
pub(super) struct Client {
    connection: client::Client,
    /// Messages that came while an ack was waited for.
    messages: VecDeque<Message>,
    acks: VecDeque<u64>,
}

/// A message and its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) offset: u64,
    pub(super) content: String,
}

impl Client {
    pub(super) async fn connect(port: u16) -> io::Result<Self> {
        let (address, auth) = (format!("127.0.0.1:{port}"), json!({ "serverOffset": 0 }));
        let (connection, _) = client::Client::try_connect(&address, &auth).await?;
        Ok(Self { connection, messages: VecDeque::new(), acks: VecDeque::new() })
    }

    /// Sends a message whose content is also its key.
    pub(super) async fn send(&mut self, content: &str) -> io::Result<()> {
        let event = json!(["chat message", content, content]);
        self.connection.try_send(&format!("421{event}")).await
    }

    /// The offset in the next ack.
    pub(super) async fn ack(&mut self) -> io::Result<u64> {
        loop {
            if let Some(offset) = self.acks.pop_front() {
                return Ok(offset);
            }
            self.read().await?;
        }
    }

    /// The next message.
    pub(super) async fn message(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let packet = self.connection.try_packet().await?;
        if let Some(event) = packet.strip_prefix("42") {
            let event: Value = serde_json::from_str(event)?;
            if event[0] != "chat message" {
                return Ok(());
            }
            let content = event[1].as_str().expect("content").to_owned();
            let offset = event[2].as_u64().expect("an offset");
            self.messages.push_back(Message { offset, content });
        } else if let Some(ack) = packet.strip_prefix("431") {
            let ack: Value = serde_json::from_str(ack)?;
            self.acks.push_back(ack[0]["offset"].as_u64().expect("an offset"));
        }
        Ok(())
    }
}
