use std::sync::Arc;

use bytes::Bytes;
use socketioxide::extract::AckSender;
use socketioxide::handler::FromMessageParts;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Value;

use super::connection::Connection;
use super::observe::Direction;
use crate::delivery::{Answer, Notice, Sent, Sink};
use crate::log::Arguments;

/// About how many bytes an answer has.
fn answer_bytes(answer: &Answer) -> usize {
    const SMALL: usize = 64;
    match answer {
        Answer::History(history) => {
            history.messages.iter().map(|message| message.content.as_str().len() + 200).sum()
        }
        Answer::Users(users) => SMALL + 32 * users.nicknames.len(),
        _ => SMALL,
    }
}

/// One Socket.IO connection as the place where deliveries go.
pub(crate) struct SocketSink {
    socket: Arc<Socket>,
    connection: Arc<Connection>,
}

impl SocketSink {
    pub(crate) fn new(socket: Arc<Socket>, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }

    fn send(
        &self,
        event: Option<&str>,
        bytes: usize,
        send: impl FnOnce() -> Result<(), SendError>,
    ) -> Sent {
        let Connection { link, services, session, .. } = &*self.connection;
        if link.is_closed() {
            return Sent::Gone;
        }
        if !link.has_room() {
            return Sent::Full;
        }
        link.sending(bytes);
        match send() {
            Ok(()) => {
                services.hooks.observed(session.id(), Direction::Outgoing, event, bytes);
                Sent::Yes
            }
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Sent::Full,
            Err(SendError::Socket(SocketError::Closed)) => Sent::Gone,
            Err(SendError::Serialize(error)) => {
                // Our own types always serialise. Going on would break a promise, so the client is made
                // to come back and ask again.
                tracing::error!("a packet could not be serialised: {error}");
                link.close();
                Sent::Gone
            }
        }
    }
}

impl Sink for SocketSink {
    fn deliver(&self, event: &'static str, arguments: &Arguments) -> Sent {
        self.send(Some(event), arguments.len(), || self.socket.emit(event, arguments))
    }

    fn answer(&self, ack_id: i64, answer: &Answer) -> Sent {
        // Made anew for each try: one that fails to send is used up.
        let Ok(ack) = AckSender::from_message_parts(
            &self.socket,
            &mut Value::Bytes(Bytes::new()),
            &Some(ack_id),
        );
        self.send(None, answer_bytes(answer), || ack.send(answer))
    }

    fn notify(&self, notice: &Notice) -> Sent {
        let Notice { event, argument } = notice;
        self.send(Some(event), argument.get().len(), || self.socket.emit(event, argument))
    }

    async fn room(&self) {
        self.connection.link.drained().await;
    }

    async fn flushed(&self) {
        let link = &self.connection.link;
        while !link.is_drained() && !link.is_closed() {
            link.drained().await;
        }
    }

    async fn saved(&self) {
        self.connection.session.saved().await;
    }
}
