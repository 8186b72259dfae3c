use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that sends and gets packets as they are.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Connects, and returns what the server says of the session.
    pub(crate) async fn connect(address: &str, auth: Value) -> (Self, Value) {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = Self(connect_async(url).await.unwrap().0);
        assert!(client.packet().await.starts_with('0'));
        client.send(&format!("40{auth}")).await;
        let session = client.packet().await;
        let session = serde_json::from_str(session.strip_prefix("40").expect(&session)).unwrap();
        (client, session)
    }

    /// Sends a packet.
    pub(crate) async fn send(&mut self, packet: &str) {
        self.0.send(Packet::text(packet)).await.unwrap();
    }

    /// The next packet that is no heartbeat.
    pub(crate) async fn packet(&mut self) -> String {
        loop {
            let packet = timeout(PATIENCE, self.0.next()).await.expect("a packet").unwrap();
            match packet.unwrap().to_text().unwrap() {
                "2" => self.send("3").await,
                packet => return packet.to_owned(),
            }
        }
    }
}
