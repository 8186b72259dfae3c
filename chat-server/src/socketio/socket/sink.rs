use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use chat_core::event::{HISTORY_GONE, HistoryGone};
use chat_core::{Offset, RecoveryOffset};
use socketioxide::extract::AckSender;
use socketioxide::handler::FromMessageParts;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Value;

use super::connection::Connection;
use super::observe::Direction;
use crate::engine::delivery::{Answer, EphemeralEvent, NotTaken, RoomPage, Sink, Taken};
use crate::engine::log::{Delivered, Entry, Position};
use crate::socketio::transport::{DirectWriter, Farewell, written_text_frame};

/// The approximate size in bytes of an answer whose JSON is not created yet.
const SHORT: usize = 64;

/// The sink for one Socket.IO connection.
pub(crate) struct SocketSink {
    socket: Arc<Socket>,
    connection: Arc<Connection>,
}

/// Encodes a delivery as a whole text message of a websocket, see the
/// [protocol](https://github.com/socketio/socket.io-protocol#packet-encoding); none if it cannot be serialised, which
/// no known message causes.
pub(crate) fn frame_of(delivered: &Delivered<'_>) -> Option<Box<[u8]>> {
    let frame = written_text_frame(delivered.bytes(), |frame| {
        frame.extend_from_slice(b"42");
        serde_json::to_writer(frame, delivered)
    });
    frame.ok().map(Vec::into_boxed_slice)
}

impl SocketSink {
    pub(crate) fn new(socket: Arc<Socket>, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }

    /// Hands something over, with the direct writer if there is one.
    fn send(
        &self,
        event: Option<&str>,
        bytes: usize,
        has_room: bool,
        by_direct_writer: impl FnOnce(&DirectWriter) -> Taken,
        by_socket: impl FnOnce() -> Result<(), SendError>,
    ) -> Taken {
        let Connection { link, direct_writer, services, session, .. } = &*self.connection;
        if link.is_closed() || !self.socket.connected() {
            return Err(NotTaken::Gone);
        }
        match direct_writer {
            None if !link.has_room() => return Err(NotTaken::Full),
            _ if has_room => link.outgoing.count_unsent(bytes),
            _ if !link.outgoing.make_room(bytes) => return Err(NotTaken::Full),
            _ => {}
        }
        let sent = match direct_writer {
            Some(direct_writer) => by_direct_writer(direct_writer),
            None => {
                link.outgoing.sending();
                self.sent_by_socket(by_socket()).inspect_err(|_| link.outgoing.sent(1))
            }
        };
        if sent.is_ok() {
            services.hooks.observed(session.id(), Direction::Outgoing, event, bytes);
        } else {
            link.outgoing.take_back(bytes);
        }
        sent
    }

    fn sent_by_socket(&self, result: Result<(), SendError>) -> Taken {
        match result {
            Ok(()) => Ok(()),
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Err(NotTaken::Full),
            Err(SendError::Socket(SocketError::Closed)) => Err(NotTaken::Gone),
            Err(SendError::Serialize(error)) => self.unserialisable(&error),
        }
    }

    /// Our own types always serialise. Going on would break a promise, so the client is made to come back
    /// and ask again.
    fn unserialisable(&self, error: &dyn std::fmt::Display) -> Taken {
        tracing::error!("a packet could not be serialised: {error}");
        self.connection.link.close(Farewell::Unavailable);
        Err(NotTaken::Gone)
    }
}

impl Sink for SocketSink {
    fn deliver(&self, entry: &Entry, rewinds: u32) -> Taken {
        let position = Position { epoch: self.connection.services.log.epoch(), rewinds };
        let event = entry.event();
        let receiver = Some(self.connection.authorship.author());
        if self.connection.direct_writer.is_some() {
            let Some(frame) = entry.encoded(receiver, &position, frame_of) else {
                return Ok(());
            };
            return self.send(
                Some(event),
                frame.len(),
                false,
                |direct_writer| direct_writer.push(&frame),
                || Ok(()),
            );
        }
        let Some(arguments) = entry.arguments(receiver, &position) else { return Ok(()) };
        let by_socket = || self.socket.emit(event, &*arguments);
        self.send(Some(event), arguments.len(), false, |_| Err(NotTaken::Gone), by_socket)
    }

    fn tell_gone(&self, upto: Offset, rewinds: u32) -> Taken {
        let epoch = self.connection.services.log.epoch().clone();
        let position = RecoveryOffset::new(epoch, upto).after_rewinds(rewinds);
        let gone = HistoryGone::upto(position);
        let json = match serde_json::to_string(&(HISTORY_GONE, &gone.0, &gone.1)) {
            Ok(json) => json,
            Err(error) => return self.unserialisable(&error),
        };
        let by_socket = || self.socket.emit(HISTORY_GONE, &(&gone.0, &gone.1));
        let by_direct_writer =
            |direct_writer: &DirectWriter| direct_writer.push_text(&[b"42", json.as_bytes()]);
        self.send(Some(HISTORY_GONE), json.len(), false, by_direct_writer, by_socket)
    }

    fn answer(&self, ack_id: i64, answer: &Answer) -> Taken {
        if let Answer::Page(RoomPage { json, rooms }) = answer {
            // Held until it is handed over: a change of access comes before or after.
            return match self.connection.permit_read(rooms) {
                Ok(_grant) => self.answer(ack_id, &Answer::Made(Arc::clone(json))),
                Err(denied) => self.answer(ack_id, &Answer::Refusal(denied.into())),
            };
        }
        let bytes = if let Answer::Made(json) = answer { json.get().len() } else { SHORT };
        let by_direct_writer = |direct_writer: &DirectWriter| {
            let mut packet = Vec::with_capacity(SHORT);
            write!(packet, "43{ack_id}[").map_err(|_| NotTaken::Gone)?;
            let made: &[u8] = match answer {
                Answer::Made(json) => json.get().as_bytes(),
                answer => {
                    serde_json::to_writer(&mut packet, answer).map_err(|_| NotTaken::Gone)?;
                    b""
                }
            };
            direct_writer.push_text(&[&packet, made, b"]"])
        };
        let by_socket = || {
            // Created for each try: one that fails to be sent is used up.
            let Ok(ack) = AckSender::from_message_parts(
                &self.socket,
                &mut Value::Bytes(Bytes::new()),
                &Some(ack_id),
            );
            ack.send(answer)
        };
        // A long one has had its room since it was created.
        self.send(None, bytes, answer.is_long(), by_direct_writer, by_socket)
    }

    fn notify(&self, event: &EphemeralEvent) -> Taken {
        let EphemeralEvent { name, argument } = event;
        let json = argument.get();
        let parts = ["42[\"", name, "\",", json, "]"].map(str::as_bytes);
        let by_socket = || self.socket.emit(name, argument);
        self.send(
            Some(name),
            json.len(),
            false,
            |direct_writer| direct_writer.push_text(&parts),
            by_socket,
        )
    }

    fn flush(&self) -> Taken {
        let Some(direct_writer) = &self.connection.direct_writer else { return Ok(()) };
        direct_writer.flush()?;
        self.connection.link.outgoing.clear_unsent();
        Ok(())
    }

    async fn room(&self) {
        let Connection { link, direct_writer, .. } = &*self.connection;
        // Pushed frames have to be written before there can be room.
        match direct_writer.as_ref().map(DirectWriter::flush) {
            Some(Err(NotTaken::Gone)) => return,
            Some(Ok(())) if link.outgoing.clear_unsent() => return,
            _ => {}
        }
        let drained = async {
            match direct_writer {
                Some(direct_writer) => direct_writer.room().await,
                None => link.outgoing.drained().await,
            }
        };
        // Boxed: otherwise every idle connection would reserve space for all of this.
        Box::pin(link.room(drained)).await;
    }

    async fn flushed(&self) {
        let link = &self.connection.link;
        let all_left = || self.flush() != Err(NotTaken::Full) && link.outgoing.is_drained();
        while !all_left() && !link.is_closed() && self.socket.connected() {
            Box::pin(link.room(link.outgoing.drained())).await;
        }
    }

    async fn saved(&self) {
        let Connection { gone, session, .. } = &*self.connection;
        gone.run_until_cancelled(session.saved()).await;
    }
}
