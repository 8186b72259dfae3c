//! A Socket.IO client with no more than these tests need.

use std::collections::VecDeque;
use std::io;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A connection, at the beginning of the log.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Messages that came while an ack was waited for.
    messages: VecDeque<Message>,
    acks: VecDeque<u64>,
}

/// A message and its offset in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) offset: u64,
    pub(super) content: String,
}

impl Client {
    pub(super) async fn connect(port: u16) -> io::Result<Self> {
        let url = format!("ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.map_err(io::Error::other)?;
        let mut client = Self { socket, messages: VecDeque::new(), acks: VecDeque::new() };
        while !client.packet().await?.starts_with('0') {}
        client.write(format!("40{}", json!({ "serverOffset": 0 }))).await?;
        while !client.packet().await?.starts_with("40") {}
        Ok(client)
    }

    /// Sends a message whose content is also its key.
    pub(super) async fn send(&mut self, content: &str) -> io::Result<()> {
        self.write(format!("421{}", json!(["chat message", content, content]))).await
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
        let packet = self.packet().await?;
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

    /// The next packet that is no ping.
    async fn packet(&mut self) -> io::Result<String> {
        loop {
            match self.socket.next().await {
                Some(Ok(Packet::Text(text))) if text.as_str() == "2" => {
                    self.write("3".to_owned()).await?;
                }
                Some(Ok(Packet::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Packet::Close(_))) | None => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }

    async fn write(&mut self, packet: String) -> io::Result<()> {
        self.socket.send(Packet::text(packet)).await.map_err(io::Error::other)
    }
}
