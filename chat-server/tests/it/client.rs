use std::io::{self, ErrorKind};
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
        Self::try_connect(address, &auth).await.unwrap()
    }

    /// The same with a server that may not be there.
    pub(crate) async fn try_connect(address: &str, auth: &Value) -> io::Result<(Self, Value)> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = Self(connect_async(url).await.map_err(io::Error::other)?.0);
        assert!(client.try_packet().await?.starts_with('0'));
        client.try_send(&format!("40{auth}")).await?;
        let session = client.try_packet().await?;
        let session = serde_json::from_str(session.strip_prefix("40").expect(&session))?;
        Ok((client, session))
    }

    /// Sends a packet.
    pub(crate) async fn send(&mut self, packet: &str) {
        self.try_send(packet).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, packet: &str) -> io::Result<()> {
        self.0.send(Packet::text(packet)).await.map_err(io::Error::other)
    }

    /// The next packet that is no heartbeat.
    pub(crate) async fn packet(&mut self) -> String {
        timeout(PATIENCE, self.try_packet()).await.expect("a packet").unwrap()
    }

    /// The same, however long it takes, on a connection that may end.
    pub(crate) async fn try_packet(&mut self) -> io::Result<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Packet::Text(text))) if text.as_str() == "2" => self.try_send("3").await?,
                Some(Ok(Packet::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Packet::Close(_))) | None => return Err(ErrorKind::UnexpectedEof.into()),
                Some(Ok(packet)) => panic!("{packet:?}"),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}
