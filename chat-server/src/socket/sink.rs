use std::sync::Arc;

use bytes::Bytes;
use chat_core::CHAT_MESSAGE;
use socketioxide::extract::AckSender;
use socketioxide::handler::FromMessageParts;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Value;

use crate::delivery::{Answer, Sent, Sink};
use crate::log::Arguments;
use crate::transport::Link;

/// About how many bytes an answer has.
const ANSWER_BYTES: usize = 64;

/// One Socket.IO connection as the place where deliveries go.
pub(crate) struct SocketSink {
    socket: Arc<Socket>,
    link: Arc<Link>,
}

impl SocketSink {
    pub(crate) fn new(socket: Arc<Socket>, link: Arc<Link>) -> Self {
        Self { socket, link }
    }

    fn send(&self, bytes: usize, send: impl FnOnce() -> Result<(), SendError>) -> Sent {
        if self.link.is_closed() {
            return Sent::Gone;
        }
        if !self.link.has_room() {
            return Sent::Full;
        }
        self.link.sending(bytes);
        match send() {
            Ok(()) => Sent::Yes,
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Sent::Full,
            Err(SendError::Socket(SocketError::Closed)) => Sent::Gone,
            Err(SendError::Serialize(error)) => {
                // Our own types always serialise. Going on would break a promise, so the client is made
                // to come back and ask again.
                tracing::error!("a packet could not be serialised: {error}");
                self.link.close();
                Sent::Gone
            }
        }
    }
}

impl Sink for SocketSink {
    fn deliver(&self, arguments: &Arguments) -> Sent {
        self.send(arguments.len(), || self.socket.emit(CHAT_MESSAGE, arguments))
    }

    fn answer(&self, ack_id: i64, answer: &Answer) -> Sent {
        // Made anew for each try: one that fails to send is used up.
        let Ok(ack) = AckSender::from_message_parts(
            &self.socket,
            &mut Value::Bytes(Bytes::new()),
            &Some(ack_id),
        );
        self.send(ANSWER_BYTES, || ack.send(answer))
    }

    async fn room(&self) {
        self.link.drained().await;
    }

    async fn flushed(&self) {
        while !self.link.is_drained() && !self.link.is_closed() {
            self.link.drained().await;
        }
    }
}
